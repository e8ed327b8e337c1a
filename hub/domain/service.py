"""The service charge (サービス料) of checks that were split or merged: the parts bear what the whole would have borne.

A charge is rounded down once for each rate and kind of price. What rounding takes off a part that leaves stays behind
with the rest, as the fraction of a yen that it is: so the charges of the parts add up to the whole's, however many.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from hub.domain.money import rate_parts

# (service rate, whether the prices hold the tax)
Key = tuple[str, bool]


class ServiceRest(Struct, frozen=True, array_like=True, gc=False):
    """What splits moved here of one charge: rest / the rate's denominator, in minor units; negative: moved away."""

    rate: str
    included: bool
    rest: int


Rests = tuple[ServiceRest, ...]


def amounts(bases: dict[Key, int], rests: Iterable[ServiceRest]) -> dict[Key, int]:
    """The charge on each base, rounded down; what was moved here counts with it."""
    moved = {(one.rate, one.included): one.rest for one in rests}
    found = {}
    for key, base in bases.items():
        numerator, denominator = rate_parts(key[0])
        found[key] = max(0, (base * numerator + moved.get(key, 0)) // denominator)
    return found


def added(one: Rests, other: Rests, sign: int = 1) -> Rests:
    """Both together (sign -1: one without the other)."""
    sums = {(rest.rate, rest.included): rest.rest for rest in one}
    for rest in other:
        key = (rest.rate, rest.included)
        sums[key] = sums.get(key, 0) + sign * rest.rest
    return tuple(ServiceRest(*key, rest) for key, rest in sums.items() if rest)


def parted(rests: Rests, staying: dict[Key, int], leaving: dict[Key, int]) -> tuple[Rests, Rests]:
    """(what stays, what leaves) of the rests when these bases part."""
    stay = {(rest.rate, rest.included): rest.rest for rest in rests}
    leave: dict[Key, int] = {}
    for key, base in leaving.items():
        if key not in staying:
            leave[key] = stay.pop(key, 0)
            continue
        numerator, denominator = rate_parts(key[0])
        # Whole yen leave, so that nothing is rounded there.
        rest = base * numerator % denominator
        leave[key] = -rest
        stay[key] = stay.get(key, 0) + rest
    return tuple(ServiceRest(*key, rest) for key, rest in stay.items() if rest), tuple(
        ServiceRest(*key, rest) for key, rest in leave.items() if rest
    )
