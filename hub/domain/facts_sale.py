"""Facts about money: sales, what became of them, and receipt numbers set aside for registers."""

from __future__ import annotations

from typing import ClassVar

from hub.domain.discount import Discount
from hub.domain.fact import Fact
from hub.domain.formal import FormalReceipt
from hub.domain.reckoning import SaleLine, TaxRow
from hub.domain.sale import RefundedLine, Taken, Tender


class _OfSale(Fact, frozen=True, omit_defaults=True, kw_only=True):
    sale_id: str
    receipt_no: str
    check_id: str | None
    # Its business day had been closed when it came.
    late: bool = False

    def subject(self) -> str:
        return f"sales/{self.sale_id}"


class SaleCompleted(_OfSale, frozen=True, omit_defaults=True, kw_only=True):
    """subtotal - discount + the tax on top of prices without tax (+ adjustment) = total = what the tenders add up to.

    flags: what was recorded although it did not fit (sales taken without the hub only).
    """

    TYPE: ClassVar[str] = "sale.completed"
    lines: tuple[SaleLine, ...]
    subtotal: int
    discount: int
    taxes: tuple[TaxRow, ...]
    total: int
    tenders: tuple[Tender, ...]
    change: int
    register_id: str
    discounts: tuple[Discount, ...] = ()
    customer_id: str | None = None
    points_used: int = 0
    adjustment: int = 0
    taken: Taken | None = None
    flags: tuple[str, ...] = ()
    guests: int = 0
    points_granted: int = 0
    layaway_id: str | None = None
    # Formal receipts over the deposit of its layaway: they are its own from now on.
    formal: tuple[FormalReceipt, ...] = ()


class SaleVoided(_OfSale, frozen=True, omit_defaults=True, kw_only=True):
    """The sale counts as not made. Amounts are positive, those of the sale."""

    TYPE: ClassVar[str] = "sale.voided"
    lines: tuple[RefundedLine, ...]
    taxes: tuple[TaxRow, ...]
    total: int
    tenders: tuple[Tender, ...]
    reason: str
    points_returned: int = 0
    register_id: str = ""
    guests: int = 0
    # Granted points taken back, and whose they are now: the sale's customer may have been merged since.
    points_revoked: int = 0
    customer_id: str | None = None
    layaway_id: str | None = None


class SaleRefunded(_OfSale, frozen=True, omit_defaults=True, kw_only=True):
    """Goods or money back. receipt_no is that of the sale, refund_no the refund's own. Amounts are positive."""

    TYPE: ClassVar[str] = "sale.refunded"
    refund_id: str
    refund_no: str
    lines: tuple[RefundedLine, ...]
    taxes: tuple[TaxRow, ...]
    total: int
    tenders: tuple[Tender, ...]
    reason: str
    points_returned: int = 0
    register_id: str = ""
    # Granted points taken back, and whose they are now: the sale's customer may have been merged since.
    points_revoked: int = 0
    customer_id: str | None = None


class NumbersReserved(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """first to last of the series belong to the register; first_no and last_no are how they are written.

    Unused ones stay unused: this entry explains the gap.
    """

    TYPE: ClassVar[str] = "numbers.reserved"
    register_id: str
    series: str
    first: int
    last: int
    first_no: str
    last_no: str

    def subject(self) -> str:
        return f"registers/{self.register_id}"


SALE_FACTS = (SaleCompleted, SaleVoided, SaleRefunded, NumbersReserved)
