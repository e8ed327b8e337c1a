"""The shapes of what is read about the stock of goods."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from hub.domain.stock import MovementKind


class StockView(Struct):
    """quantity: the sum of its movements. name null: the menu does not know the product any more."""

    product_id: str
    name: str | None
    quantity: int
    moved_at: str
    counted_at: str | None


class StockList(Struct):
    stock: list[StockView]
    next_cursor: str | None


class MovementView(Struct):
    """stock: what there was after it. about: what it goes with, e.g. `checks/…`; counted: what a count found."""

    movement_id: str
    kind: MovementKind
    quantity: int
    stock: int
    counted: int | None
    reason: str
    about: str
    at: str
    business_date: str
    device_id: str
    seq: int


class MovementList(Struct):
    movements: list[MovementView]
    next_cursor: str | None


VIEWS: Final[dict[str, type[Struct]]] = {"StockList": StockList, "MovementList": MovementList}
