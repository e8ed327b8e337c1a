"""Who sits at a check, and how."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands, facts

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "PATCH", "/v1/checks/{id}", commands.ChangeCheck, facts.CheckChanged, ("check",),
        "Guests, groups, name, dining, shared table", match="honoured", refusals=("check-closed", "table-occupied"),
        example={"guests": 3, "customer_groups": {"adults": 2, "children": 1}},
    ),
    Write(
        "POST", "/v1/checks/{id}/unmerge", commands.UnmergeCheck, facts.CheckUnmerged, ("check",),
        "Take a merged check out again", match="required", refusals=("check-closed", "conflict"),
        example={"check_id": "c-2"},
    ),
    Write(
        "POST", "/v1/checks/{id}/shares", commands.ShareCheck, facts.SharesPlanned, ("check",),
        "Pay in parts (割り勘): equal ones, agreed amounts, or both", match="honoured", refusals=("check-closed",),
        example={"parts": 3},
    ),
)  # fmt: skip
