"""Coupons: once a check, in their time, above their minimum; some only once in the whole store."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec
import pytest
from domain_world import MENU, World, contents
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.commands import (
    AbortCheck,
    BillCheck,
    CompleteSale,
    LineIn,
    LineQuantity,
    MergeCheck,
    PlaceOrder,
    SplitCheck,
    TakenIn,
    TakenLineIn,
    TenderIn,
    VoidLines,
    VoidSale,
)
from hub.domain.commands_price import DiscountCheck, VoidDiscount
from hub.domain.errors import CouponRefused, HubError, InvalidRequest, NotFound
from hub.domain.menu_offers import Coupon

COUPONS = (
    Coupon("c-rain", "RAIN", "rainy day", "rate", "0.10", minimum=1000),
    Coupon(
        "c-week", "WEEK", "this week", "amount", 300,
        since="2026-11-21T12:00:00+09:00", until="2026-11-28T00:00:00+09:00",
    ),
    Coupon("c-once", "ONCE-77", "your gift", "amount", 500, once="store"),
)  # fmt: skip


def shop() -> World:
    world = World(msgspec.structs.replace(MENU, coupons=COUPONS))
    world.unix_s = datetime.fromisoformat("2026-11-21T12:00:00+09:00").timestamp()
    return world


def order(world: World, *lines: LineIn, table: str = "t1") -> str:
    return str(world.do(PlaceOrder(lines, table_id=table)).check_id)


def put(world: World, code: str, check_id: str) -> Any:
    return world.do(DiscountCheck(coupon=code), check_id)


def refused(world: World, code: str, check_id: str) -> str:
    before = contents(world.state)
    with pytest.raises(CouponRefused) as error:
        put(world, code, check_id)
    assert contents(world.state) == before
    return str(error.value.fields["why"])


def test_a_coupon_comes_by_its_code_or_its_id_once_a_check() -> None:
    world = shop()
    check_id = order(world, LineIn("beer", 2, "b"))
    assert put(world, "WEEK", check_id).check_total == 800
    assert refused(world, "c-week", check_id) == "twice"
    sold = world.do(CompleteSale((TenderIn("cash", 800),), check_id=check_id))
    assert [(one.name, one.amount, one.coupon_id) for one in sold.discounts] == [("this week", 300, "c-week")]
    world.same()


def test_a_coupon_has_its_time_to_the_second() -> None:
    world = shop()
    check_id = order(world, LineIn("beer", 2, "b"))
    world.unix_s -= 1
    assert refused(world, "WEEK", check_id) == "not_yet"
    world.unix_s = datetime.fromisoformat("2026-11-28T00:00:00+09:00").timestamp()
    assert refused(world, "WEEK", check_id) == "expired"


def test_below_its_minimum_a_coupon_takes_nothing_off() -> None:
    world = shop()
    check_id = order(world, LineIn("beer", 1, "a"))
    assert refused(world, "RAIN", check_id) == "minimum"
    world.do(PlaceOrder((LineIn("beer", 1, "b"),), check_id=check_id))
    assert put(world, "RAIN", check_id).check_total == 990
    assert world.do(VoidLines((LineQuantity("b", 1),), "wrong"), check_id).check_total == 550
    assert world.do(BillCheck(), check_id).due == 550
    assert world.do(CompleteSale((TenderIn("cash", 550),), check_id=check_id)).discount == 0


def test_a_coupon_says_itself_what_it_takes_off() -> None:
    world = shop()
    check_id = order(world, LineIn("beer", 2, "b"))
    for command in (
        DiscountCheck("amount", 5, coupon="WEEK"),
        DiscountCheck(line_id="b", coupon="WEEK"),
        DiscountCheck(),
    ):
        with pytest.raises(InvalidRequest):
            world.do(command, check_id)
    with pytest.raises(NotFound):
        put(world, "nope", check_id)


def test_one_that_works_once_works_at_one_table_only() -> None:
    world = shop()
    one, two = order(world, LineIn("beer", 2, "b")), order(world, LineIn("beer", 2, "b"), table="t2")
    mine = put(world, "ONCE-77", one).discount.discount_id
    assert refused(world, "ONCE-77", two) == "used"
    world.do(VoidDiscount(mine), one)
    put(world, "ONCE-77", two)
    world.do(AbortCheck("left"), two, version=3)
    put(world, "ONCE-77", one)
    sold = world.do(CompleteSale((TenderIn("cash", 600),), check_id=one))
    three = order(world, LineIn("beer", 2), table="t3")
    assert refused(world, "ONCE-77", three) == "used"
    over_the_counter = CompleteSale((TenderIn("cash", 50),), lines=(LineIn("beer", 1),), coupons=("ONCE-77",))
    with pytest.raises(CouponRefused):
        world.do(over_the_counter)
    world.do(VoidSale("wrong"), sold.sale_id)
    assert world.do(over_the_counter).total == 50
    assert refused(world, "ONCE-77", three) == "used"
    world.same()


def test_it_goes_where_its_lines_go() -> None:
    world = shop()
    one, two = (
        order(world, LineIn("beer", 2, "b"), LineIn("tea", 1, "t")),
        order(world, LineIn("beer", 2), table="t2"),
    )
    put(world, "ONCE-77", one)
    split = world.do(SplitCheck((LineQuantity("b", 2),)), one, version=3)
    assert split.check_total + split.new_check_total == 698
    world.do(AbortCheck("left"), one, version=4)
    assert refused(world, "ONCE-77", two) == "used", "the other part bears it still"
    world.do(MergeCheck(split.new_check_id), two, version=2)
    assert refused(world, "ONCE-77", two) == "twice"
    world.do(VoidLines((LineQuantity("b", 2),), "wrong"), two)
    assert put(world, "ONCE-77", two).check_total == 600, "nobody bears it any more"


def test_a_sale_takes_coupons_after_its_discounts_and_a_large_one_takes_all() -> None:
    world = shop()
    lines = (LineIn("tea", 1),)
    assert world.do(CompleteSale((TenderIn("cash", 0),), lines=lines, coupons=("WEEK",))).total == 0
    with pytest.raises(CouponRefused, match="twice"):
        world.do(CompleteSale((), lines=lines, coupons=("WEEK", "c-week")))


def test_what_a_device_took_without_the_hub_is_recorded_and_flagged() -> None:
    world = shop()
    for flags in ((), ("coupon_used",)):
        taken = TakenIn("2026-11-21T03:00:00Z", "A-000001", 50, (TakenLineIn("beer", 1, 550),))
        command = CompleteSale((TenderIn("cash", 50),), taken=taken, coupons=("ONCE-77",))
        sold = world.do(command)
        assert (sold.total, sold.adjustment) == (50, 0)
        assert {*flags} == {flag for flag in sold.flags if "coupon" in flag}
    unknown = CompleteSale((TenderIn("cash", 50),), taken=taken, coupons=("nope",))
    assert "unknown_coupon" in world.do(unknown).flags
    world.same()


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["put", "void", "settle", "abort", "void_sale"])),
        max_size=14,
    )
)
@settings(max_examples=60, deadline=None)
def test_however_devices_take_turns_a_single_coupon_is_at_one_place(steps: list[tuple[int, str]]) -> None:
    world = shop()
    tables = [order(world, LineIn("beer", 2), table=f"t{n}") for n in range(3)]
    sales: dict[int, str] = {}
    for at, step in steps:
        check = world.state.checks.get(tables[at])
        assert check is not None
        try:
            if step == "put":
                put(world, "ONCE-77", check.check_id)
            elif step == "void" and check.discounts:
                world.do(VoidDiscount(check.discounts[0].discount_id), check.check_id)
            elif step == "settle":
                sold = world.do(CompleteSale((TenderIn("cash", check.total),), check_id=check.check_id))
                sales[at] = sold.sale_id
            elif step == "abort":
                world.do(AbortCheck("left"), check.check_id, version=check.version)
            elif step == "void_sale" and at in sales:
                world.do(VoidSale("wrong"), sales[at])
        except HubError:
            pass
        open_ = [one for _, one in world.state.checks.items() if not one.ended and one.discounts]
        paid = [
            sale for _, sale in world.state.sales.items() if sale.status == "completed" and sale.discounts
        ]
        assert len(open_) + len(paid) <= 1
        assert (world.state.coupon_uses.get("c-once") is not None) == bool(paid)
    world.same()
