"""Which deals a bill earns: found by the hub, deterministic, and as good for the guest as the documented search finds.

The rule (docs/price.md): portions of lines that have no discount of their own and cost something take part, each in one
deal at most. A deal takes the dearest portions that fit, as often as it saves something. All orders of the deals are
tried while at most four concern the bill, else one by one whichever saves most at a time; the order that saves most
counts, of equal ones the one that is first by the deals' ids.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from itertools import permutations
from typing import Final

from msgspec import Struct

from hub.domain.discount import Discount
from hub.domain.menu_offers import Deal, DealPart, instant_s
from hub.domain.money import Rounding, divide, rate_parts, share
from hub.domain.reckoning import SaleLine

# Four deals have 24 orders; ten would have millions.
ORDERS_OF_MAX: Final = 4

# Line index -> portions.
Portions = dict[int, int]
# Deal index -> line index -> what the deal takes off the line.
Cuts = dict[int, dict[int, int]]


class Offers(Struct, frozen=True):
    """The store's deals, and the category of a product by its id ('' when the menu does not have it any more)."""

    deals: tuple[Deal, ...]
    category_of: Callable[[str], str]


def deals_on(
    lines: Sequence[SaleLine],
    offers: Offers,
    *,
    opened_s: float,
    now_s: float,
    besides: Collection[str] = (),
) -> tuple[Discount, ...]:
    """The deals as discounts, each off one line, named by the deal. besides: lines that are discounted otherwise.

    A deal counts that was valid at some time between the opening and now, so that it does not end while guests sit.
    """
    if not offers.deals:
        return ()
    bases = [_base(line) for line in lines]
    free = {
        index: line.quantity
        for index, line in enumerate(lines)
        if bases[index] > 0
        and line.kind == "item"
        and not line.discount
        and line.parent_line_id is None
        and line.line_id not in besides
    }
    search = _Search(lines, bases, offers, sorted(free, key=lambda index: (-bases[index], index)))
    deals = sorted((deal for deal in offers.deals if _valid(deal, opened_s, now_s)), key=lambda deal: deal.id)
    concerned = [deal for deal in deals if search.saves_once(deal, free)]
    cuts = search.best(concerned, free)
    return tuple(
        Discount("amount", cut, cut, deal.name, lines[index].line_id, deal_id=deal.id)
        for number, deal in enumerate(concerned)
        for index, cut in sorted(cuts.get(number, {}).items())
        if cut
    )


def _base(line: SaleLine) -> int:
    """What a deal may take off one portion: options and wishes are paid beside it."""
    extra = sum(option.price * option.quantity for option in line.options)
    extra += sum(made.price * made.quantity for made in line.custom)
    return min(line.unit_price, line.unit_price - extra)


def _valid(deal: Deal, opened_s: float, now_s: float) -> bool:
    since, until = instant_s(deal.since), instant_s(deal.until)
    return (since is None or since <= now_s) and (until is None or until > opened_s)


class _Search:
    def __init__(
        self, lines: Sequence[SaleLine], bases: Sequence[int], offers: Offers, order: Sequence[int]
    ) -> None:
        self._lines = lines
        self._bases = bases
        self._category_of = offers.category_of
        # Dearest first, then as they stand on the bill.
        self._order = order

    def saves_once(self, deal: Deal, free: Portions) -> bool:
        pattern = self._pick(deal, free)
        return pattern is not None and self._saving(deal, pattern) > 0

    def best(self, deals: Sequence[Deal], free: Portions) -> Cuts:
        if len(deals) > ORDERS_OF_MAX:
            return self._greedy(deals, free)
        found: Cuts = {}
        most = 0
        for order in permutations(range(len(deals))):
            left, cuts = dict(free), {}
            for number in order:
                cuts[number] = self._apply(deals[number], left)
            saved = _sum(cuts)
            if saved > most:
                found, most = cuts, saved
        return found

    def _greedy(self, deals: Sequence[Deal], free: Portions) -> Cuts:
        left, cuts = dict(free), {number: dict[int, int]() for number in range(len(deals))}
        while True:
            best, most = None, 0
            for number, deal in enumerate(deals):
                pattern = self._pick(deal, left)
                if pattern is not None and (saving := self._saving(deal, pattern)) > most:
                    best, most = (number, pattern), saving
            if best is None:
                return cuts
            number, pattern = best
            self._take(deals[number], pattern, left, cuts[number])

    def _apply(self, deal: Deal, left: Portions) -> dict[int, int]:
        """The deal as often as it saves; the portions that it takes leave `left`."""
        cuts: dict[int, int] = {}
        while (pattern := self._pick(deal, left)) is not None and self._saving(deal, pattern) > 0:
            self._take(deal, pattern, left, cuts)
        return cuts

    def _take(self, deal: Deal, pattern: Portions, left: Portions, cuts: dict[int, int]) -> None:
        """The same portions as often as they are there: ten thousand portions take no longer than ten."""
        times = min(left[index] // count for index, count in pattern.items())
        for index, cut in self._shared(deal, pattern).items():
            cuts[index] = cuts.get(index, 0) + times * cut
        for index, count in pattern.items():
            left[index] -= times * count

    def _pick(self, deal: Deal, left: Portions) -> Portions | None:
        """The dearest portions that make the deal once; None when there are not enough.

        The part that fewest lines can fill chooses first, so that another does not take its only one.
        """
        fitting = [
            [index for index in self._order if left[index] and self._fits(part, index)] for part in deal.parts
        ]
        pattern: Portions = {}
        for number in sorted(range(len(deal.parts)), key=lambda n: (len(fitting[n]), n)):
            need = deal.parts[number].quantity
            for index in fitting[number]:
                count = min(need, left[index] - pattern.get(index, 0))
                if count:
                    pattern[index] = pattern.get(index, 0) + count
                    need -= count
                if not need:
                    break
            if need:
                return None
        return pattern

    def _fits(self, part: DealPart, index: int) -> bool:
        product_id = self._lines[index].product_id
        return product_id in part.product_ids or self._category_of(product_id) in part.category_ids

    def _saving(self, deal: Deal, pattern: Portions) -> int:
        if deal.free:
            return sum(self._shared(deal, pattern).values())
        whole = sum(self._bases[index] * count for index, count in pattern.items())
        if deal.price is not None:
            return max(0, whole - deal.price)
        if deal.amount is not None:
            return min(deal.amount, whole)
        return divide(whole * rate_parts(deal.rate or "0")[0], rate_parts(deal.rate or "0")[1], Rounding.DOWN)

    def _shared(self, deal: Deal, pattern: Portions) -> dict[int, int]:
        """What the deal, made once, takes off each line: the free portions, else shared by what they cost."""
        if deal.free:
            cuts: dict[int, int] = {}
            gifts = deal.free
            for index in sorted(pattern, key=lambda index: (self._bases[index], -index)):
                count = min(gifts, pattern[index])
                cuts[index] = count * self._bases[index]
                gifts -= count
            return cuts
        order = sorted(pattern)
        weights = [self._bases[index] * pattern[index] for index in order]
        return dict(zip(order, share(self._saving(deal, pattern), weights), strict=True))


def _sum(cuts: Cuts) -> int:
    return sum(sum(mine.values()) for mine in cuts.values())
