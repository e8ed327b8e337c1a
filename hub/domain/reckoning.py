"""What a sale comes to: discounts shared between the lines, and tax rounded once per rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from hub.domain.check import ChosenOption, CustomMade, Line
from hub.domain.errors import InvalidRequest
from hub.domain.menu import Dining
from hub.domain.money import Rounding, divide, rate_parts, share, tax_on
from hub.domain.tax import RateClass, TaxSchedule, rate_class

# What tax is rounded on: the rate (None: exempt), and whether the prices hold the tax.
RateKey = tuple[str | None, bool]


class SaleLine(Struct, frozen=True, omit_defaults=True):
    """A line as it was sold. tax_class is the one that applied (food has become standard or reduced).

    amount = quantity * unit_price; discount is this line's part of all discounts.
    """

    line_id: str
    product_id: str
    name: str
    quantity: int
    unit_price: int
    amount: int
    tax_class: RateClass
    tax_rate: str | None
    tax_included: bool
    discount: int = 0
    options: tuple[ChosenOption, ...] = ()
    dining: Dining | None = None
    parent_line_id: str | None = None
    custom: tuple[CustomMade, ...] = ()

    @property
    def net(self) -> int:
        return self.amount - self.discount

    @property
    def key(self) -> RateKey:
        return (self.tax_rate, self.tax_included)


class TaxRow(Struct, frozen=True):
    """One rate of one bill. taxable holds the tax when it is included, and not when it is on top. rate None: exempt."""

    tax_class: RateClass
    rate: str | None
    taxable: int
    tax: int
    included: bool

    @property
    def due(self) -> int:
        return self.taxable if self.included else self.taxable + self.tax


class Discount(Struct, frozen=True, omit_defaults=True):
    """amount: what it took off. line_id None: off the subtotal."""

    kind: Literal["amount", "rate"]
    value: int | str
    amount: int
    name: str = ""
    line_id: str | None = None


class Reckoning(Struct, frozen=True):
    lines: tuple[SaleLine, ...]
    discounts: tuple[Discount, ...]
    subtotal: int
    discount: int
    taxes: tuple[TaxRow, ...]
    total: int


def sale_line(
    line: Line, *, dining: Dining, wished: Dining | None, schedule: TaxSchedule, unix_s: float
) -> SaleLine:
    """The line at the rate it was ordered at; at today's when the guest now eats elsewhere than was said then.

    dining: that of the check. wished: what is said at the till, for lines that do not say their own.
    """
    ordered = rate_class(line.tax_class, line.dining or dining)
    applies = rate_class(line.tax_class, line.dining or wished or dining)
    rate = line.tax_rate
    if applies != ordered:
        rate = schedule.rate(line.tax_class, wished or dining, unix_s)
    return SaleLine(
        line_id=line.line_id,
        product_id=line.product_id,
        name=line.name,
        quantity=line.quantity,
        unit_price=line.unit_price,
        amount=line.amount,
        tax_class=applies,
        tax_rate=rate,
        tax_included=line.tax_included,
        options=line.options,
        dining=line.dining,
        parent_line_id=line.parent_line_id,
        custom=line.custom,
    )


def reckon(
    lines: Sequence[SaleLine],
    discounts: Sequence[Discount],
    rounding: Rounding,
    *,
    carries: Mapping[RateKey, int],
    lenient: bool = False,
) -> Reckoning:
    """The bill. Line discounts come off first, then those of the subtotal, which are shared in proportion:
    between the rates, and within each rate between its lines.

    carries: tax that a split or merge moved here (see check.RateSum); a discounted rate is rounded anew.
    lenient: a discount that is too large takes off everything; otherwise it is refused.
    """
    nets = [line.amount for line in lines]
    groups: dict[RateKey, list[int]] = {}
    for index, line in enumerate(lines):
        groups.setdefault(line.key, []).append(index)
    applied: list[Discount | None] = [None] * len(discounts)
    order = sorted(range(len(discounts)), key=lambda i: discounts[i].line_id is None)
    for number in order:
        wish, path = discounts[number], f"discounts[{number}]"
        among = _lines_of(wish, lines, path, lenient=lenient)
        if among is None:
            continue
        cut = _cut(wish, sum(nets[i] for i in among), path, lenient=lenient)
        applied[number] = replace(wish, amount=cut)
        if wish.line_id is not None:
            nets[among[0]] -= cut
            continue
        members = list(groups.values())
        parts = share(cut, [sum(nets[i] for i in member) for member in members])
        for member, part in zip(members, parts, strict=True):
            for i, less in zip(member, share(part, [nets[i] for i in member]), strict=True):
                nets[i] -= less
    sold = tuple(
        line if net == line.amount else replace(line, discount=line.amount - net)
        for line, net in zip(lines, nets, strict=True)
    )
    subtotal = sum(line.amount for line in sold)
    taxes = tax_rows(sold, rounding, carries=carries)
    return Reckoning(
        lines=sold,
        discounts=tuple(discount for discount in applied if discount is not None),
        subtotal=subtotal,
        discount=subtotal - sum(nets),
        taxes=taxes,
        total=sum(row.due for row in taxes),
    )


def _lines_of(wish: Discount, lines: Sequence[SaleLine], path: str, *, lenient: bool) -> list[int] | None:
    """The indexes of the lines that the discount is taken off; None when there is no such line."""
    if wish.line_id is None:
        return list(range(len(lines)))
    found = [index for index, line in enumerate(lines) if line.line_id == wish.line_id]
    if not found and not lenient:
        raise InvalidRequest.at(f"{path}.line_id", f"no such line: {wish.line_id}")
    return found or None


def _cut(wish: Discount, base: int, path: str, *, lenient: bool) -> int:
    if isinstance(wish.value, int) != (wish.kind == "amount"):
        raise InvalidRequest.at(f"{path}.value", "an amount is an integer, a rate a decimal string below 1")
    if isinstance(wish.value, str):
        numerator, denominator = rate_parts(wish.value)
        return divide(base * numerator, denominator, Rounding.DOWN)
    if wish.value > base:
        if lenient:
            return base
        raise InvalidRequest.at(f"{path}.value", f"takes off more than there is: {base}")
    return wish.value


_CLASS_ORDER: Final = {"standard": 0, "reduced": 1, "zero": 2, "exempt": 3}


def tax_rows(
    lines: Sequence[SaleLine], rounding: Rounding, *, carries: Mapping[RateKey, int]
) -> tuple[TaxRow, ...]:
    """Tax per rate, rounded once on the sum of its lines. Classes that share a rate are one row, named by the first."""
    sums: dict[RateKey, int] = {}
    classes: dict[RateKey, RateClass] = {}
    cut: set[RateKey] = set()
    for line in lines:
        key = line.key
        sums[key] = sums.get(key, 0) + line.net
        if key not in classes or _CLASS_ORDER[line.tax_class] < _CLASS_ORDER[classes[key]]:
            classes[key] = line.tax_class
        if line.discount:
            cut.add(key)
    rows = []
    for (rate, included), amount in sums.items():
        tax = 0 if rate is None else tax_on(amount, rate, included=included, rounding=rounding)
        if (rate, included) not in cut:
            tax += carries.get((rate, included), 0)
        rows.append(TaxRow(classes[rate, included], rate, amount, tax, included))
    return tuple(sorted(rows, key=lambda row: (_CLASS_ORDER[row.tax_class], row.rate or "", row.included)))
