"""Taking a merged check out again: what of the lines and sums is its own, so that both come to what was there."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct
from msgspec.structs import replace

from hub.domain.check import Check, Line, RateSum, Sums, add_lines
from hub.domain.menu import Dining
from hub.domain.money import Rounding


class Parted(Struct, frozen=True):
    """What stays on the check, and what goes back to the one that was merged into it."""

    stay: tuple[Line, ...]
    stay_sums: Sums
    back: tuple[Line, ...]
    back_sums: Sums


def part(check: Check, merged: Check, rounding: Rounding) -> Parted:
    """The lines that came with the merged check and still stand on the check, and all others."""
    stay, back = [], []
    for line in check.lines:
        if line.came and line.came[-1] == merged.check_id:
            back.append(replace(line, came=line.came[:-1], dining=_said(line, check, merged)))
        else:
            stay.append(line)
    stay_sums, back_sums = _sums(check.sums, stay, back, merged.gave, rounding)
    return Parted(tuple(stay), stay_sums, tuple(back), back_sums)


def _said(line: Line, check: Check, merged: Check) -> Dining | None:
    """Where the line is eaten, said again as an exception from its own check only."""
    if line.dining is None:
        return check.dining if check.dining != merged.dining else None
    # The merge wrote it down because the two checks differ.
    return None if check.dining != merged.dining and line.dining == merged.dining else line.dining


def _sums(
    sums: Sums, stay: list[Line], back: list[Line], gave: Sums, rounding: Rounding
) -> tuple[Sums, Sums]:
    """(what stays, what goes back): together they come to exactly what the sums came to.

    A rate of which everything comes back is taxed as it was before the merge; else anew. What stays takes the yen
    between.
    """
    going = {_key(one): one for one in add_lines((), back)}
    had = {_key(one): one for one in gave}
    left = {(line.tax_rate, line.tax_included) for line in stay}
    stays: list[RateSum] = []
    goes: list[RateSum] = []
    for whole in sums:
        key = _key(whole)
        gone = going.get(key)
        if gone is None or not gone.amount:
            stays.append(whole)
            goes += [gone] if gone is not None else []
        elif gone.amount == whole.amount:
            goes.append(whole)
            stays += [RateSum(*key, 0)] if key in left else []
        else:
            before = had.get(key)
            if before is not None and before.amount == gone.amount:
                gone = before
            rest = RateSum(*key, whole.amount - gone.amount)
            tax = whole.tax_on_top(rounding) - gone.tax_on_top(rounding)
            stays.append(replace(rest, carry=tax - rest.tax_on_top(rounding)))
            goes.append(gone)
    return tuple(stays), tuple(goes)


def _key(one: RateSum) -> tuple[str | None, bool]:
    return (one.rate, one.included)


def less_groups(groups: Mapping[str, int], gone: Mapping[str, int], guests: int) -> dict[str, int]:
    """The groups without those of a party that has left; none when they no longer fit the guests that stay.

    They do not when somebody counted anew while the two were one: then nobody knows who is of which party.
    """
    left = {name: count - gone.get(name, 0) for name, count in groups.items()}
    left = {name: count for name, count in left.items() if count > 0}
    return left if sum(left.values()) <= guests else {}
