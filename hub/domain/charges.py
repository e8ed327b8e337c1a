"""Charges that the hub adds to a check, and the discount that makes a bill round.

A service charge is reckoned on what was ordered, less the lines' own discounts, when the check is billed or settled:
rounded down once for each rate and kind of price. Where prices hold the tax the charge holds it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from msgspec.structs import replace

from hub.domain.check import Check, Line, Sums, add_lines
from hub.domain.discount import Discount
from hub.domain.money import Rounding, divide, rate_parts
from hub.domain.reckoning import Reckoning, TaxRow

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


def service_lines(lines: Iterable[Line], tax_rate: str | None, mint: Callable[[], str]) -> tuple[Line, ...]:
    """The service charges on these lines, at the rates that were copied into them when they were ordered.

    The hub's own charges hold no such rate, so none is charged on them.
    """
    bases: dict[tuple[str, bool], int] = {}
    names: dict[tuple[str, bool], str] = {}
    for line in lines:
        if line.service_rate is not None:
            key = (line.service_rate, line.tax_included)
            bases[key] = bases.get(key, 0) + line.net
            names.setdefault(key, line.service_name)
    charges = []
    for (rate, included), base in bases.items():
        numerator, denominator = rate_parts(rate)
        amount = divide(base * numerator, denominator, Rounding.DOWN)
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
    return bill


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
