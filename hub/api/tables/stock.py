"""The stock of goods."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands_stock as commands
from hub.domain import facts_stock as facts

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "POST", "/v1/stock/movements", commands.MoveStock, facts.StockMoved, ("stock",), "Goods come or go", 201,
        refusals=("conflict",),
        example={"product_id": "p-1203", "quantity": 24, "kind": "delivery", "reason": "note 4711"},
    ),
    Write(
        "POST", "/v1/stock/counts", commands.CountStock, facts.StockMoved, ("stock",), "What was found on the shelf",
        201, refusals=("conflict",), example={"lines": [{"product_id": "p-1203", "quantity": 11, "shown": 12}]},
    ),
)  # fmt: skip
