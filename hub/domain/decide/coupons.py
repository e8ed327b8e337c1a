"""Coupons: whether one is accepted now, and what it takes off."""

from __future__ import annotations

from typing import Literal

from hub.domain.check import Check
from hub.domain.decide.at import At
from hub.domain.discount import Discount
from hub.domain.errors import CouponRefused, NotFound
from hub.domain.menu_offers import Coupon, instant_s
from hub.domain.state import State

# not_yet, expired: its time.  used: it works once in the store, and did.  twice: it is on this bill already.
# minimum: the subtotal is too small.
Why = Literal["not_yet", "expired", "used", "twice", "minimum"]


def coupon_of(state: State, code: str) -> Coupon | None:
    """By its code, or by its id where staff choose from the menu."""
    found = [coupon for _, coupon in state.coupons.items() if coupon.code == code]
    return min(found, key=lambda coupon: coupon.id) if found else state.coupons.get(code)


def accepted_coupon(
    state: State, code: str, at: At, *, subtotal: int, on_bill: set[str], besides: str | None = None
) -> Discount:
    """The coupon as a discount of the subtotal. Raises NotFound or CouponRefused.

    on_bill: ids of coupons that the bill has. besides: the check that it comes to; no other that is open may bear it.
    """
    coupon = coupon_of(state, code)
    if coupon is None:
        raise NotFound(kind="coupon", id=code)
    why = _why_not(state, coupon, at, subtotal=subtotal, on_bill=on_bill, besides=besides)
    if why is not None:
        raise CouponRefused(coupon_id=coupon.id, name=coupon.name, why=why)
    return as_discount(coupon, at)


def as_discount(coupon: Coupon, at: At) -> Discount:
    return Discount(
        kind=coupon.kind,
        value=coupon.value,
        amount=0,
        name=coupon.name,
        discount_id=at.mint(),
        coupon_id=coupon.id,
        minimum=coupon.minimum,
        single_use=coupon.once == "store",
    )


def _why_not(
    state: State, coupon: Coupon, at: At, *, subtotal: int, on_bill: set[str], besides: str | None
) -> Why | None:
    since, until = instant_s(coupon.since), instant_s(coupon.until)
    if since is not None and at.stamp.unix_s < since:
        return "not_yet"
    if until is not None and at.stamp.unix_s >= until:
        return "expired"
    if coupon.id in on_bill:
        return "twice"
    if coupon.once == "store" and is_used(state, coupon.id, besides=besides):
        return "used"
    return "minimum" if subtotal < coupon.minimum else None


def is_used(state: State, coupon_id: str, *, besides: str | None = None) -> bool:
    """Whether a sale has used it, or a check that is not paid yet bears it. besides: a check that may."""
    if state.coupon_uses.get(coupon_id) is not None:
        return True
    return any(
        coupon_id in coupons_on(check)
        for _, check in state.checks.items()
        if not check.ended and check.check_id != besides
    )


def coupons_on(check: Check) -> set[str]:
    found = {one.coupon_id for one in check.discounts}
    found.update(one.coupon_id for line in check.lines for one in line.discounts)
    return {coupon_id for coupon_id in found if coupon_id is not None}
