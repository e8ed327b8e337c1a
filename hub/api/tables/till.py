"""Sales, what becomes of them, and receipt numbers."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands, facts

_LINES: Final = {"lines": [{"line_id": "l-1", "quantity": 1}]}
_CASH: Final = [{"method": "cash", "amount": 1200, "tendered": 2000}]

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "POST", "/v1/sales", commands.CompleteSale, facts.SaleCompleted, ("sale",),
        "Settle a check, or sell at once", 201, match="honoured",
        refusals=("check-closed", "sold-out", "not-found", "tender-offline", "tender-mismatch", "conflict",
            "not-sold-now", "plan-not-running", "points-short", "points-limit", "coupon-refused"),
        example={"check_id": "c-1", "tenders": _CASH},
    ),
    Write(
        "POST", "/v1/sales/{id}/void", commands.VoidSale, facts.SaleVoided, ("sale.correct",),
        "Cancel a sale on its day", refusals=("conflict",), example={"reason": "wrong table"},
    ),
    Write(
        "POST", "/v1/sales/{id}/refunds", commands.RefundSale, facts.SaleRefunded, ("sale.correct",),
        "Give back in part", 201, refusals=("conflict", "tender-mismatch", "tender-offline"),
        example={**_LINES, "tenders": [{"method": "cash", "amount": 500}], "reason": "cold"},
    ),
    Write(
        "POST", "/v1/number-blocks", commands.TakeNumbers, facts.NumbersReserved, ("numbers",),
        "Receipt numbers for a register that may lose the hub", 201, example={"register_id": "r-1", "count": 100},
    ),
)  # fmt: skip
