"""What can be asked of the till."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from hub.domain.command import LINE_TEXTS, Command, LineIn, LineQuantities, OptionIn, Quantity, Text
from hub.domain.menu import Amount, Dining, Id, Instant, Name, Price, Rate, TaxClass

Money = Annotated[int, Meta(ge=0, le=999_999_999, description="in the currency's minor unit")]
CouponCode = Annotated[str, Meta(min_length=1, max_length=64, examples=["AUTUMN-7"])]
Points = Annotated[int, Meta(ge=0, le=999_999_999)]


class DeferIn(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The tender's answer is not known yet. due_at: until when it must be; else as the store's setting says."""

    due_at: Instant | None = None


class TenderIn(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """amount is what this tender settles.

    tendered: what the guest hands over in cash, from which there is change, or the face value of a voucher.

    reference: the slip's number of a terminal of its own, a voucher's number. Never a card's.
    account_id, account_name: on whose account it goes (kind account); else on that of the sale's customer.
    """

    method: Id
    amount: Money
    tendered: Money | None = None
    reference: Annotated[str, Meta(max_length=100)] | None = None
    account_id: Id | None = None
    account_name: Annotated[str, Meta(max_length=100)] = ""
    deferred: DeferIn | None = None


class DiscountIn(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """value: an amount, or a rate as a decimal string. Off one line when line_id says so, else off the subtotal."""

    kind: Literal["amount", "rate"]
    value: Money | Rate
    name: Annotated[str, Meta(max_length=100)] = ""
    line_id: Id | None = None


class TakenLineIn(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A line as the device sold it. What it does not say is filled in from the menu."""

    product_id: Id
    quantity: Quantity
    unit_price: Price
    line_id: Id | None = None
    name: Name | None = None
    amount: Amount | None = None
    tax_class: TaxClass | None = None
    tax_rate: Rate | None = None
    tax_included: bool | None = None
    options: Annotated[tuple[OptionIn, ...], Meta(max_length=50)] = ()
    dining: Dining | None = None
    note: Text = ""


class TakenIn(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A sale that was made while the device was without the hub, under a number of its block."""

    at: Instant
    receipt_no: Annotated[str, Meta(min_length=1, max_length=64)]
    total: Money
    lines: Annotated[tuple[TakenLineIn, ...], Meta(max_length=500)] = ()


class CompleteSale(Command, frozen=True, forbid_unknown_fields=True):
    """Settle a check, or sell lines over the counter without one.

    price_list: whose prices lines over the counter are sold at (a check has its own).
    coupons: their codes or ids, besides those that stand on the check.
    points_used: points that leave the customer's account. A points tender pays one minor unit a point.
    """

    FREE_TEXT: ClassVar[tuple[str, ...]] = (
        "tenders[].reference",
        "tenders[].account_name",
        "discounts[].name",
        *LINE_TEXTS,
        "taken.lines[].note",
        "taken.lines[].name",
    )
    tenders: Annotated[tuple[TenderIn, ...], Meta(max_length=50)]
    check_id: Id | None = None
    lines: Annotated[tuple[LineIn, ...], Meta(max_length=500)] | None = None
    discounts: Annotated[tuple[DiscountIn, ...], Meta(max_length=50)] = ()
    customer_id: Id | None = None
    points_used: Points | None = None
    dining: Dining | None = None
    register_id: Id | None = None
    taken: TakenIn | None = None
    coupons: Annotated[tuple[CouponCode, ...], Meta(max_length=10)] = ()
    price_list: Id | None = None


class VoidSale(Command, frozen=True, forbid_unknown_fields=True):
    """The sale counts as not made. Only on its own business day; later it is refunded.

    register_id: whose drawer gives the money back; else that of the device, if it is a register, or the sale's own.
    """

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    reason: Text
    register_id: Id | None = None


class RefundSale(Command, frozen=True, forbid_unknown_fields=True):
    """Give these portions back; the tenders say how the money went.

    register_id: whose drawer gives it back; else that of the device, if it is a register, or the sale's own.
    """

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason", "tenders[].reference")
    lines: LineQuantities
    tenders: Annotated[tuple[TenderIn, ...], Meta(max_length=50)]
    reason: Text
    register_id: Id | None = None


class TakeNumbers(Command, frozen=True, forbid_unknown_fields=True):
    """A block of receipt numbers for a register that may have to work without the hub."""

    register_id: Id
    count: Annotated[int, Meta(ge=1, le=1000)]
