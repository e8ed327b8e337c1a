"""A check (伝票): one party's stay, its lines and what it comes to."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from hub.domain.discount import Discount, by_rate, grown, parted, spread
from hub.domain.errors import CheckClosed
from hub.domain.menu import Dining, TaxClass
from hub.domain.money import Rounding, share, tax_on
from hub.domain.plan import PlanRun
from hub.domain.service import Rests

# open: takes orders.  billed: frozen, the guest has the bill; reopen or pay ends it.
# closed: paid.  aborted: ended unpaid, with a reason.  merged: its lines went to another check; it may come back.
Status = Literal["open", "billed", "closed", "aborted", "merged"]
ENDED: tuple[Status, ...] = ("closed", "aborted", "merged")


class Move(StrEnum):
    """What is done to a check. JOIN: its lines go to another check. TAKE_IN: it is that other one.

    COME_BACK undoes JOIN, GIVE_BACK undoes TAKE_IN. SHARE: it is said who pays how much of it.
    """

    ORDER = "order"
    VOID = "void"
    DISCOUNT = "discount"
    SERVE = "serve"
    CHANGE = "change"
    MOVE = "move"
    TAKE_IN = "take_in"
    JOIN = "join"
    GIVE_BACK = "give_back"
    COME_BACK = "come_back"
    SPLIT = "split"
    SHARE = "share"
    BILL = "bill"
    REOPEN = "reopen"
    ABORT = "abort"
    SETTLE = "settle"


# Every move that is not here is refused. A billed check may be billed again: the guest lost the paper.
# Food of a paid check is still served: where one pays first, that is the rule.
NEXT: Final[dict[tuple[Status, Move], Status]] = {
    ("open", Move.ORDER): "open",
    ("open", Move.VOID): "open",
    ("open", Move.DISCOUNT): "open",
    ("open", Move.SERVE): "open",
    ("billed", Move.SERVE): "billed",
    ("closed", Move.SERVE): "closed",
    ("open", Move.CHANGE): "open",
    ("open", Move.MOVE): "open",
    ("billed", Move.MOVE): "billed",
    ("open", Move.TAKE_IN): "open",
    ("open", Move.JOIN): "merged",
    ("open", Move.GIVE_BACK): "open",
    ("merged", Move.COME_BACK): "open",
    ("open", Move.SPLIT): "open",
    ("open", Move.SHARE): "open",
    ("billed", Move.SHARE): "billed",
    ("open", Move.BILL): "billed",
    ("billed", Move.BILL): "billed",
    ("open", Move.REOPEN): "open",
    ("billed", Move.REOPEN): "open",
    ("open", Move.ABORT): "aborted",
    ("billed", Move.ABORT): "aborted",
    ("open", Move.SETTLE): "closed",
    ("billed", Move.SETTLE): "closed",
}


# item: ordered.  plan: pays for a plan or its extension.  charge: added by the hub for the party, not made or served.
LineKind = Literal["item", "plan", "charge"]


class ChosenOption(Struct, frozen=True, omit_defaults=True, gc=False):
    """quantity is per unit of the line's product; price is that of one. group_id: where its portions are counted."""

    option_id: str
    name: str
    quantity: int
    price: int
    group_id: str = ""


class CustomMade(Struct, frozen=True, gc=False):
    """How one unit is made; price is that of one."""

    name: str
    quantity: int
    price: int


