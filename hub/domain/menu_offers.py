"""Master data that makes a bill cheaper: deals that the hub finds by itself, and coupons that guests bring."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from hub.domain.menu_types import Id, Instant, Name, Price, Rate


class DealPart(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """So many portions out of these products and categories."""

    product_ids: Annotated[tuple[Id, ...], Meta(max_length=500)] = ()
    category_ids: Annotated[tuple[Id, ...], Meta(max_length=100)] = ()
    quantity: Annotated[int, Meta(ge=1, le=99)] = 1

    def __post_init__(self) -> None:
        if not self.product_ids and not self.category_ids:
            raise ValueError("a part names products or categories")


class Deal(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What its parts come to together. Exactly one of these says it: price (any two for 500), amount (100 off),
    rate (20 % off), free (so many of the portions, the cheapest, cost nothing: 2 + 1).

    from, to: when it is offered; to is no longer part of it.
    """

    id: Id
    name: Name
    parts: Annotated[tuple[DealPart, ...], Meta(min_length=1, max_length=10)]
    price: Price | None = None
    amount: Price | None = None
    rate: Rate | None = None
    free: Annotated[int, Meta(ge=1, le=98)] | None = None
    since: Instant | None = field(name="from", default=None)
    until: Instant | None = field(name="to", default=None)

    def __post_init__(self) -> None:
        if sum(term is not None for term in (self.price, self.amount, self.rate, self.free)) != 1:
            raise ValueError("a deal has exactly one of price, amount, rate and free")
        if self.free is not None and self.free >= sum(part.quantity for part in self.parts):
            raise ValueError("not every portion of a deal is free")
        _checked_times(self.since, self.until)


class Coupon(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Takes an amount or a rate off the subtotal, once a check, and only once in the store if it says so.

    minimum: the subtotal that it needs. from, to: when it is accepted; to is no longer part of it.
    """

    id: Id
    code: Annotated[str, Meta(min_length=1, max_length=64)]
    name: Name
    kind: Literal["amount", "rate"]
    value: Price | Rate
    minimum: Price = 0
    since: Instant | None = field(name="from", default=None)
    until: Instant | None = field(name="to", default=None)
    once: Literal["check", "store"] = "check"

    def __post_init__(self) -> None:
        if isinstance(self.value, int) != (self.kind == "amount"):
            raise ValueError("an amount is an integer, a rate a decimal string below 1")
        _checked_times(self.since, self.until)


class CouponUse(Struct, frozen=True):
    """Of a coupon that works once in the store: the sales that it was used in. Two when its check was split."""

    sale_ids: tuple[str, ...]


def instant_s(text: str | None) -> float | None:
    """Seconds since 1970. Raises ValueError for what is no time with an offset."""
    if text is None:
        return None
    when = datetime.fromisoformat(text)
    if when.tzinfo is None:
        raise ValueError("must be a time of RFC 3339 with offset")
    return when.timestamp()


def _checked_times(since: str | None, until: str | None) -> None:
    """Raises ValueError."""
    start, end = instant_s(since), instant_s(until)
    if start is not None and end is not None and end <= start:
        raise ValueError("it ends before it begins")
