"""What can be asked about the price of an open check: discounts off a line or the subtotal."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

from msgspec import Meta

from hub.domain.command import Command, Text
from hub.domain.commands_sale import CouponCode, Money
from hub.domain.menu import Id, Rate

# The price list that not everyone may give.
STAFF_PRICES: Final = "staff"


class DiscountCheck(Command, frozen=True, forbid_unknown_fields=True):
    """Take something off an open check: an amount, a rate as a decimal string, or what a coupon says.

    Off one line when line_id says so, else off the subtotal. coupon: its code, or its id.
    """

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("name", "reason")
    kind: Literal["amount", "rate"] | None = None
    value: Money | Rate | None = None
    name: Annotated[str, Meta(max_length=100)] = ""
    line_id: Id | None = None
    reason: Text = ""
    coupon: CouponCode | None = None


class VoidDiscount(Command, frozen=True, forbid_unknown_fields=True):
    """Take a discount of an open check back, wherever on the check it stands."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    discount_id: Id
    reason: Text = ""


class RepriceCheck(Command, frozen=True, forbid_unknown_fields=True):
    """Whose prices the check is at: member, staff, or another list of the store's; null: the normal ones.

    What was ordered changes to the prices as they were then; what is ordered from now on is at that list.
    """

    price_list: Id | None = None
