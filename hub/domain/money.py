"""Consumption tax and sharing of amounts, in whole minor units.

Tax is rounded once per invoice and rate, never per line (Japan's qualified invoice rule); the direction is the
store's choice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache


class Rounding(StrEnum):
    DOWN = "down"
    UP = "up"
    HALF_UP = "half_up"


@lru_cache(maxsize=64)
def rate_parts(rate: str) -> tuple[int, int]:
    """'0.08' -> (8, 100). Raises ValueError for anything but a decimal from 0 up to, but not, 1."""
    value = Decimal(rate)
    if not value.is_finite() or not 0 <= value < 1:
        raise ValueError(f"a tax rate lies from 0 up to 1: {rate!r}")
    numerator, denominator = value.as_integer_ratio()
    return numerator, denominator


def divide(numerator: int, denominator: int, rounding: Rounding) -> int:
    """numerator / denominator rounded by its magnitude, so that a refund is the mirror image of its sale."""
    sign = -1 if numerator < 0 else 1
    quotient, rest = divmod(abs(numerator), denominator)
    if (rounding is Rounding.UP and rest) or (rounding is Rounding.HALF_UP and rest * 2 >= denominator):
        quotient += 1
    return sign * quotient


def tax_on(amount: int, rate: str, *, included: bool, rounding: Rounding = Rounding.DOWN) -> int:
    """The tax within (included) or on top of (excluded) the sum of all lines of one rate."""
    numerator, denominator = rate_parts(rate)
    return divide(amount * numerator, denominator + numerator if included else denominator, rounding)


def share(amount: int, weights: Sequence[int]) -> list[int]:
    """Split amount in proportion to weights; what rounding leaves goes to the largest remainders, then the first.

    The shares add up to the amount exactly. All weights zero: everything goes to the first share.
    """
    if not weights:
        raise ValueError("nothing to share between")
    whole = sum(weights)
    if whole == 0:
        return [amount, *([0] * (len(weights) - 1))]
    sign, magnitude = (-1, -amount) if amount < 0 else (1, amount)
    floors = [magnitude * weight // whole for weight in weights]
    rests = [magnitude * weight % whole for weight in weights]
    for index in sorted(range(len(weights)), key=lambda i: (-rests[i], i))[: magnitude - sum(floors)]:
        floors[index] += 1
    return [sign * part for part in floors]


# The sum of the lines' amounts by (rate, tax included in the price). None as rate: exempt.
Sums = Mapping[tuple[str | None, bool], int]


def amount_due(sums: Sums, rounding: Rounding = Rounding.DOWN) -> int:
    """What the guest pays: every line, and the tax on top of those whose price does not hold it."""
    return sum(
        amount
        if included or rate is None
        else amount + tax_on(amount, rate, included=False, rounding=rounding)
        for (rate, included), amount in sums.items()
    )
