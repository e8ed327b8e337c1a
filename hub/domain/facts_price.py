"""Facts about the price of an open check. Each tells how the check stands after it."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from hub.domain.discount import Discount
from hub.domain.fact import OfCheck


class CheckDiscounted(OfCheck, frozen=True, omit_defaults=True, kw_only=True):
    """discount.amount: what it takes off now. One of the subtotal takes off more, or less, as the check changes."""

    TYPE: ClassVar[str] = "check.discounted"
    check_no: int
    discount: Discount
    check_version: int
    check_total: int
    reason: str = ""


class DiscountVoided(OfCheck, frozen=True, omit_defaults=True, kw_only=True):
    """amount: what the discount took off until now."""

    TYPE: ClassVar[str] = "discount.voided"
    check_no: int
    discount_id: str
    name: str
    amount: int
    check_version: int
    check_total: int
    reason: str = ""


class LinePrice(Struct, frozen=True):
    line_id: str
    unit_price: int
    amount: int


class CheckRepriced(OfCheck, frozen=True, omit_defaults=True, kw_only=True):
    """price_list: "" for the normal prices. lines: those whose price is another now."""

    TYPE: ClassVar[str] = "check.repriced"
    check_no: int
    price_list: str
    lines: tuple[LinePrice, ...]
    check_version: int
    check_total: int


PRICE_FACTS = (CheckDiscounted, DiscountVoided, CheckRepriced)
