"""Member and staff prices: those of when a line was ordered, and never more than what the store says."""

from __future__ import annotations

from typing import Any

import pytest
from domain_world import RATES, World, product
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.check import Check
from hub.domain.commands import (
    ApplyMaster,
    ChangeProduct,
    CompleteSale,
    LineIn,
    LineQuantity,
    OptionIn,
    PlaceOrder,
    SplitCheck,
    TenderIn,
)
from hub.domain.commands_price import DiscountCheck, RepriceCheck
from hub.domain.errors import Forbidden, InvalidRequest
from hub.domain.facts import MasterChange
from hub.domain.menu import Menu, Option, OptionGroup

MENU = Menu(
    products=(
        product("ramen", 900, prices={"member": 800, "staff": 450}, option_group_ids=("top",)),
        product("gyoza", 400, prices={"member": 350}, tax_included=False),
        product("tea", 100),
    ),
    option_groups=(OptionGroup("top", "Top", (Option("egg", "Egg", 120),)),),
    tax_rates=RATES,
)


def seated(world: World) -> str:
    lines = (LineIn("ramen", 2, "r", (OptionIn("egg"),)), LineIn("gyoza", 1, "g"), LineIn("tea", 1, "t"))
    return str(world.do(PlaceOrder(lines, table_id="t1")).check_id)


def check(world: World, check_id: str) -> Check:
    found = world.state.checks.get(check_id)
    assert found is not None
    return found


def test_a_check_changes_its_prices_and_back() -> None:
    world = World(MENU)
    check_id = seated(world)
    normal = check(world, check_id)
    said = world.do(RepriceCheck("member"), check_id)
    assert [(line.line_id, line.unit_price) for line in said.lines] == [("r", 920), ("g", 350)]
    assert said.check_total == 1840 + 385 + 100
    more = world.do(PlaceOrder((LineIn("ramen", 1),), check_id=check_id))
    assert (more.lines[0].unit_price, more.lines[0].price_list) == (800, "member")
    staff = world.do(RepriceCheck("staff"), check_id)
    assert [line.unit_price for line in check(world, check_id).lines] == [570, 400, 100, 450]
    assert staff.check_total == 1140 + 440 + 100 + 450
    world.do(RepriceCheck(), check_id)
    again = check(world, check_id)
    assert (again.lines[:3], again.price_list) == (normal.lines, "")
    assert world.do(CompleteSale((TenderIn("cash", again.total),), check_id=check_id)).total == again.total
    world.same()


def test_staff_prices_are_given_at_a_register() -> None:
    world = World(MENU)
    check_id = seated(world)
    counter = CompleteSale((TenderIn("cash", 450),), lines=(LineIn("ramen", 1),), price_list="staff")
    for command, target in ((RepriceCheck("staff"), check_id), (counter, "")):
        with pytest.raises(Forbidden):
            world.do(command, target, role="handheld")
    assert world.do(counter).total == 450
    with pytest.raises(InvalidRequest):
        world.do(CompleteSale((), check_id=check_id, price_list="member"))
    world.do(RepriceCheck("member"), check_id, role="handheld")


def test_a_discount_by_rate_is_taken_anew_and_the_list_goes_with_a_split() -> None:
    world = World(MENU)
    check_id = seated(world)
    world.do(DiscountCheck("rate", "0.5", line_id="r"), check_id)
    world.do(RepriceCheck("member"), check_id)
    line = check(world, check_id).line("r")
    assert line is not None
    assert (line.amount, line.discount) == (1840, 920)
    split = world.do(SplitCheck((LineQuantity("g", 1),)), check_id, version=4)
    more = world.do(PlaceOrder((LineIn("ramen", 1),), check_id=split.new_check_id))
    assert more.lines[0].unit_price == 800


@given(
    before=st.lists(st.sampled_from(["ramen", "gyoza", "tea"]), min_size=1, max_size=4),
    changes=st.lists(
        st.tuples(st.sampled_from(["ramen", "gyoza", "tea"]), st.integers(0, 3000), st.integers(0, 3000)),
        max_size=3,
    ),
    rate=st.sampled_from(["0", "0.05", "0.25"]),
    steps=st.lists(st.sampled_from(["member", "staff", None]), max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_what_was_ordered_stays_whatever_the_menu_becomes(
    before: list[str], changes: list[tuple[str, int, int]], rate: str, steps: list[Any]
) -> None:
    """Invariant 11: price, tax rate, name and the prices of every list are those of when it was ordered."""
    one, two = World(MENU), World(MENU)
    for world in (one, two):
        lines = tuple(LineIn(name, 2, f"l{n}") for n, name in enumerate(before))
        world.do(PlaceOrder(lines, table_id="t1"))
    check_id = one.state.seated.get("t1") or ""
    for name, price, member in changes:
        value = {
            "id": name,
            "name": "renamed",
            "category_id": "c",
            "price": price,
            "prices": {"member": member},
        }
        one.do(ApplyMaster("cloud", (MasterChange("product", name, value),)))
        one.do(ChangeProduct(price=member), name, role="manager")
    change = {"tax_class": "standard", "rate": rate, "from": "2020-01-01T00:00:00+09:00"}
    one.do(ApplyMaster("cloud", (MasterChange("tax_rate", "standard@2020-01-01T00:00:00+09:00", change),)))
    for step in steps:
        said = [world.do(RepriceCheck(step), check_id) for world in (one, two)]
        assert said[0] == said[1]
    mine, same = check(one, check_id), check(two, check_id)
    assert (mine.lines, mine.total) == (same.lines, same.total)
    sold = [
        world.do(CompleteSale((TenderIn("cash", mine.total),), check_id=check_id), version=None)
        for world in (one, two)
    ]
    assert (sold[0].lines, sold[0].taxes, sold[0].total) == (sold[1].lines, sold[1].taxes, sold[1].total)
    one.same()
