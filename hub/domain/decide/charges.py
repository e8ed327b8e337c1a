"""What is worked out when a check is billed or settled: its service charges, and the rounding discount."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from hub.domain.charges import rounded_down, service_lines
from hub.domain.check import Check, Line
from hub.domain.decide.at import At
from hub.domain.discount import Discount, RateKey
from hub.domain.reckoning import Reckoning, SaleLine, own_discounts, reckon, sale_line
from hub.domain.state import State


class Extras(Struct, frozen=True):
    charges: tuple[Line, ...] = ()
    round_to: int = 1


NO_EXTRAS: Final = Extras()


def extras_of(state: State, check: Check, at: At) -> Extras:
    """What the bill adds to the check's lines now. Once billed it stays: the guest has been shown it."""
    if check.status == "billed":
        return NO_EXTRAS if check.bill is None else Extras(check.bill.charges, check.bill.round_to)
    bands = state.bands
    band = None if bands is None else bands.at(at.stamp.time)
    charges: tuple[Line, ...] = ()
    if any(line.service_rate is not None for line in check.lines):
        rate = state.tax.rate("standard", "eat_in", at.stamp.unix_s)
        charges = service_lines(check, rate, at.mint)
    return Extras(charges, 1 if band is None else band.rounding_discount)


def reckon_check(
    state: State,
    check: Check,
    extras: Extras,
    lines: Sequence[SaleLine],
    discounts: Sequence[Discount],
    at: At,
    *,
    carries: Mapping[RateKey, int],
    deals: Sequence[Discount] = (),
    lenient: bool = False,
) -> Reckoning:
    """What the check comes to: its lines as they are sold, its own discounts and these, and the extras.

    The rounding discount comes last of all.
    """
    sold = [
        *lines,
        *(
            sale_line(line, dining="eat_in", wished=None, schedule=state.tax, unix_s=at.stamp.unix_s)
            for line in extras.charges
        ),
    ]
    own = own_discounts(check.lines)

    def bill(*last: Discount) -> Reckoning:
        return reckon(
            sold,
            (*discounts, *last),
            state.rounding,
            carries=carries,
            own=own,
            deals=deals,
            standing=check.discounts,
            reached=sum(line.net for line in lines),
            lenient=lenient,
            charges=len(extras.charges),
        )

    plain = bill()
    return plain if extras.round_to == 1 else rounded_down(plain, bill, extras.round_to)
