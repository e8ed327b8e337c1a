"""Deals: found by the hub, the same on every device, never worse for the guest than any single one."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from domain_world import RATES, World, product
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.check import Check
from hub.domain.commands import (
    ApplyMaster,
    BillCheck,
    CompleteSale,
    DiscountIn,
    LineIn,
    LineQuantity,
    OptionIn,
    PlaceOrder,
    RefundSale,
    ReopenCheck,
    TenderIn,
)
from hub.domain.commands_price import DiscountCheck
from hub.domain.deals import Offers, deals_on
from hub.domain.decide.billing import bill_of, offers_now
from hub.domain.facts import MasterChange
from hub.domain.menu import Category, Menu, Option, OptionGroup
from hub.domain.menu_offers import Deal, DealPart
from hub.domain.reckoning import SaleLine

BEERS = DealPart(category_ids=("beer",))
MENU = Menu(
    categories=(Category("beer", "Beer"), Category("food", "Food")),
    products=(
        msgspec.structs.replace(product("lager", 500), category_id="beer"),
        msgspec.structs.replace(product("stout", 700, option_group_ids=("size",)), category_id="beer"),
        msgspec.structs.replace(
            product("fries", 300, tax_class="food", tax_included=False), category_id="food"
        ),
        msgspec.structs.replace(product("plan", 0), category_id="beer"),
    ),
    option_groups=(OptionGroup("size", "Size", (Option("l", "L", 200),)),),
    tax_rates=RATES,
)
PAIR = Deal("pair", "any two beers", (DealPart(category_ids=("beer",), quantity=2),), price=800)
COMBO = Deal("combo", "beer and fries", (BEERS, DealPart(("fries",))), amount=100)
THIRD = Deal("third", "the third beer", (DealPart(category_ids=("beer",), quantity=3),), free=1)
FIFTH = Deal("fifth", "a fifth off", (DealPart(("fries",)),), rate="0.2")


def world_with(*deals: Deal) -> World:
    return World(msgspec.structs.replace(MENU, deals=deals))


def order(world: World, *lines: LineIn) -> str:
    return str(world.do(PlaceOrder(lines, table_id="t1")).check_id)


def check(world: World, check_id: str) -> Check:
    found = world.state.checks.get(check_id)
    assert found is not None
    return found


def preview(world: World, check_id: str) -> Any:
    return bill_of(world.state, check(world, check_id), offers_now(world.state), world.at())[0]


def found(world: World, *lines: LineIn) -> list[tuple[str, str | None, int]]:
    return [(one.name, one.line_id, one.amount) for one in preview(world, order(world, *lines)).discounts]


def test_any_two_take_the_dearest_and_share_by_what_they_cost() -> None:
    got = found(world_with(PAIR), LineIn("lager", 2, "a"), LineIn("stout", 1, "b"))
    assert got == [("any two beers", "a", 167), ("any two beers", "b", 233)]


def test_a_combination_counts_as_often_as_it_is_there() -> None:
    assert found(world_with(COMBO), LineIn("lager", 3, "a"), LineIn("fries", 2, "f")) == [
        ("beer and fries", "a", 126),
        ("beer and fries", "f", 74),
    ]


def test_every_third_is_free_and_it_is_the_cheapest_of_three() -> None:
    lines = LineIn("lager", 4, "a"), LineIn("stout", 2, "b")
    assert found(world_with(THIRD), *lines) == [("the third beer", "a", 1000)]


def test_options_are_paid_beside_the_deal_and_what_is_free_already_takes_no_part() -> None:
    large = LineIn("stout", 2, "b", (OptionIn("l"),))
    assert found(world_with(PAIR), large) == [("any two beers", "b", 600)]
    assert found(world_with(THIRD), LineIn("lager", 2), LineIn("plan", 5)) == []


def test_a_line_with_its_own_discount_takes_no_part() -> None:
    world = world_with(PAIR)
    check_id = order(world, LineIn("lager", 1, "a"), LineIn("lager", 1, "b"))
    world.do(DiscountCheck("amount", 10, line_id="a"), check_id)
    assert preview(world, check_id).total == 990
    with_a_wish = CompleteSale(
        (TenderIn("cash", 980),), check_id=check_id, discounts=(DiscountIn("amount", 10, line_id="b"),)
    )
    assert [one.deal_id for one in world.do(with_a_wish).discounts] == [None, None]


def test_the_guest_gets_the_better_of_two_deals() -> None:
    lines = LineIn("stout", 3, "a"), LineIn("fries", 1, "f")
    # One free stout saves 700; a pair 600, and a combination with the third 100 more.
    assert sum(amount for *_, amount in found(world_with(THIRD, PAIR, COMBO), *lines)) == 700
    assert sum(amount for *_, amount in found(world_with(PAIR, COMBO), *lines)) == 700
    # The combination is first by its id and would take the beer that the pair needs.
    lines = LineIn("lager", 2, "a"), LineIn("fries", 1, "f")
    assert sum(amount for *_, amount in found(world_with(PAIR, COMBO), *lines)) == 200


def test_a_deal_shows_on_the_bill_and_is_what_the_guest_pays() -> None:
    world = world_with(PAIR)
    check_id = order(world, LineIn("lager", 2, "a"), LineIn("fries", 1, "f"))
    assert check(world, check_id).total == 1330, "an open check comes to its lines; deals may still change"
    billed = world.do(BillCheck(), check_id)
    assert (billed.due, [one.deal_id for one in billed.discounts]) == (1130, ["pair"])
    assert check(world, check_id).due == 1130
    reopened = world.do(ReopenCheck(), check_id)
    assert reopened.check_total == check(world, check_id).due == 1330
    world.do(BillCheck(), check_id)
    # Invariant 11: the guest has the bill, whatever the menu says since.
    world.do(ApplyMaster("cloud", (MasterChange("deal", "pair", None),)))
    world.do(BillCheck(), check_id)
    sold = world.do(CompleteSale((TenderIn("cash", 1130),), check_id=check_id))
    assert (sold.subtotal, sold.discount, sold.total) == (1300, 200, 1130)
    assert [(one.name, one.deal_id) for one in sold.discounts] == [("any two beers", "pair")]
    back = world.do(RefundSale((LineQuantity("a", 1),), (TenderIn("cash", 400),), "flat"), sold.sale_id)
    assert back.total == 400
    world.same()


def test_deals_come_before_the_subtotals_discounts_and_over_the_counter() -> None:
    world = world_with(PAIR)
    check_id = order(world, LineIn("lager", 2, "a"))
    world.do(DiscountCheck("rate", "0.10"), check_id)
    assert preview(world, check_id).total == 720
    sold = world.do(CompleteSale((TenderIn("cash", 800),), lines=(LineIn("lager", 2),)))
    assert sold.discounts[0].deal_id == "pair"


@pytest.mark.parametrize(
    ("since", "until", "counts"),
    [
        (None, "2026-11-21T12:00:00+09:00", False),
        ("2026-11-21T12:00:01+09:00", None, False),
        ("2026-11-21T12:00:00+09:00", "2026-11-21T12:00:01+09:00", True),
    ],
)
def test_a_deal_has_its_time(since: str | None, until: str | None, counts: bool) -> None:
    from datetime import datetime

    world = world_with(msgspec.structs.replace(PAIR, since=since, until=until))
    world.unix_s = datetime.fromisoformat("2026-11-21T12:00:00+09:00").timestamp()
    assert bool(found(world, LineIn("lager", 2))) == counts


def test_a_deal_that_ends_while_guests_sit_is_theirs() -> None:
    from datetime import datetime

    world = world_with(msgspec.structs.replace(PAIR, until="2026-11-21T13:00:00+09:00"))
    check_id = order(world, LineIn("lager", 2))
    world.unix_s = datetime.fromisoformat("2026-11-21T14:00:00+09:00").timestamp()
    assert preview(world, check_id).total == 800


@pytest.mark.parametrize(
    "terms",
    [
        {},
        {"price": 1, "amount": 1},
        {"free": 2},
        {"price": 1, "from": "2026-11-21T12:00:00"},
        {"price": 1, "from": "2026-11-22T12:00:00+09:00", "to": "2026-11-21T12:00:00+09:00"},
        {"price": 1, "parts": [{}]},
        {"price": 1, "parts": []},
    ],
)
def test_a_deal_that_says_nothing_clear_is_no_deal(terms: dict[str, Any]) -> None:
    raw = {"id": "d", "name": "D", "parts": [{"product_ids": ["a"], "quantity": 2}], **terms}
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(raw, Deal)


DEALS = st.lists(
    st.builds(
        lambda parts, term, value: Deal(
            "", "", tuple(DealPart((f"p{at}",), (f"c{at % 2}",) if wide else (), n) for at, wide, n in parts),
            **{term: "0.3" if term == "rate" else 1 if term == "free" else value},
        ),
        st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.integers(1, 3)), min_size=1, max_size=2).filter(
            lambda parts: sum(n for *_, n in parts) > 1
        ),
        st.sampled_from(["price", "amount", "rate", "free"]),
        st.integers(0, 900),
    ),
    min_size=1,
    max_size=6,
)  # fmt: skip


@given(
    deals=DEALS,
    drawn=st.lists(
        st.tuples(st.integers(0, 3), st.integers(0, 700), st.integers(1, 5)), min_size=1, max_size=5
    ),
)
@settings(max_examples=60, deadline=None)
def test_deals_never_take_more_than_a_line_costs_and_are_the_best_of_each(
    deals: list[Deal], drawn: list[tuple[int, int, int]]
) -> None:
    named = tuple(msgspec.structs.replace(deal, id=f"d{n}", name=f"D{n}") for n, deal in enumerate(deals))
    lines = [
        SaleLine(str(n), f"p{at}", "", count, price, count * price, "standard", "0.10", True)
        for n, (at, price, count) in enumerate(drawn)
    ]

    def saved(*some: Deal) -> int:
        offers = Offers(some, lambda product_id: f"c{int(product_id[1]) % 2}")
        cuts = deals_on(lines, offers, opened_s=0, now_s=0)
        again = deals_on(lines, Offers(tuple(reversed(some)), offers.category_of), opened_s=0, now_s=0)
        assert cuts == again, "the order of the menu makes no difference"
        for line in lines:
            assert 0 <= sum(one.amount for one in cuts if one.line_id == line.line_id) <= line.amount
        return sum(one.amount for one in cuts)

    together = saved(*named)
    assert together >= max(saved(deal) for deal in named) or len(named) > 4
