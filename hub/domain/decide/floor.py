"""What happens to a check between its opening and its end."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from hub.domain.check import Check, Move, merge_sums, pinned, split_sums, total_of
from hub.domain.commands import (
    AbortCheck,
    BillCheck,
    CallStaff,
    MergeCheck,
    MoveCheck,
    ReopenCheck,
    SplitCheck,
)
from hub.domain.decide.at import At
from hub.domain.decide.billing import bill_of, offers_now
from hub.domain.decide.checkin import add_groups, free_tables
from hub.domain.decide.orders import AMOUNT_MAX, find_check, known_table, next_check_no
from hub.domain.decide.portions import portions_of, with_children
from hub.domain.errors import CheckChanged, Forbidden, InvalidRequest, PreconditionRequired
from hub.domain.facts import (
    CheckAborted,
    CheckBilled,
    CheckMerged,
    CheckMoved,
    CheckReopened,
    CheckSplit,
    Fact,
    LineCount,
    Renamed,
    StaffCalled,
)
from hub.domain.seats import require_room, sitting
from hub.domain.state import State
from hub.domain.views import check_view


def target_check(state: State, at: At, move: Move, *, version: bool = False) -> Check:
    """The check in the request's path, as the caller knows it and when the move is allowed.

    version: If-Match must be there. A stale one is told with the check as it is now.
    """
    check = find_check(state, at.target)
    if version and at.version is None:
        raise PreconditionRequired
    seen_as_it_is(check, at)
    check.after(move)
    return check


def seen_as_it_is(check: Check, at: At) -> None:
    """Raises CheckChanged when If-Match names another version than the check has now."""
    if at.version is not None and at.version != check.version:
        raise CheckChanged(check=check_view(check))


def move_check(state: State, command: MoveCheck, at: At) -> list[Fact]:
    check = target_check(state, at, Move.MOVE, version=True)
    shared = check.shared if command.shared is None else command.shared
    free_tables(state, command.table_ids, shared=shared, besides=(check.check_id,))
    return [
        CheckMoved(
            check_id=check.check_id,
            check_no=check.check_no,
            from_table_ids=check.table_ids,
            table_ids=command.table_ids,
            shared=command.shared,
            check_version=check.version + 1,
            check_total=check.total,
        )
    ]


def merge_check(state: State, command: MergeCheck, at: At) -> list[Fact]:
    check = target_check(state, at, Move.TAKE_IN, version=True)
    if command.check_id == check.check_id:
        raise InvalidRequest.at("check_id", "a check cannot be merged with itself")
    other = find_check(state, command.check_id)
    other.after(Move.JOIN)
    party = (check.check_id, other.check_id)
    for table_id in other.table_ids:
        require_room(state, table_id, shared=check.shared, besides=party)
    sums = merge_sums(pinned(check).sums, pinned(other).sums, state.rounding)
    total = total_of(sums, state.rounding, ())
    if total > AMOUNT_MAX:
        raise InvalidRequest.at("check_id", f"the check would come to more than {AMOUNT_MAX}")
    return [
        CheckMerged(
            check_id=check.check_id,
            check_no=check.check_no,
            merged_check_id=other.check_id,
            table_ids=(
                *check.table_ids,
                *(table for table in other.table_ids if table not in check.table_ids),
            ),
            guests=check.guests + other.guests,
            renamed=_renamed(check, other),
            customer_groups=add_groups(check.customer_groups, other.customer_groups),
            check_version=check.version + 1,
            check_total=total,
        )
    ]


def _renamed(check: Check, other: Check) -> tuple[Renamed, ...]:
    """New ids for lines whose ids both checks have: ids of the hub's never meet, but a device may use its own twice."""
    used = {line.line_id for line in check.lines}
    taken = used | {line.line_id for line in other.lines}
    renamed = []
    for line in other.lines:
        if line.line_id in used:
            number = 2
            while (new := f"{line.line_id[:58]}.{number}") in taken:
                number += 1
            taken.add(new)
            renamed.append(Renamed(line.line_id, new))
    return tuple(renamed)


