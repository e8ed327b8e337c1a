"""A sale: what was paid for, and what of it has been given back."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from hub.domain.discount import Discount, RateKey
from hub.domain.formal import FormalReceipt
from hub.domain.menu import TenderKind
from hub.domain.money import Rounding, divide
from hub.domain.reckoning import SaleLine, TaxRow

# completed: paid, perhaps refunded in part.  voided: cancelled on its day, counts as not made.
# refunded: all of it was given back.
SaleStatus = Literal["completed", "voided", "refunded"]


class SaleMove(StrEnum):
    VOID = "void"
    REFUND = "refund"


# A refund of the last line ends a sale as refunded; of less, it stays completed.
NEXT: Final[dict[tuple[SaleStatus, SaleMove], SaleStatus]] = {
    ("completed", SaleMove.VOID): "voided",
    ("completed", SaleMove.REFUND): "completed",
}


class Tender(Struct, frozen=True, omit_defaults=True):
    """How a part was paid. amount is what it settles; tendered what the guest handed over in cash.

    external: taken on a terminal with a line of its own while the hub was offline; reference is its slip number.
    surplus: what a voucher was worth beyond it, which the store keeps. Below 0: cash given as change for a voucher.
    payment_id: of a deferred one; unpaid: its answer is awaited, or the money did not come.
    """

    method: str
    name: str
    kind: TenderKind
    amount: int
    tendered: int | None = None
    reference: str | None = None
    external: bool = False
    surplus: int = 0
    account_id: str | None = None
    account_name: str = ""
    payment_id: str | None = None
    unpaid: Literal["pending", "failed"] | None = None


class Taken(Struct, frozen=True, omit_defaults=True):
    """What a device said about a sale that it made without the hub: when, under which number, for how much."""

    at: str
    receipt_no: str
    total: int


class RefundedLine(Struct, frozen=True):
    """amount: what the line's part came to, after discounts, in the line's price (with or without tax)."""

    line_id: str
    product_id: str
    name: str
    quantity: int
    amount: int
    category_id: str = ""


class Refund(Struct, frozen=True, omit_defaults=True):
    """lines and taxes: what its return invoice (適格返還請求書) says."""

    refund_id: str
    refund_no: str
    total: int
    at: str
    business_date: str
    reason: str = ""
    lines: tuple[RefundedLine, ...] = ()
    taxes: tuple[TaxRow, ...] = ()


class Sale(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """sale.completed as it stands now. returned: quantities given back so far, by line id."""

    sale_id: str
    receipt_no: str
    check_id: str | None
    business_date: str
    seq: int
    accepted_at: str
    device_id: str
    register_id: str
    lines: tuple[SaleLine, ...]
    subtotal: int
    discount: int
    taxes: tuple[TaxRow, ...]
    total: int
    tenders: tuple[Tender, ...]
    change: int
    status: SaleStatus = "completed"
    discounts: tuple[Discount, ...] = ()
    customer_id: str | None = None
    points_used: int = 0
    points_returned: int = 0
    adjustment: int = 0
    taken: Taken | None = None
    flags: tuple[str, ...] = ()
    guests: int = 0
    late: bool = False
    refunds: tuple[Refund, ...] = ()
    returned: dict[str, int] = {}
    voided_at: str | None = None
    reason: str | None = None
    formal: tuple[FormalReceipt, ...] = ()
    layaway_id: str | None = None
    # The entries about it after its own.
    trail: tuple[int, ...] = ()
    points_granted: int = 0
    points_revoked: int = 0

    def line(self, line_id: str) -> SaleLine | None:
        return next((line for line in self.lines if line.line_id == line_id), None)

    @property
    def standing(self) -> tuple[Tender, ...]:
        """The tenders that count: all but those whose money did not come."""
        return tuple(tender for tender in self.tenders if tender.unpaid != "failed")

    @property
    def received(self) -> int:
        """What the guest has paid: neither what is on account nor what is awaited."""
        return sum(
            tender.amount for tender in self.tenders if tender.unpaid is None and tender.account_id is None
        )

    @property
    def refunded_total(self) -> int:
        return sum(refund.total for refund in self.refunds)

    def all_returned(self, more: dict[str, int]) -> bool:
        return all(
            self.returned.get(line.line_id, 0) + more.get(line.line_id, 0) == line.quantity
            for line in self.lines
        )


class RefundReckoning(Struct, frozen=True):
    lines: tuple[RefundedLine, ...]
    taxes: tuple[TaxRow, ...]
    total: int


def reckon_refund(sale: Sale, quantities: dict[str, int]) -> RefundReckoning:
    """What these portions come to.

    Everything is the difference between "given back after" and "given back before", each worked out from the
    whole sale: so refunds in any steps add up to the sale exactly, and the last one takes what rounding left.
    """
    before: dict[RateKey, int] = {}
    after: dict[RateKey, int] = {}
    whole: dict[RateKey, int] = {}
    lines = []
    for line in sale.lines:
        had = sale.returned.get(line.line_id, 0)
        now = had + quantities.get(line.line_id, 0)
        old, new = line.net * had // line.quantity, line.net * now // line.quantity
        before[line.key] = before.get(line.key, 0) + old
        after[line.key] = after.get(line.key, 0) + new
        whole[line.key] = whole.get(line.key, 0) + line.net
        if now != had:
            lines.append(
                RefundedLine(line.line_id, line.product_id, line.name, now - had, new - old, line.category_id)
            )
    taxes = []
    for row in sale.taxes:
        key = (row.rate, row.included)
        if after[key] != before[key]:
            tax = row.tax * after[key] // whole[key] - row.tax * before[key] // whole[key]
            taxes.append(TaxRow(row.tax_class, row.rate, after[key] - before[key], tax, row.included))
    total = sum(row.due for row in taxes)
    if sale.adjustment:
        base = sum(whole.values()) or 1
        total += divide(sale.adjustment * sum(after.values()), base, Rounding.DOWN)
        total -= divide(sale.adjustment * sum(before.values()), base, Rounding.DOWN)
    return RefundReckoning(tuple(lines), tuple(taxes), total)


def refunded_taxes(sale: Sale) -> tuple[TaxRow, ...]:
    """What all refunds of the sale so far come to, by rate."""
    return reckon_refund(replace(sale, returned={}), sale.returned).taxes
