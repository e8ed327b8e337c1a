"""Who sits where: which open checks are at a table.

Nearly every table has one. `seated` holds it; `sharing` holds those that came to it later (相席), in that order.
"""

from __future__ import annotations

from collections.abc import Collection

from hub.domain.check import Check
from hub.domain.errors import TableOccupied, TableShared
from hub.domain.state import State


def sitting(state: State, table_id: str) -> tuple[str, ...]:
    """The checks at the table, first come first: for decisions only."""
    first = state.seated.get(table_id)
    return () if first is None else (first, *(state.sharing.get(table_id) or ()))


def shown(state: State, table_id: str) -> tuple[str, ...]:
    """The checks at the table: for readers."""
    first = state.seated.committed.get(table_id)
    return () if first is None else (first, *state.sharing.committed.get(table_id, ()))


def in_the_way(state: State, table_id: str, *, shared: bool, besides: Collection[str] = ()) -> str | None:
    """The check that keeps another from the table; None when all of them allow company, and so does who comes.

    shared: whether the one that comes does. besides: checks that are no obstacle, as they are the same party.
    """
    for check_id in sitting(state, table_id):
        if check_id not in besides:
            check = state.checks.get(check_id)
            if not shared or check is None or not check.shared:
                return check_id
    return None


def require_room(state: State, table_id: str, *, shared: bool, besides: Collection[str] = ()) -> None:
    """Raises TableOccupied with the check that is in the way."""
    occupant = in_the_way(state, table_id, shared=shared, besides=besides)
    if occupant is not None:
        raise TableOccupied(table_id=table_id, check_id=occupant)


def only_check(state: State, table_id: str, *, choices: bool = True) -> str | None:
    """The one check at the table, None at a free one. Raises TableShared when there are several.

    choices: tell which; a guest's tablet learns nothing of the strangers at its table.
    """
    if not state.sharing.get(table_id):
        return state.seated.get(table_id)
    found = [state.checks.get(check_id) for check_id in sitting(state, table_id)] if choices else []
    raise TableShared(table_id=table_id, checks=[_choice(check) for check in found if check is not None])


def _choice(check: Check) -> dict[str, object]:
    return {
        "check_id": check.check_id,
        "check_no": check.check_no,
        "name": check.name,
        "guests": check.guests,
    }


def sit(state: State, table_id: str, check_id: str) -> None:
    first = state.seated.get(table_id)
    if first is None:
        state.seated.put(table_id, check_id)
    elif first != check_id:
        others = state.sharing.get(table_id) or ()
        if check_id not in others:
            state.sharing.put(table_id, (*others, check_id))


def rise(state: State, table_id: str, check_id: str) -> None:
    """The check leaves the table; who shared it longest is then the first. Nothing for one that does not sit there."""
    before = sitting(state, table_id)
    after = tuple(other for other in before if other != check_id)
    if after == before:
        return
    if after:
        state.seated.put(table_id, after[0])
    else:
        state.seated.remove(table_id)
    if len(after) > 1:
        state.sharing.put(table_id, after[1:])
    elif len(before) > 1:
        state.sharing.remove(table_id)
