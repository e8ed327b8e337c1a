"""Discounts on an open check: exact through orders, voids, splits and merges, and carried into the sale."""

from __future__ import annotations

from typing import Any

import pytest
from domain_world import RATES, World, contents, product
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.check import Check
from hub.domain.commands import (
    BillCheck,
    CompleteSale,
    DiscountIn,
    LineIn,
    LineQuantity,
    MergeCheck,
    PlaceOrder,
    SplitCheck,
    TenderIn,
    VoidLines,
)
from hub.domain.commands_price import DiscountCheck, VoidDiscount
from hub.domain.discount import Discount, parted
from hub.domain.errors import CheckChanged, CheckClosed, InvalidRequest, NotFound
from hub.domain.evolve_price import standing_discounts
from hub.domain.menu import Menu


def order(world: World, *lines: LineIn, table: str = "t1") -> str:
    return str(world.do(PlaceOrder(lines, table_id=table)).check_id)


def check(world: World, check_id: str) -> Check:
    found = world.state.checks.get(check_id)
    assert found is not None
    return found


def settle(world: World, check_id: str, total: int, **more: Any) -> Any:
    return world.do(CompleteSale((TenderIn("cash", total),), check_id=check_id, **more))


def off(one: Discount) -> tuple[int, str | None]:
    return one.amount, one.line_id


def test_discounts_of_a_line_and_of_the_subtotal_are_carried_into_the_sale() -> None:
    world = World()
    check_id = order(world, LineIn("beer", 2, "b"), LineIn("tea", 1, "t"))
    line = world.do(DiscountCheck("amount", 100, "cold", "b", "sent back"), check_id)
    assert (line.check_total, line.check_version, line.discount.amount) == (1098, 3, 100)
    rate = world.do(DiscountCheck("rate", "0.10", "opening"), check_id)
    assert (rate.check_total, rate.discount.amount) == (1098 - 109, 109)
    more = world.do(PlaceOrder((LineIn("beer", 1, "c"),), check_id=check_id))
    assert more.check_total == 1648 - 164, "a rate off the subtotal takes its part of later orders too"
    assert [off(one) for one in standing_discounts(check(world, check_id))] == [(100, "b"), (164, None)]
    billed = world.do(BillCheck(), check_id)
    assert sum(row.due for row in billed.taxes) == billed.check_total == 1484
    sold = settle(world, check_id, 1484)
    assert [(one.name, *off(one)) for one in sold.discounts] == [("cold", 100, "b"), ("opening", 164, None)]
    assert (sold.subtotal, sold.discount, sum(row.taxable for row in sold.taxes)) == (1748, 264, 1484)
    world.same()


def test_a_discount_is_taken_back_by_its_id() -> None:
    world = World()
    check_id = order(world, LineIn("beer", 2, "b"))
    mine = world.do(DiscountCheck("rate", "0.5", line_id="b"), check_id).discount.discount_id
    other = world.do(DiscountCheck("amount", 50), check_id).discount.discount_id
    gone = world.do(VoidDiscount(mine, "no reason for it"), check_id)
    assert (gone.amount, gone.check_total) == (550, 1050)
    with pytest.raises(NotFound):
        world.do(VoidDiscount(mine), check_id)
    assert world.do(VoidDiscount(other), check_id).check_total == 1100
    world.same()


@pytest.mark.parametrize(
    "command",
    [
        DiscountCheck("amount", 1199),
        DiscountCheck("amount", 99, line_id="t"),
        DiscountCheck("amount", "0.10"),
        DiscountCheck("rate", 10),
        DiscountCheck("amount", 1, line_id="nope"),
    ],
)
def test_a_discount_that_cannot_be_is_refused_and_leaves_nothing(command: DiscountCheck) -> None:
    world = World()
    check_id = order(world, LineIn("beer", 2, "b"), LineIn("tea", 1, "t"))
    before = contents(world.state)
    with pytest.raises(InvalidRequest):
        world.do(command, check_id)
    assert contents(world.state) == before


def test_a_billed_or_changed_check_takes_no_discount() -> None:
    world = World()
    check_id = order(world, LineIn("beer", 2, "b"))
    with pytest.raises(CheckChanged):
        world.do(DiscountCheck("amount", 1), check_id, version=1)
    world.do(BillCheck(), check_id)
    with pytest.raises(CheckClosed):
        world.do(DiscountCheck("amount", 1), check_id)
    assert settle(world, check_id, 1000, discounts=(DiscountIn("amount", 100),)).discount == 100


def test_an_amount_never_takes_more_than_is_left() -> None:
    world = World()
    check_id = order(world, LineIn("beer", 1, "b"), LineIn("tea", 1, "t"))
    world.do(DiscountCheck("amount", 600), check_id)
    voided = world.do(VoidLines((LineQuantity("b", 1),), "wrong"), check_id)
    assert voided.check_total == 0
    assert world.do(PlaceOrder((LineIn("beer", 1, "c"),), check_id=check_id)).check_total == 48


