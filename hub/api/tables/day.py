"""Registers' drawers and the business day."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands_day, facts_day

_PIECES: Final = [{"value": 10_000, "count": 3}, {"value": 1_000, "count": 12}, {"value": 100, "count": 25}]

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "POST", "/v1/registers/{id}/drawer", commands_day.MoveDrawer, facts_day.DrawerMoved, ("drawer",),
        "Float, cash in or out, or the drawer opened", 201, refusals=("register-refused",),
        example={"kind": "out", "amount": 3000, "reason": "flowers"},
    ),
    Write(
        "POST", "/v1/registers/{id}/count", commands_day.CountRegister, facts_day.RegisterCounted, ("drawer",),
        "Interim count (点検)", refusals=("register-refused",), example={"pieces": _PIECES},
    ),
    Write(
        "POST", "/v1/registers/{id}/settle", commands_day.SettleRegister, facts_day.RegisterSettled, ("drawer",),
        "Settle a register (精算)", refusals=("register-refused",),
        example={"pieces": _PIECES, "tenders": [{"method": "card", "amount": 12_800}]},
    ),
    Write(
        "POST", "/v1/days/{id}/close", commands_day.CloseDay, facts_day.DayClosed, ("day",),
        "Close a business day (締め); the id is its date", refusals=("open-checks", "conflict"),
        example={"open_checks": "carry"},
    ),
)  # fmt: skip
