"""Facts about the stock of goods."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from hub.domain.fact import Fact
from hub.domain.stock import MovementKind


class StockLine(Struct, frozen=True, omit_defaults=True):
    """quantity: what it moves by. stock: what there is after it. counted: what a count found.

    level: the word of the master data that it follows.
    """

    product_id: str
    quantity: int
    stock: int
    counted: int | None = None
    level: str = ""


class StockMoved(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """about: the subject of the next entry, with which it goes, e.g. `checks/…`; empty when it goes with none."""

    TYPE: ClassVar[str] = "stock.moved"
    movement_id: str
    kind: MovementKind
    lines: tuple[StockLine, ...]
    reason: str = ""
    about: str = ""

    def subject(self) -> str:
        return f"stock/{self.lines[0].product_id}" if len(self.lines) == 1 else "stock"


STOCK_FACTS = (StockMoved,)
