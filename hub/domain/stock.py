"""The stock of goods (在庫): what is on the shelf, by product, and every movement that made it so.

Not the portions left of a dish (残数, Product.remaining), which the kitchen says and a day ends.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from hub.domain.menu import QUANTITY_MAX

# Taken by what is sold and given back: order, change (of a quantity), void, abort, sale, sale_void, refund; aside and
# aside_end (goods set aside for someone, and put back: the sale of a layaway takes nothing more).
# By hand: delivery, loss, transfer, correction, and count (the difference that a count found).
# From master data: opening (the first level of all) and cloud (a difference that the cloud knows).
MovedBy = Literal["delivery", "loss", "transfer", "correction"]
MovementKind = Literal[
    "order", "change", "void", "abort", "sale", "sale_void", "refund", "aside", "aside_end",
    "delivery", "loss", "transfer", "correction",
    "count", "opening", "cloud",
]  # fmt: skip

# Settings: when a check takes from the stock, and whether more can be sold than there is.
TAKEN_AT: Final = "stock_taken_at"
OVERSELL: Final = "stock_oversell"
Counted = Annotated[int, Meta(ge=0, le=QUANTITY_MAX, examples=[12])]


class Stock(Struct, frozen=True, omit_defaults=True, gc=False):
    """quantity: the sum of all movements. level: the last word of the master data that was taken into it."""

    product_id: str
    quantity: int
    moved_at: str
    counted_at: str | None = None
    level: str = ""


class StockMovement(Struct, frozen=True, omit_defaults=True, gc=False):
    """stock: what there was after it."""

    product_id: str
    quantity: int
    stock: int
    kind: MovementKind
    movement_id: str
    key: str
    seq: int
    at: str
    business_date: str
    device_id: str
    reason: str = ""
    about: str = ""
    counted: int | None = None


def movement_key(seq: int, epoch: str, index: int) -> str:
    """In the order of the journal; a recovered movement keeps its place of old."""
    return f"{seq:012d}.{epoch}.{index:03d}"
