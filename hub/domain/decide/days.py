"""Closing the business day (締め), by hand or by the box itself, with or without the WAN."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from hub.domain.check import Check
from hub.domain.commands_day import CloseDay
from hub.domain.day import NEXT, Day, DayMove
from hub.domain.decide.at import At
from hub.domain.decide.registers import register_on
from hub.domain.errors import Conflict, InvalidRequest, OpenChecks
from hub.domain.facts import Fact
from hub.domain.facts_day import DayClosed, OpenCheckLeft
from hub.domain.state import State
from hub.domain.views_day import drawer_sum, unsettled


def close_day(state: State, command: CloseDay, at: At) -> list[Fact]:
    """Freeze the figures. Raises OpenChecks when checks are open and are not to be carried over."""
    name = at.target
    if not _is_date(name):
        raise InvalidRequest.at("id", "must be a date, YYYY-MM-DD")
    if name > at.stamp.business_date:
        raise InvalidRequest.at("id", f"has not come: today is {at.stamp.business_date}")
    day = state.days.get(name) or Day(business_date=name)
    if (day.status, DayMove.CLOSE) not in NEXT:
        raise Conflict(reason=f"{name} was closed at {day.closed_at}, and nothing has come in since.")
    left = left_open((check for _, check in state.checks.items()), name)
    if left and command.open_checks == "refuse":
        raise OpenChecks(date=name, count=len(left), check_ids=[check.check_id for check in left])
    registers = [register_on(state, name, register_id) for register_id in day.registers]
    return [
        DayClosed(
            date=name,
            revision=day.revision + 1,
            by="auto" if at.device.device_id == "hub" else "hand",
            totals=day.figures,
            drawers=drawer_sum(registers),
            registers=day.registers,
            unsettled=unsettled(registers),
            open_checks=left,
            unsent=at.unsent(),
            late=day.late,
        )
    ]


def left_open(checks: Iterable[Check], name: str) -> tuple[OpenCheckLeft, ...]:
    """Checks that were opened on the day or before and have not ended, in the order of their opening."""
    found = [check for check in checks if not check.ended and check.business_date <= name]
    found.sort(key=lambda check: (check.business_date, check.check_no))
    return tuple(
        OpenCheckLeft(check.check_id, check.check_no, check.table_ids, check.total) for check in found
    )


def _is_date(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


DECISIONS: dict[type[Any], Any] = {CloseDay: close_day}
