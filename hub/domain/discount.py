"""Discounts: what was taken off, how much that comes to, and whose portions carry it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hub.domain.money import Rounding, divide, rate_parts, share

# What tax is rounded on: the rate (None: exempt), and whether the prices hold the tax.
RateKey = tuple[str | None, bool]


class Discount(Struct, frozen=True, omit_defaults=True, gc=False):
    """amount: what it took off. line_id None: off the subtotal.

    discount_id: of one that stands on a check, by which it is taken back. coupon_id: it came with that coupon.
    minimum: takes nothing off a smaller subtotal. single_use: of a coupon that works once in the whole store.
    deal_id: the hub found it, by the terms of that deal. pinned: it was off the subtotal until its check was split or
    merged; the service charge, which does not follow the subtotal's discounts, does not follow it either.
    """

    kind: Literal["amount", "rate"]
    value: int | str
    amount: int
    name: str = ""
    line_id: str | None = None
    discount_id: str = ""
    coupon_id: str | None = None
    minimum: int = 0
    single_use: bool = False
    deal_id: str | None = None
    pinned: bool = False

    def takes(self, base: int) -> int:
        """What it takes off base: never more than that. A rate's part is rounded down."""
        if isinstance(self.value, int):
            return min(self.value, base)
        numerator, denominator = rate_parts(self.value)
        return divide(base * numerator, denominator, Rounding.DOWN)

    def off(self, amount: int) -> Discount:
        """The same discount where it takes off just so much; of an amount nothing else is left to take."""
        return replace(self, amount=amount, value=amount if self.kind == "amount" else self.value)


def by_rate(keys: Iterable[RateKey]) -> list[RateKey]:
    """Each key once, in the order in which rates are given the yen that rounding leaves."""
    return sorted(set(keys), key=lambda key: (key[0] is None, key[0] or "", key[1]))


def spread(cut: int, nets: Sequence[int], keys: Sequence[RateKey]) -> list[int]:
    """Each line's part of a cut off them all: in proportion between the rates, within each rate between its lines."""
    order = by_rate(keys)
    members = {key: [i for i, mine in enumerate(keys) if mine == key] for key in order}
    parts = [0] * len(nets)
    rates = share(cut, [sum(nets[i] for i in members[key]) for key in order])
    for key, part in zip(order, rates, strict=True):
        for i, less in zip(members[key], share(part, [nets[i] for i in members[key]]), strict=True):
            parts[i] = less
    return parts


def parted(
    discounts: tuple[Discount, ...], *, staying: int, leaving: int, price: int
) -> tuple[tuple[Discount, ...], tuple[Discount, ...]]:
    """A line's discounts when some of its portions leave: (of those that stay, of those that leave).

    A rate is taken anew off what stays, and what leaves has the yen between. An amount is shared by the portions.
    Together the two take off what the line's discounts took off, and neither more than its portions cost.
    """
    stay, gone = staying * price, leaving * price
    kept, left = [], []
    for discount in discounts:
        share_of_stay = discount.amount * staying // (staying + leaving)
        mine = discount.takes(stay) if discount.kind == "rate" else share_of_stay
        mine = min(max(mine, discount.amount - gone), stay, discount.amount)
        kept.append(discount.off(mine))
        left.append(discount.off(discount.amount - mine))
        stay -= mine
        gone -= discount.amount - mine
    return tuple(kept), tuple(left)


def grown(discounts: tuple[Discount, ...], amount: int) -> tuple[Discount, ...]:
    """A line's discounts when there is more of it, which comes to amount: a rate takes off more, an amount the same."""
    found = []
    for discount in discounts:
        taken = discount.takes(amount) if discount.kind == "rate" else min(discount.amount, amount)
        found.append(discount.off(taken))
        amount -= taken
    return tuple(found)
