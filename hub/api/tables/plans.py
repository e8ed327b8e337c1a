"""Plans and the table charge."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands_plan as commands
from hub.domain import facts
from hub.domain.commands_band import SwitchBand
from hub.domain.facts_band import BandSwitched

_REFUSALS: Final = ("check-closed", "plan-not-running", "conflict")

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "POST", "/v1/checks/{id}/plans", commands.StartPlan, facts.PlanStarted, ("check",), "Start a plan", 201,
        match="honoured", refusals=("check-closed", "sold-out", "not-sold-now", "plan-not-running"),
        example={"product_id": "p-nomihodai", "guests": 4},
    ),
    Write(
        "POST", "/v1/checks/{id}/plans/extend", commands.ExtendPlan, facts.PlanExtended, ("check",), "Extend a plan",
        match="honoured", refusals=(*_REFUSALS, "sold-out", "not-sold-now"), example={},
    ),
    Write(
        "POST", "/v1/checks/{id}/plans/stop", commands.StopPlan, facts.PlanStopped, ("check",), "Stop a plan",
        match="honoured", refusals=_REFUSALS, example={"reason": "guests leave"},
    ),
    Write(
        "POST", "/v1/checks/{id}/table-charge", commands.SetTableCharge, facts.TableChargeSet, ("check",),
        "Set for how many guests the table charge is", match="honoured", refusals=("check-closed", "conflict"),
        example={"guests": 3},
    ),
    Write(
        "POST", "/v1/time-band", SwitchBand, BandSwitched, ("price",),
        "Switch the time band by hand, or let the clock rule again", refusals=("conflict",),
        example={"band_id": "dinner", "reason": "opened early"},
    ),
)  # fmt: skip
