"""Check-in: which tables a party takes, and how many guests of which groups it has."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from hub.domain.commands import OpenCheck
from hub.domain.decide.at import At
from hub.domain.decide.orders import known_table, new_check
from hub.domain.errors import InvalidRequest
from hub.domain.facts import Fact
from hub.domain.seats import require_room
from hub.domain.state import State


def open_check(state: State, command: OpenCheck, at: At) -> list[Fact]:
    free_tables(state, command.table_ids, shared=command.shared)
    groups = command.customer_groups
    guests = command.guests or sum(groups.values())
    fitting_groups(groups, guests)
    return [
        new_check(
            state,
            at,
            command.table_ids,
            guests=guests,
            dining=command.dining,
            name=command.name,
            shared=command.shared,
            customer_groups=groups,
        )
    ]


def free_tables(
    state: State, table_ids: tuple[str, ...], *, shared: bool, besides: Collection[str] = ()
) -> None:
    """Raises InvalidRequest for tables that are not there or named twice, TableOccupied for one that is taken."""
    for index, table_id in enumerate(table_ids):
        known_table(state, table_id, f"table_ids[{index}]")
        require_room(state, table_id, shared=shared, besides=besides)
    if len(set(table_ids)) != len(table_ids):
        raise InvalidRequest.at("table_ids", "a table is named twice")


def fitting_groups(groups: Mapping[str, int], guests: int) -> None:
    """Raises InvalidRequest when more people are in groups than there are guests. Not all need be in one."""
    count = sum(groups.values())
    if count > guests:
        raise InvalidRequest.at("customer_groups", f"{count} people in groups, but {guests} guests")


def add_groups(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + other.get(name, 0) for name in (*one, *other)}


DECISIONS: dict[type[Any], Any] = {OpenCheck: open_check}