def test_a_discount_follows_its_line_and_a_subtotals_what_was_there() -> None:
    world = World()
    check_id = order(world, LineIn("beer", 3, "b"), LineIn("tea", 1, "t"))
    world.do(DiscountCheck("amount", 100, "spoon", "b"), check_id)
    world.do(DiscountCheck("rate", "0.10", "member"), check_id)
    total = check(world, check_id).total
    split = world.do(SplitCheck((LineQuantity("b", 1),)), check_id, version=4)
    assert split.check_total + split.new_check_total == total
    assert [one.name for one in split.new_lines[0].discounts] == ["spoon", "member"]
    grown = world.do(PlaceOrder((LineIn("tea", 1),), check_id=check_id)).check_total
    assert grown == split.check_total + 98, "what comes after a split has no part in it"
    back = world.do(MergeCheck(split.new_check_id), check_id, version=6)
    assert back.check_total == total + 98
    world.same()


def test_two_checks_with_the_same_discount_stay_apart_when_merged() -> None:
    world = World()
    one, two = order(world, LineIn("beer", 1)), order(world, LineIn("tea", 3), table="t2")
    world.do(DiscountCheck("amount", 500), one)
    world.do(DiscountCheck("rate", "0.333"), two)
    totals = check(world, one).total, check(world, two).total
    assert totals == (50, 294 - 97)
    assert world.do(MergeCheck(two), one, version=3).check_total == sum(totals)


def test_a_mixed_rate_discount_is_shared_in_proportion_and_the_parts_are_kept() -> None:
    menu = Menu(products=(product("a", 1080, tax_class="reduced"), product("b", 2160)), tax_rates=RATES)
    world = World(menu)
    check_id = order(world, LineIn("a", 1), LineIn("b", 1))
    assert world.do(DiscountCheck("amount", 100), check_id).check_total == 3140
    sold = settle(world, check_id, 3140)
    assert [line.discount for line in sold.lines] == [33, 67]
    assert [(row.rate, row.taxable, row.tax) for row in sold.taxes] == [
        ("0.10", 2093, 190),
        ("0.08", 1047, 77),
    ]


@given(
    discounts=st.lists(
        st.one_of(st.integers(0, 3000), st.sampled_from(["0.05", "0.333", "0.99"])), min_size=1, max_size=4
    ),
    price=st.integers(0, 1000),
    staying=st.integers(0, 9),
    leaving=st.integers(1, 9),
)
@settings(max_examples=100, deadline=None)
def test_the_parts_of_a_line_take_off_what_the_line_did(
    discounts: list[Any], price: int, staying: int, leaving: int
) -> None:
    left, found = price * (staying + leaving), []
    for value in discounts:
        wish = Discount("amount" if isinstance(value, int) else "rate", value, 0)
        found.append(wish.off(wish.takes(left)))
        left -= found[-1].amount
    stay, gone = parted(tuple(found), staying=staying, leaving=leaving, price=price)
    for whole, one, other in zip(found, stay, gone, strict=True):
        assert one.amount + other.amount == whole.amount
        assert min(one.amount, other.amount) >= 0
    assert sum(one.amount for one in stay) <= staying * price
    assert sum(one.amount for one in gone) <= leaving * price


PRODUCTS = ("tea", "bread", "beer", "soba", "coin", "gift")
OFF = st.one_of(st.integers(0, 400), st.sampled_from(["0.10", "0.333", "0.05"]))


@given(
    rounding=st.sampled_from(["down", "up", "half_up"]),
    parties=st.lists(
        st.tuples(
            st.lists(st.tuples(st.sampled_from(PRODUCTS), st.integers(1, 4)), min_size=1, max_size=4),
            st.lists(st.tuples(OFF, st.one_of(st.none(), st.integers(0, 3))), max_size=3),
        ),
        min_size=2,
        max_size=2,
    ),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_merge_and_split_keep_every_yen_with_discounts(rounding: str, parties: Any, data: Any) -> None:
    """Invariant 3: merge(A, B) = A + B, the parts of a split add up, and each part is paid for what it shows."""
    world = World(settings={"rounding": rounding})
    ids = []
    for number, (lines, offs) in enumerate(parties):
        check_id = order(world, *(LineIn(name, count) for name, count in lines), table=f"t{number}")
        ids.append(check_id)
        for value, place in offs:
            here = check(world, check_id)
            line_id = None if place is None else here.lines[place % len(here.lines)].line_id
            kind: Any = "amount" if isinstance(value, int) else "rate"
            try:
                said = world.do(DiscountCheck(kind, value, line_id=line_id), check_id)
            except InvalidRequest:
                continue
            assert said.check_total == check(world, check_id).total <= here.total
    one, two = (check(world, check_id) for check_id in ids)
    merged = world.do(MergeCheck(two.check_id), one.check_id, version=one.version)
    assert merged.check_total == one.total + two.total
    whole = check(world, one.check_id)
    parts = tuple(
        LineQuantity(line.line_id, count)
        for line in whole.lines
        if (count := data.draw(st.integers(0, line.quantity)))
    )
    ends = [whole.check_id]
    if parts and sum(part.quantity for part in parts) < sum(line.quantity for line in whole.lines):
        split = world.do(SplitCheck(parts), whole.check_id, version=whole.version)
        assert split.check_total + split.new_check_total == whole.total
        ends.append(split.new_check_id)
    paid = [settle(world, check_id, check(world, check_id).total) for check_id in ends]
    assert sum(sold.total for sold in paid) == one.total + two.total
    for sold in paid:
        assert sold.discount == sum(line.discount for line in sold.lines)
        assert sold.discount == sum(discount.amount for discount in sold.discounts)
    world.same()