class Line(Struct, frozen=True, omit_defaults=True, gc=False):
    """One product on a check, priced when it was ordered: later master changes do not alter it.

    unit_price holds the chosen options and custom contents; amount = quantity * unit_price. quantity is what is
    left after voids. parent_line_id: the line of the set that this one is part of; its quantity is always a whole
    multiple of that line's, and it stays on the same check. held: the kitchen waits for it to be fired.
    discount: what `discounts` take off the amount. They follow the line wherever it goes.
    """

    line_id: str
    product_id: str
    name: str
    quantity: int
    unit_price: int
    amount: int
    tax_class: TaxClass
    tax_rate: str | None
    tax_included: bool
    options: tuple[ChosenOption, ...] = ()
    dining: Dining | None = None
    note: str = ""
    seat: str = ""
    course: str = ""
    served: int = 0
    parent_line_id: str | None = None
    custom: tuple[CustomMade, ...] = ()
    held: bool = False
    discount: int = 0
    discounts: tuple[Discount, ...] = ()
    # The merged checks by way of which the line came here, the last one last.
    came: tuple[str, ...] = ()
    # Its portions were taken from the stock of goods when they were ordered.
    stocked: bool = False
    kind: LineKind = "item"
    # Ordered at 0 while a plan ran.
    in_plan: bool = False
    # The service charge of the time band it was ordered in, and what that is called.
    service_rate: str | None = None
    service_name: str = ""
    # Its product's prices by price list (None, and not an empty mapping, which each line would have for itself), the
    # normal one, and the list that unit_price is of ("": the normal one).
    prices: dict[str, int] | None = None
    list_price: int = 0
    price_list: str = ""

    @property
    def net(self) -> int:
        return self.amount - self.discount

    def with_quantity(self, quantity: int) -> Line:
        """The line as it is with so much of it: a rate is taken off anew, an amount shared when portions leave."""
        line = replace(
            self, quantity=quantity, amount=quantity * self.unit_price, served=min(self.served, quantity)
        )
        if not self.discounts:
            return line
        if quantity > self.quantity:
            return line.with_discounts(grown(self.discounts, line.amount))
        return line.with_discounts(self._parted(quantity)[0])

    def part(self, quantity: int) -> Line:
        """So much of the line, to leave it: with what with_quantity() leaves of it, it comes to the line's net."""
        line = replace(
            self, quantity=quantity, amount=quantity * self.unit_price, served=min(self.served, quantity)
        )
        return line if not self.discounts else line.with_discounts(self._parted(self.quantity - quantity)[1])

    def with_discounts(self, discounts: tuple[Discount, ...]) -> Line:
        return replace(self, discounts=discounts, discount=sum(one.amount for one in discounts))

    def at_list(self, price_list: str) -> Line:
        """The line at the prices of another list, as they were when it was ordered.

        One without a price in that list costs the normal one; nothing is paid for what a plan holds. A rate is taken
        off anew.
        """
        if not self.prices or self.in_plan or price_list == self.price_list:
            return self
        was = self.prices.get(self.price_list, self.list_price)
        unit_price = max(0, self.unit_price - was + self.prices.get(price_list, self.list_price))
        amount = self.quantity * unit_price
        line = replace(self, unit_price=unit_price, amount=amount, price_list=price_list)
        return line if not self.discounts else line.with_discounts(grown(self.discounts, amount))

    def _parted(self, staying: int) -> tuple[tuple[Discount, ...], tuple[Discount, ...]]:
        leaving = self.quantity - staying
        return parted(self.discounts, staying=staying, leaving=leaving, price=self.unit_price)


class RateSum(Struct, frozen=True, array_like=True, gc=False):
    """The lines of one tax rate, summed as they come: an order need not add up the whole check again.

    amount: after the lines' own discounts, before those of the subtotal.

    carry: tax on top that a split or a merge moved here, so that the parts add up to the whole although each
    is rounded once. It makes this check round up instead of down, and lasts until a line of this rate changes.
    """

    rate: str | None
    included: bool
    amount: int
    carry: int = 0

    def tax_on_top(self, rounding: Rounding) -> int:
        if self.included or self.rate is None:
            return 0
        return tax_on(self.amount, self.rate, included=False, rounding=rounding) + self.carry


Sums = tuple[RateSum, ...]


class SharePlan(Struct, frozen=True, array_like=True, gc=False):
    """Who pays how much: first those who pay an amount that was agreed, then `parts` people alike."""

    amounts: tuple[int, ...]
    parts: int

    def of(self, due: int) -> tuple[int, ...] | None:
        """The parts, which add up to the sum; the yen that cannot be divided are paid by the first of those alike.

        None when the sum has changed, so that the amounts do not fit it any more.
        """
        rest = due - sum(self.amounts)
        if rest < 0 or (rest and not self.parts):
            return None
        return (*self.amounts, *(share(rest, [1] * self.parts) if self.parts else ()))


class Bill(Struct, frozen=True, omit_defaults=True, gc=False):
    """What is worked out when a check is billed: charges on top of its lines, deals, and how far it is rounded down.

    The sale books these, so that what the guest was shown is what is paid.
    """

    total: int
    charges: tuple[Line, ...] = ()
    round_to: int = 1
    deals: tuple[Discount, ...] = ()


class Check(Struct, frozen=True, omit_defaults=True, gc=False):
    """discounts: off the subtotal; those of a line stand on the line."""

    check_id: str
    check_no: int
    business_date: str
    status: Status
    version: int
    table_ids: tuple[str, ...]
    guests: int
    dining: Dining
    opened_at: str
    lines: tuple[Line, ...] = ()
    total: int = 0
    name: str = ""
    ended_at: str | None = None
    sale_id: str | None = None
    merged_into: str | None = None
    reason: str | None = None
    sums: Sums = ()
    split_from: str | None = None
    # 相席: others may sit at its tables, if they allow it as well.
    shared: bool = False
    # 客層: how many of the guests are of each group.
    customer_groups: dict[str, int] = {}
    discounts: tuple[Discount, ...] = ()
    # What lines are ordered at; "": the normal prices.
    price_list: str = ""
    # Of a merged check: what its lines came to when they went, and the tables that only it had.
    gave: Sums = ()
    brought: tuple[str, ...] = ()
    plans: tuple[PlanRun, ...] = ()
    # The table charge was put on it: the hub does that once, whatever people do with it then.
    charged: bool = False
    stay_notice_at: str | None = None
    # What the bill says, while the check is billed; then what was paid.
    bill: Bill | None = None
    # 割り勘: how it is going to be paid in parts.
    shares: SharePlan | None = None
    # What splits moved here of the service charge, and of the tax on top of it (see hub/domain/service.py).
    service: Rests = ()
    service_tax: int = 0
    # The entries about it (see hub/domain/trail.py).
    trail: tuple[int, ...] = ()

    @property
    def due(self) -> int:
        """What the guest pays: of a billed check what the bill says, of a closed one what was paid."""
        return self.total if self.bill is None else self.bill.total

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def line(self, line_id: str) -> Line | None:
        return next((line for line in self.lines if line.line_id == line_id), None)

    def after(self, move: Move) -> Status:
        """The status that the move leads to. Raises CheckClosed when it is not allowed."""
        status = NEXT.get((self.status, move))
        if status is None:
            raise CheckClosed(check_id=self.check_id, check_status=self.status)
        return status


