"""Sets of mixed tax rates: the price is shared in proportion, and nothing it costs is changed by that."""

from __future__ import annotations

from typing import Any

from domain_world import MENU, World, product
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.domain.check import Check
from hub.domain.command import ChildIn
from hub.domain.commands import (
    CompleteSale,
    LineIn,
    LineQuantity,
    PlaceOrder,
    RefundSale,
    TenderIn,
    VoidLines,
)
from hub.domain.commands_lines import ChangeQuantity
from hub.domain.commands_price import RepriceCheck
from hub.domain.menu import BandPrice, SetChoice, SetSlot, TimeBand

CHOICES = ("rice", "soba", "tea", "beer", "gift", "milk", "coin")
RICE = product("rice", 333, tax_class="food")


def world_with(
    price: int, *, shared: bool = True, prices: dict[str, int] | None = None, **more: Any
) -> World:
    slot = SetSlot("s", "Slot", tuple(SetChoice(name) for name in CHOICES), min=0, max=9)
    box = product(
        "box", price, kind="set", slots=(slot,), tax_class="food", tax_shared=shared, prices=prices or {}
    )
    return World(replace(MENU, products=(*MENU.products, RICE, box), **more))


def check_of(world: World, check_id: str) -> Check:
    found = world.state.checks.get(check_id)
    assert found is not None
    return found


def order(world: World, quantity: int, children: list[tuple[str, int]], **more: Any) -> Check:
    line = LineIn("box", quantity, "b", children=tuple(ChildIn(*child) for child in children), **more)
    return check_of(world, world.do(PlaceOrder((line,), table_id="t1")).check_id)


def test_food_to_take_out_with_a_beer_is_taxed_at_both_rates() -> None:
    """¥1,000 for rice (¥333) and a beer (¥550): 1,000 x 550 / 883 is ¥622 at 10 %, and ¥378 at 8 %."""
    world = world_with(1000)
    check = order(world, 1, [("rice", 1), ("beer", 1)], dining="takeout")
    assert [(line.product_id, line.amount, line.tax_rate) for line in check.lines] == [
        ("box", 378, "0.08"), ("rice", 0, "0.08"), ("beer", 622, "0.10"),
    ]  # fmt: skip
    assert check.total == 1000
    sale = world.do(CompleteSale((TenderIn("cash", 1000),), check_id=check.check_id))
    assert [(row.rate, row.taxable, row.tax) for row in sale.taxes] == [("0.10", 622, 56), ("0.08", 378, 28)]
    back = world.do(RefundSale((LineQuantity("b", 1),), (TenderIn("cash", 1000),), "x"), sale.sale_id)
    assert (back.total, len(back.lines)) == (1000, 3)
    world.same()


def test_who_takes_it_out_after_all_pays_the_other_rate_on_the_same_shares() -> None:
    world = world_with(1000)
    check = order(world, 1, [("rice", 1), ("beer", 1)])
    sale = world.do(CompleteSale((TenderIn("cash", 1000),), check_id=check.check_id, dining="takeout"))
    assert [(row.rate, row.taxable) for row in sale.taxes] == [("0.10", 622), ("0.08", 378)]


@settings(max_examples=60, deadline=None)
@given(
    price=st.integers(0, 3000),
    member=st.integers(0, 3000),
    difference=st.sampled_from([0, -700, 250]),
    quantity=st.integers(1, 3),
    children=st.lists(st.tuples(st.sampled_from(CHOICES), st.integers(1, 3)), max_size=3),
    later=st.sampled_from(["none", "member", "fewer", "void"]),
)
def test_sharing_never_changes_what_the_set_costs(
    price: int,
    member: int,
    difference: int,
    quantity: int,
    children: list[tuple[str, int]],
    later: str,
) -> None:
    totals, seen = [], []
    for shared in (True, False):
        prices = (BandPrice(difference, product_id="box"),)
        band = TimeBand(id="b", name="B", since="00:00", to="00:00", prices=prices)
        world = world_with(price, shared=shared, prices={"member": member}, time_bands=(band,))
        check = order(world, quantity, children)
        match later:
            case "member":
                world.do(RepriceCheck("member"), check.check_id)
            case "fewer" if quantity > 1:
                world.do(ChangeQuantity((LineQuantity("b", 1),)), check.check_id)
            case "void":
                world.do(VoidLines((LineQuantity("b", 1),), "x"), check.check_id)
        check = check_of(world, check.check_id)
        totals.append(sum(line.amount for line in check.lines))
        seen.append(check)
        assert all(line.amount == line.quantity * line.unit_price >= 0 for line in check.lines)
        world.same()
    assert totals[0] == totals[1]
    # What has the class of the set stays with it.
    assert all(not line.amount for line in seen[0].lines[1:] if line.tax_class == "food")
