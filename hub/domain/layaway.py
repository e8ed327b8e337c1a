"""Layaway (取り置き): goods set aside for someone, perhaps against a deposit (内金), until they are fetched."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

from hub.domain.check import Line
from hub.domain.discount import Discount
from hub.domain.formal import FormalReceipt
from hub.domain.menu import Dining
from hub.domain.sale import Tender

# open: the goods are out of the stock and wait.  completed: sold, its sale has the deposit as a tender.
# cancelled: the goods are back in the stock, the deposit was given back.
LayawayStatus = Literal["open", "completed", "cancelled"]


class LayawayMove(StrEnum):
    """REOPEN: the sale that completed it was voided."""

    COMPLETE = "complete"
    CANCEL = "cancel"
    REOPEN = "reopen"


NEXT: Final[dict[tuple[LayawayStatus, LayawayMove], LayawayStatus]] = {
    ("open", LayawayMove.COMPLETE): "completed",
    ("open", LayawayMove.CANCEL): "cancelled",
    ("completed", LayawayMove.REOPEN): "open",
}

# The tender by which a deposit pays its part of the sale.
DEPOSIT: Final = "deposit"


class Layaway(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """total: what it came to when it was opened. until: the last day on which the goods wait.

    deposit_no: the receipt number of the deposit. receipt_no: that of the sale.
    """

    layaway_id: str
    business_date: str
    opened_at: str
    lines: tuple[Line, ...]
    total: int
    deposit: int
    tenders: tuple[Tender, ...]
    register_id: str
    dining: Dining
    discounts: tuple[Discount, ...] = ()
    deposit_no: str | None = None
    customer_id: str | None = None
    name: str = ""
    until: str | None = None
    note: str = ""
    status: LayawayStatus = "open"
    sale_id: str | None = None
    receipt_no: str | None = None
    ended_at: str | None = None
    reason: str = ""
    # Over the deposit. Once the goods are sold, those that were issued stand with the sale.
    formal: tuple[FormalReceipt, ...] = ()

    def deposit_tender(self) -> tuple[Tender, ...]:
        if not self.deposit:
            return ()
        return (Tender(DEPOSIT, "内金", "other", self.deposit, reference=self.deposit_no),)
