"""What a sale comes to: discounts shared between the lines, and tax rounded once per rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from hub.domain.check import ChosenOption, CustomMade, Line, LineKind
from hub.domain.discount import Discount, RateKey, spread
from hub.domain.errors import InvalidRequest
from hub.domain.menu import Dining
from hub.domain.money import Rounding, tax_on
from hub.domain.tax import RateClass, TaxSchedule, rate_class


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
    kind: LineKind = "item"
    in_plan: bool = False
    category_id: str = ""

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
        discount=line.discount,
        options=line.options,
        dining=line.dining,
        parent_line_id=line.parent_line_id,
        custom=line.custom,
        kind=line.kind,
        in_plan=line.in_plan,
    )


def own_discounts(lines: Sequence[Line]) -> list[Discount]:
    """The discounts that stand on the lines, each naming its line."""
    return [replace(one, line_id=line.line_id) for line in lines for one in line.discounts]


def reckon(
    lines: Sequence[SaleLine],
    discounts: Sequence[Discount],
    rounding: Rounding,
    *,
    carries: Mapping[RateKey, int],
    own: Sequence[Discount] = (),
    deals: Sequence[Discount] = (),
    standing: Sequence[Discount] = (),
    reached: int | None = None,
    lenient: bool = False,
    charges: int = 0,
) -> Reckoning:
    """The bill. First come the lines' own discounts, which the lines hold already, then deals, then what is wished
    off single lines, then the check's standing discounts off the subtotal, and last what is wished off it.
    What is taken off the subtotal is shared in proportion: between the rates, and within each rate between its lines.

    carries: tax that a split or merge moved here (see check.RateSum); a rate that is discounted now is rounded anew.
    reached: what counts for a coupon's minimum; None: what the lines come to. charges: so many lines at the end are the
    hub's own for this bill; standing discounts were granted on what was ordered, and leave them alone.
    lenient: a discount that is too large takes off everything; otherwise it is refused. Deals and standing ones always
    are: they were granted already.
    """
    nets = [line.net for line in lines]
    before = _by_key(lines, nets)
    keys = [line.key for line in lines]
    places = {line.line_id: index for index, line in enumerate(lines)}
    given = [*deals, *standing, *discounts]
    granted = len(deals) + len(standing)
    reached = sum(nets) if reached is None else reached
    applied: list[Discount | None] = [None] * len(given)
    for number in sorted(range(len(given)), key=lambda i: given[i].line_id is None):
        wish = given[number]
        path = f"discounts[{number - granted}]"
        # What a coupon says is not the cashier's word: a large one takes off all there is.
        gentle = lenient or number < granted or wish.coupon_id is not None
        if wish.line_id is None:
            end = len(nets) - (charges if len(deals) <= number < granted else 0)
            cut = 0 if reached < wish.minimum else _cut(wish, sum(nets[:end]), path, lenient=gentle)
            for i, less in enumerate(spread(cut, nets[:end], keys[:end]) if cut else ()):
                nets[i] -= less
        elif (place := places.get(wish.line_id)) is not None:
            cut = _cut(wish, nets[place], path, lenient=gentle)
            nets[place] -= cut
        elif gentle:
            continue
        else:
            raise InvalidRequest.at(f"{path}.line_id", f"no such line: {wish.line_id}")
        applied[number] = replace(wish, amount=cut)
    sold = tuple(
        line if net == line.net else replace(line, discount=line.amount - net)
        for line, net in zip(lines, nets, strict=True)
    )
    after = _by_key(sold, nets)
    kept = {key: carry for key, carry in carries.items() if after.get(key) == before.get(key)}
    subtotal = sum(line.amount for line in sold)
    taxes = tax_rows(sold, rounding, carries=kept)
    return Reckoning(
        lines=sold,
        discounts=(*own, *(discount for discount in applied if discount is not None)),
        subtotal=subtotal,
        discount=subtotal - sum(nets),
        taxes=taxes,
        total=sum(row.due for row in taxes),
    )


def _by_key(lines: Sequence[SaleLine], nets: Sequence[int]) -> dict[RateKey, int]:
    sums: dict[RateKey, int] = {}
    for line, net in zip(lines, nets, strict=True):
        sums[line.key] = sums.get(line.key, 0) + net
    return sums


def _cut(wish: Discount, base: int, path: str, *, lenient: bool) -> int:
    if isinstance(wish.value, int) != (wish.kind == "amount"):
        raise InvalidRequest.at(f"{path}.value", "an amount is an integer, a rate a decimal string below 1")
    if isinstance(wish.value, int) and wish.value > base and not lenient:
        raise InvalidRequest.at(f"{path}.value", f"takes off more than there is: {base}")
    return wish.takes(base)


_CLASS_ORDER: Final = {"standard": 0, "reduced": 1, "zero": 2, "exempt": 3}


def tax_rows(
    lines: Sequence[SaleLine], rounding: Rounding, *, carries: Mapping[RateKey, int]
) -> tuple[TaxRow, ...]:
    """Tax per rate, rounded once on the sum of its lines. Classes that share a rate are one row, named by the first."""
    sums: dict[RateKey, int] = {}
    classes: dict[RateKey, RateClass] = {}
    for line in lines:
        key = line.key
        sums[key] = sums.get(key, 0) + line.net
        if key not in classes or _CLASS_ORDER[line.tax_class] < _CLASS_ORDER[classes[key]]:
            classes[key] = line.tax_class
    rows = []
    for (rate, included), amount in sums.items():
        tax = 0 if rate is None else tax_on(amount, rate, included=included, rounding=rounding)
        tax += carries.get((rate, included), 0)
        rows.append(TaxRow(classes[rate, included], rate, amount, tax, included))
    return tuple(sorted(rows, key=lambda row: (_CLASS_ORDER[row.tax_class], row.rate or "", row.included)))
