"""The shapes of sales, for the OpenAPI document."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from hub.domain.discount import Discount
from hub.domain.formal import FormalReceipt
from hub.domain.reckoning import SaleLine, TaxRow
from hub.domain.sale import Refund, SaleStatus, Taken, Tender


class SoldLine(SaleLine, frozen=True, kw_only=True):
    """A line as it was sold. refunded: how many of its portions were given back."""

    refunded: int


class SaleView(Struct, kw_only=True):
    """The sale.completed fact as it stands now: with its status, refunds and voids."""

    sale_id: str
    receipt_no: str
    check_id: str | None
    business_date: str
    seq: int
    accepted_at: str
    device_id: str
    register_id: str
    status: SaleStatus
    lines: list[SoldLine]
    subtotal: int
    discount: int
    discounts: list[Discount]
    taxes: list[TaxRow]
    total: int
    tenders: list[Tender]
    change: int
    customer_id: str | None
    points_used: int
    taken: Taken | None
    flags: list[str]
    guests: int
    late: bool
    refunds: list[Refund]
    refunded: int
    points_returned: int = 0
    points_granted: int = 0
    points_revoked: int = 0
    adjustment: int = 0
    voided_at: str | None = None
    reason: str | None = None
    formal: list[FormalReceipt] = []
    layaway_id: str | None = None


class SaleList(Struct):
    sales: list[SaleView]
    next_cursor: str | None


VIEWS: Final[dict[str, type[Struct]]] = {view.__name__: view for view in (SaleView, SaleList)}
