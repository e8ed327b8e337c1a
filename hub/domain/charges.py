"""Charges that the hub adds to a check, and the discount that makes a bill round.

A service charge is reckoned on what was ordered, less the lines' own discounts, when the check is billed or settled:
rounded down once for each rate and kind of price. Where prices hold the tax the charge holds it, too. The parts of a
check that is split bear what the whole would have borne.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from msgspec.structs import replace

from hub.domain.check import Check, Line, Sums, add_lines
from hub.domain.discount import Discount
from hub.domain.money import Rounding, rate_parts, tax_on
from hub.domain.reckoning import Reckoning, TaxRow
from hub.domain.service import Key, amounts, parted

# In the place of a product's id.
TABLE_CHARGE: Final = "charge.table"
SERVICE_CHARGE: Final = "charge.service"
ROUNDING_NAME: Final = "端数値引"


def with_table_charge(check: Check, line: Line) -> tuple[tuple[Line, ...], Sums]:
    """The check's lines and sums with this as its table charge; off the check when it is for no guest."""
    was = check.line(line.line_id)
    now = (line,) if line.quantity else ()
    if was is None:
        return check.lines + now, add_lines(check.sums, now)
    lines = tuple(new for known in check.lines for new in (now if known.line_id == was.line_id else (known,)))
    return lines, add_lines(add_lines(check.sums, (was,), -1), now)


def service_lines(check: Check, tax_rate: str | None, mint: Callable[[], str]) -> tuple[Line, ...]:
    """The service charges on the check's lines, at the rates that were copied into them when they were ordered.

    The hub's own charges hold no such rate, so none is charged on them.
    """
    names: dict[Key, str] = {}
    for line in check.lines:
        if line.service_rate is not None:
            names.setdefault((line.service_rate, line.tax_included), line.service_name)
    charges = []
    for (rate, included), amount in amounts(_bases(check.lines), check.service).items():
        if amount:
            charges.append(
                Line(
                    line_id=mint(),
                    product_id=SERVICE_CHARGE,
                    name=names[rate, included],
                    quantity=1,
                    unit_price=amount,
                    amount=amount,
                    tax_class="standard",
                    tax_rate=tax_rate,
                    tax_included=included,
                    dining="eat_in",
                    kind="charge",
                )
            )
    return tuple(charges)


def _bases(lines: Iterable[Line]) -> dict[Key, int]:
    """What each service charge is reckoned on."""
    bases: dict[Key, int] = {}
    for line in lines:
        if line.service_rate is not None:
            key = (line.service_rate, line.tax_included)
            bases[key] = (
                bases.get(key, 0) + line.net + sum(one.amount for one in line.discounts if one.pinned)
            )
    return bases


def split_service(
    whole: Check, stay: Check, leave: Check, tax_rate: str | None, rounding: Rounding
) -> tuple[Check, Check]:
    """The parts of a check with their shares of its service charge: they are billed what the whole would have been.

    tax_rate: of a service charge at this time.
    """
    if all(line.service_rate is None for line in whole.lines):
        return stay, leave
    staying, leaving = parted(whole.service, _bases(stay.lines), _bases(leave.lines))
    stay = replace(stay, service=staying, service_tax=whole.service_tax)
    leave = replace(leave, service=leaving)
    between = _service_taxed(whole, tax_rate, rounding)
    between -= _service_taxed(stay, tax_rate, rounding) + _service_taxed(leave, tax_rate, rounding)
    return stay, replace(leave, service_tax=between)


def _service_taxed(check: Check, rate: str | None, rounding: Rounding) -> int:
    """The tax on top at the service charge's own rate: of its lines and the charge together, rounded once."""
    if rate is None:
        return 0
    charged = amounts(_bases(check.lines), check.service)
    base = sum(amount for (_, included), amount in charged.items() if not included)
    carry = check.service_tax
    for part in check.sums:
        if (part.rate, part.included) == (rate, False):
            base, carry = base + part.amount, carry + part.carry
    return tax_on(base, rate, included=False, rounding=rounding) + carry if base else 0


def rounded_down(bill: Reckoning, again: Callable[[Discount], Reckoning], round_to: int) -> Reckoning:
    """The bill brought down to a multiple of round_to by a last discount off the subtotal (端数値引).

    again: reckons the bill with such a discount behind all others. Where tax comes on top, some totals lie between two
    discounts: then the tax of a rate is rounded to the other side, which is as lawful. A bill below round_to stays as
    it is.
    """
    target = bill.total - bill.total % round_to
    if target in (0, bill.total):
        return bill
    most = bill.subtotal - bill.discount

    def cut(amount: int) -> Reckoning:
        return again(Discount(kind="amount", value=amount, amount=amount, name=ROUNDING_NAME))

    low, high = 1, min(most, bill.total - target)
    while low < high:
        middle = (low + high) // 2
        if cut(middle).total <= target:
            high = middle
        else:
            low = middle + 1
    # Shares of a discount between rates do not all grow with it, so the one that fits may lie beside.
    for amount in sorted(range(max(1, low - 3), min(most, low + 3) + 1), key=lambda at: abs(at - low)):
        found = _nudged(cut(amount), target)
        if found is not None:
            return found
    # A rate that had a yen of another check's rounding loses it with the first yen taken off: the total then falls by
    # two, past the target, which the rate's own rounding meets without a discount.
    return _nudged(bill, target) or bill


def _nudged(bill: Reckoning, target: int) -> Reckoning | None:
    """The bill with taxes rounded to the other side as often as it takes to meet the target; None: they cannot."""
    short = target - bill.total
    if not short:
        return bill
    step = 1 if short > 0 else -1
    rows: list[TaxRow] = []
    for row in bill.taxes:
        if short and not row.included and row.rate is not None:
            numerator, denominator = rate_parts(row.rate)
            # One yen further is the other side of the same fraction.
            if abs((row.tax + step) * denominator - row.taxable * numerator) < denominator:
                row = replace(row, tax=row.tax + step)
                short -= step
        rows.append(row)
    return None if short else replace(bill, taxes=tuple(rows), total=target)
