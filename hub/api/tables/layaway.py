"""Layaways."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands_layaway as commands
from hub.domain import facts, facts_layaway

_CASH: Final = [{"method": "cash", "amount": 500}]

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "POST", "/v1/layaways", commands.OpenLayaway, facts_layaway.LayawayOpened, ("sale",),
        "Set goods aside (取り置き)", 201, refusals=("sold-out", "tender-offline"),
        example={"lines": [{"product_id": "p-1203", "quantity": 1}], "tenders": _CASH, "name": "山田様"},
    ),
    Write(
        "POST", "/v1/layaways/{id}/complete", commands.CompleteLayaway, facts.SaleCompleted, ("sale",),
        "Goods that were set aside are fetched: a sale", 201,
        refusals=("conflict", "tender-mismatch", "tender-offline"), example={"tenders": _CASH},
    ),
    Write(
        "POST", "/v1/layaways/{id}/cancel", commands.CancelLayaway, facts_layaway.LayawayCancelled,
        ("sale.correct",), "Put goods that were set aside back, and give the deposit back",
        refusals=("conflict", "tender-mismatch", "tender-offline"),
        example={"reason": "not fetched", "tenders": _CASH},
    ),
)  # fmt: skip