def split_check(state: State, command: SplitCheck, at: At) -> list[Fact]:
    check = pinned(target_check(state, at, Move.SPLIT, version=True))
    portions = with_children(check, portions_of(check, command.lines))
    if sum(quantity for _, quantity in portions) == sum(line.quantity for line in check.lines):
        raise InvalidRequest.at(
            "lines", "a split leaves something on the check; to change its table, move it"
        )
    new_id = at.mint()
    new_lines = []
    names: dict[str | None, str] = {}
    for index, (line, quantity) in enumerate(portions):
        part = line.part(quantity)
        if quantity < line.quantity:
            # Portions that were served stay with the check as far as it has room for them.
            served = max(0, line.served - (line.quantity - quantity))
            names[line.line_id] = f"{new_id}-{index + 1}"
            # A set stands before its children, which follow it to its new name.
            parent = names.get(line.parent_line_id, line.parent_line_id)
            part = replace(part, line_id=names[line.line_id], served=served, parent_line_id=parent)
        # It is the new check's now, and not to be given back to one that was merged into the old one.
        new_lines.append(replace(part, came=()) if part.came else part)
    stay, leave = split_sums(check.sums, new_lines, state.rounding)
    return [
        CheckSplit(
            check_id=check.check_id,
            check_no=check.check_no,
            lines=tuple(LineCount(line.line_id, quantity) for line, quantity in portions),
            check_version=check.version + 1,
            check_total=total_of(stay, state.rounding, ()),
            new_check_id=new_id,
            new_check_no=next_check_no(state, at),
            new_check_version=1,
            new_check_total=total_of(leave, state.rounding, ()),
            new_lines=tuple(new_lines),
        )
    ]


def bill_check(state: State, command: BillCheck, at: At) -> list[Fact]:
    check = target_check(state, at, Move.BILL)
    bill, extras = bill_of(state, check, offers_now(state), at)
    return [
        CheckBilled(
            check_id=check.check_id,
            check_no=check.check_no,
            table_ids=check.table_ids,
            taxes=bill.taxes,
            discounts=bill.discounts,
            due=bill.total,
            charges=extras.charges,
            round_to=extras.round_to,
            check_version=check.version + 1,
            check_total=check.total,
        )
    ]


def reopen_check(state: State, command: ReopenCheck, at: At) -> list[Fact]:
    check = target_check(state, at, Move.REOPEN)
    return [
        CheckReopened(
            check_id=check.check_id,
            check_no=check.check_no,
            check_version=check.version + 1,
            check_total=check.total,
        )
    ]


def abort_check(state: State, command: AbortCheck, at: At) -> list[Fact]:
    check = target_check(state, at, Move.ABORT, version=True)
    return [
        CheckAborted(
            check_id=check.check_id,
            check_no=check.check_no,
            reason=command.reason,
            check_version=check.version + 1,
            check_total=check.total,
        )
    ]


def call_staff(state: State, command: CallStaff, at: At) -> list[Fact]:
    table_id = at.device.table_id if at.device.role == "table" else command.table_id
    if table_id is None:
        raise InvalidRequest.at("table_id", "say which table calls")
    if command.table_id not in (None, table_id):
        raise Forbidden(role=at.device.role)
    known_table(state, table_id, "table_id")
    there = sitting(state, table_id)
    check_id = there[0] if len(there) == 1 else None
    return [StaffCalled(table_id=table_id, check_id=check_id, reason=command.reason)]


DECISIONS: dict[type[Any], Any] = {
    CallStaff: call_staff,
    MoveCheck: move_check,
    MergeCheck: merge_check,
    SplitCheck: split_check,
    BillCheck: bill_check,
    ReopenCheck: reopen_check,
    AbortCheck: abort_check,
}
