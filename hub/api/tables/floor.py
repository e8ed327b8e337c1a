"""Tables, checks and orders."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands, facts

_LINES: Final = {"lines": [{"line_id": "l-1", "quantity": 1}]}

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "POST", "/v1/orders", commands.PlaceOrder, facts.OrderPlaced, ("order", "table.order"), "Take an order", 201,
        refusals=(
            "check-closed", "sold-out", "not-found", "table-shared",
            "last-order-passed", "plan-not-running", "not-sold-now",
        ),
        example={"table_id": "t-4", "lines": [{"product_id": "p-1203", "quantity": 2, "note": "no onions"}]},
    ),
    Write(
        "POST", "/v1/checks", commands.OpenCheck, facts.CheckOpened, ("check",), "Open a check (check-in)", 201,
        refusals=("table-occupied",), example={"table_ids": ["t-4"], "guests": 3},
    ),
    Write(
        "POST", "/v1/checks/{id}/void", commands.VoidLines, facts.LinesVoided, ("check",), "Take lines off",
        match="honoured", refusals=("check-closed",), example={**_LINES, "reason": "dropped"},
    ),
    Write(
        "POST", "/v1/checks/{id}/serve", commands.ServeLines, facts.LinesServed, ("serve",), "Mark lines as served",
        refusals=("check-closed", "conflict"), example=_LINES,
    ),
    Write(
        "POST", "/v1/checks/{id}/move", commands.MoveCheck, facts.CheckMoved, ("check",), "Move to other tables",
        match="required", refusals=("check-closed", "table-occupied"), example={"table_ids": ["t-7"]},
    ),
    Write(
        "POST", "/v1/checks/{id}/merge", commands.MergeCheck, facts.CheckMerged, ("check",), "Take in another check",
        match="required", refusals=("check-closed",), example={"check_id": "c-2"},
    ),
    Write(
        "POST", "/v1/checks/{id}/split", commands.SplitCheck, facts.CheckSplit, ("check",),
        "Part of the lines to a new check", match="required", refusals=("check-closed",), example=_LINES,
    ),
    Write(
        "POST", "/v1/checks/{id}/bill", commands.BillCheck, facts.CheckBilled, ("check",), "Freeze and print the bill",
        match="honoured", refusals=("check-closed",), example={},
    ),
    Write(
        "POST", "/v1/checks/{id}/reopen", commands.ReopenCheck, facts.CheckReopened, ("check",), "Take orders again",
        refusals=("check-closed",), example={},
    ),
    Write(
        "POST", "/v1/checks/{id}/abort", commands.AbortCheck, facts.CheckAborted, ("check",), "End a check unpaid",
        match="required", refusals=("check-closed",), example={"reason": "guests left"},
    ),
    Write(
        "POST", "/v1/staff-calls", commands.CallStaff, facts.StaffCalled, ("staff.call",), "Call someone", 201,
        example={"reason": "the bill, please"},
    ),
    Write(
        "PATCH", "/v1/products/{id}", commands.ChangeProduct, facts.ProductChanged, ("product",),
        "Sold out, portions left, price", example={"availability": "sold_out"},
    ),
)  # fmt: skip