def add_lines(sums: Sums, lines: Iterable[Line], sign: int = 1) -> Sums:
    """The sums with these lines on top (sign -1: without them)."""
    more: dict[tuple[str | None, bool], int] = {}
    for line in lines:
        key = (line.tax_rate, line.tax_included)
        more[key] = more.get(key, 0) + sign * (line.amount - line.discount)
    kept = []
    for part in sums:
        amount = more.pop((part.rate, part.included), None)
        kept.append(part if amount is None else RateSum(part.rate, part.included, part.amount + amount))
    for (rate, included), amount in more.items():
        kept.append(RateSum(rate, included, amount))
    return tuple(kept)


def total_of(sums: Sums, rounding: Rounding, discounts: tuple[Discount, ...]) -> int:
    """What the guest pays: every line less the discounts, and the tax on top of those whose price does not hold it.

    discounts: the check's, off the subtotal; none of one that is pinned.
    """
    if discounts:
        sums = cut_sums(sums, discounts)
    total = 0
    for part in sums:
        total += part.amount if part.included else part.amount + part.tax_on_top(rounding)
    return total


def cut_sums(sums: Sums, discounts: Iterable[Discount]) -> Sums:
    """The sums less these discounts off the subtotal, in turn, each shared between the rates in proportion.

    A rate that loses something is rounded anew: its carry is gone.
    """
    parts = {(part.rate, part.included): part for part in sums}
    order = by_rate(parts)
    amounts = [parts[key].amount for key in order]
    reached = sum(amounts)
    for discount in discounts:
        if order and reached >= discount.minimum:
            cut = discount.takes(sum(amounts))
            amounts = [had - less for had, less in zip(amounts, share(cut, amounts), strict=True)]
    left = dict(zip(order, amounts, strict=True))
    return tuple(
        part
        if left[part.rate, part.included] == part.amount
        else RateSum(part.rate, part.included, left[part.rate, part.included])
        for part in sums
    )


def pinned(check: Check) -> Check:
    """The check with its subtotal's discounts as discounts of its lines. It comes to the same.

    Before lines leave or come they are pinned: a discount belongs to what was on the check when it was split or
    merged, follows those lines, and takes nothing off others. So parts and whole agree to the yen.
    """
    if not check.discounts:
        return check
    nets = [line.net for line in check.lines]
    keys = [(line.tax_rate, line.tax_included) for line in check.lines]
    found = [list(line.discounts) for line in check.lines]
    reached = sum(nets)
    for discount in check.discounts:
        if not nets or reached < discount.minimum:
            continue
        for index, part in enumerate(spread(discount.takes(sum(nets)), nets, keys)):
            nets[index] -= part
            if part:
                found[index].append(replace(discount.off(part), pinned=True))
    return replace(
        check,
        lines=tuple(line.with_discounts(tuple(mine)) for line, mine in zip(check.lines, found, strict=True)),
        sums=cut_sums(check.sums, check.discounts),
        discounts=(),
    )


def merge_sums(one: Sums, other: Sums, rounding: Rounding) -> Sums:
    """The sums of two checks as one, which comes to exactly what both came to."""
    theirs = {(part.rate, part.included): part for part in other}
    merged = []
    for mine in one:
        part = theirs.pop((mine.rate, mine.included), None)
        if part is None:
            merged.append(mine)
            continue
        plain = RateSum(mine.rate, mine.included, mine.amount + part.amount)
        tax = mine.tax_on_top(rounding) + part.tax_on_top(rounding)
        merged.append(replace(plain, carry=tax - plain.tax_on_top(rounding)))
    return (*merged, *theirs.values())


def split_sums(sums: Sums, leaving: Iterable[Line], rounding: Rounding) -> tuple[Sums, Sums]:
    """(what stays, what leaves): together they come to exactly what the sums came to.

    What stays is rounded as ever (and keeps a carry it had); the part that leaves takes the yen between.
    """
    gone = {(part.rate, part.included): part for part in add_lines((), leaving)}
    stay, leave = [], []
    for whole in sums:
        part = gone.get((whole.rate, whole.included))
        if part is None:
            stay.append(whole)
            continue
        amount = whole.amount - part.amount
        rest = replace(whole, amount=amount, carry=whole.carry if amount else 0)
        stay.append(rest)
        yen = whole.tax_on_top(rounding) - rest.tax_on_top(rounding) - part.tax_on_top(rounding)
        leave.append(replace(part, carry=yen))
    return tuple(stay), tuple(leave)
