"""Who sits at a check, changed while they sit there."""

from __future__ import annotations

from typing import Any

from hub.domain.check import Check, Move, total_of
from hub.domain.commands import ChangeCheck
from hub.domain.decide.at import At
from hub.domain.decide.checkin import fitting_groups
from hub.domain.decide.floor import target_check
from hub.domain.errors import InvalidRequest
from hub.domain.facts import CheckChanged, Fact
from hub.domain.facts_check import LineRate
from hub.domain.menu import Dining
from hub.domain.rerating import rerated
from hub.domain.seats import require_room
from hub.domain.state import State
from hub.domain.tax import rate_class


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


DECISIONS: dict[type[Any], Any] = {ChangeCheck: change_check}
