"""Facts about plans and the table charge. Each tells how the check stands after it."""

from __future__ import annotations

from typing import ClassVar

from hub.domain.check import Line
from hub.domain.fact import OfCheck
from hub.domain.plan import PlanRun


class _OfPlan(OfCheck, frozen=True, omit_defaults=True, kw_only=True):
    check_no: int
    plan: PlanRun
    check_total: int
    check_version: int


class PlanStarted(_OfPlan, frozen=True, omit_defaults=True, kw_only=True):
    """lines: what pays for it, and the table charge when this is the party's first order."""

    TYPE: ClassVar[str] = "plan.started"
    lines: tuple[Line, ...]


class PlanExtended(_OfPlan, frozen=True, omit_defaults=True, kw_only=True):
    """plan: as it is now; it has so many minutes more."""

    TYPE: ClassVar[str] = "plan.extended"
    minutes: int
    lines: tuple[Line, ...]


class PlanStopped(_OfPlan, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "plan.stopped"
    reason: str = ""


class TableChargeSet(OfCheck, frozen=True, omit_defaults=True, kw_only=True):
    """line: the table charge as it is now, quantity 0 when it is off the check. before: for how many guests it was."""

    TYPE: ClassVar[str] = "table_charge.set"
    check_no: int
    line: Line
    before: int
    check_total: int
    check_version: int


PLAN_FACTS = (PlanStarted, PlanExtended, PlanStopped, TableChargeSet)
