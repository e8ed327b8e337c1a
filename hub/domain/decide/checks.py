"""Who sits at a check, changed while they sit there; a merged check taken out again; a bill shared (割り勘)."""

from __future__ import annotations

from typing import Any, Final

from hub.domain.check import Check, Move, SharePlan, pinned, total_of
from hub.domain.commands import ChangeCheck, ShareCheck, UnmergeCheck
from hub.domain.decide.at import At
from hub.domain.decide.checkin import fitting_groups
from hub.domain.decide.floor import target_check
from hub.domain.decide.orders import find_check
from hub.domain.errors import Conflict, InvalidRequest
from hub.domain.facts import CheckChanged, CheckUnmerged, Fact, SharesPlanned
from hub.domain.facts_check import LineRate
from hub.domain.menu import Dining
from hub.domain.merging import less_groups, part
from hub.domain.rerating import rerated
from hub.domain.seats import in_the_way, require_room
from hub.domain.state import State
from hub.domain.tax import rate_class

# As many as a sale takes tenders.
PARTS_MAX: Final = 50


def change_check(state: State, command: ChangeCheck, at: At) -> list[Fact]:
    check = target_check(state, at, Move.CHANGE)
    if command == ChangeCheck():
        raise InvalidRequest.at("", "say what is to change")
    guests = check.guests if command.guests is None else command.guests
    groups = check.customer_groups if command.customer_groups is None else command.customer_groups
    if command.guests is None and command.customer_groups:
        guests = max(guests, sum(groups.values()))
    fitting_groups(groups, guests)
    dining = command.dining or check.dining
    shared = check.shared if command.shared is None else command.shared
    for table_id in check.table_ids if check.shared and not shared else ():
        require_room(state, table_id, shared=False, besides=(check.check_id,))
    rates = _rates(state, check, dining, at)
    sums = rerated(check, {line.line_id: line.tax_rate for line in rates})[1] if rates else check.sums
    return [
        CheckChanged(
            check_id=check.check_id,
            check_no=check.check_no,
            guests=guests,
            name=check.name if command.name is None else command.name,
            dining=dining,
            shared=shared,
            customer_groups=groups,
            check_version=check.version + 1,
            check_total=total_of(sums, state.rounding, check.discounts) if rates else check.total,
            rerated=rates,
        )
    ]


def _rates(state: State, check: Check, dining: Dining, at: At) -> tuple[LineRate, ...]:
    """The lines whose class of tax depends on where they are eaten, and follow the check in that."""
    return tuple(
        LineRate(line.line_id, state.tax.rate(line.tax_class, dining, at.stamp.unix_s))
        for line in check.lines
        if line.dining is None
        and rate_class(line.tax_class, dining) != rate_class(line.tax_class, check.dining)
    )


def unmerge_check(state: State, command: UnmergeCheck, at: At) -> list[Fact]:
    check = pinned(target_check(state, at, Move.GIVE_BACK, version=True))
    merged = find_check(state, command.check_id)
    merged.after(Move.COME_BACK)
    if merged.merged_into != check.check_id:
        raise Conflict(reason=f"That check was merged into {merged.merged_into}: take it out of that one.")
    parted = part(check, merged, state.rounding)
    table_ids, back = _tables_back(state, check, merged)
    guests = max(0, check.guests - merged.guests)
    return [
        CheckUnmerged(
            check_id=check.check_id,
            check_no=check.check_no,
            table_ids=table_ids,
            guests=guests,
            customer_groups=less_groups(check.customer_groups, merged.customer_groups, guests),
            check_version=check.version + 1,
            check_total=total_of(parted.stay_sums, state.rounding, ()),
            unmerged_check_id=merged.check_id,
            unmerged_check_no=merged.check_no,
            unmerged_check_version=merged.version + 1,
            unmerged_check_total=total_of(parted.back_sums, state.rounding, ()),
            unmerged_table_ids=back,
            lines=parted.back,
        )
    ]


def _tables_back(state: State, check: Check, merged: Check) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """(the check's tables, the merged one's): it gets those that it brought along and that the check still has.

    Where both sat before (相席) they do again if both still allow it, as with a third party that came to the table.
    The check itself is never left standing: its last table stays with it.
    """
    keeps, back = list(check.table_ids), []
    for table_id in merged.table_ids:
        if table_id not in keeps:
            continue
        goes = table_id in merged.brought and len(keeps) > 1
        besides = (check.check_id,) if goes else ()
        if in_the_way(state, table_id, shared=merged.shared, besides=besides) is None:
            back.append(table_id)
            if goes:
                keeps.remove(table_id)
    return tuple(keeps), tuple(back)


def share_check(state: State, command: ShareCheck, at: At) -> list[Fact]:
    check = target_check(state, at, Move.SHARE)
    parts = command.parts
    if parts is None:
        parts = 0 if command.amounts else check.guests
    if not 0 < parts + len(command.amounts) <= PARTS_MAX:
        raise InvalidRequest.at("parts", f"say between how many it is shared, 1 to {PARTS_MAX}")
    plan = SharePlan(command.amounts, parts)
    shares = plan.of(check.due)
    if shares is None:
        said = sum(command.amounts)
        raise InvalidRequest.at("amounts", f"they come to {said}, the check to {check.due}")
    if len(shares) == 1:
        plan, shares = SharePlan((), 0), ()
    return [
        SharesPlanned(
            check_id=check.check_id,
            check_no=check.check_no,
            amounts=plan.amounts,
            parts=plan.parts,
            shares=shares,
            check_version=check.version + 1,
            check_total=check.due,
        )
    ]


DECISIONS: dict[type[Any], Any] = {
    ChangeCheck: change_check,
    UnmergeCheck: unmerge_check,
    ShareCheck: share_check,
}
