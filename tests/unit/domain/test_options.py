"""Options that run out."""

from __future__ import annotations

import pytest
from domain_world import World
from lines_world import WITH_SETS, check_of

from hub.domain.command import OptionIn
from hub.domain.commands import (
    AbortCheck,
    CompleteSale,
    LineIn,
    LineQuantity,
    PlaceOrder,
    RefundSale,
    TakenIn,
    TakenLineIn,
    TenderIn,
    VoidLines,
    VoidSale,
)
from hub.domain.commands_lines import ChangeOption, ChangeQuantity
from hub.domain.errors import SoldOut

LARGE = (OptionIn("l"),)


def larges(world: World) -> int | None:
    group = world.state.option_groups.get("size")
    option = None if group is None else group.option("l")
    assert option is not None
    return option.remaining


def counted(remaining: int) -> World:
    world = World(WITH_SETS)
    world.do(ChangeOption("l", remaining=remaining), "size")
    return world


def test_options_are_counted_down_by_orders_and_given_back_by_voids() -> None:
    world = counted(7)
    placed = world.do(
        PlaceOrder(
            (LineIn("bowl", 2, "a", options=(OptionIn("l", 2),)), LineIn("bowl", 1, options=LARGE)),
            table_id="t1",
        )
    )
    assert larges(world) == 2
    with pytest.raises(SoldOut) as refused:
        world.do(
            PlaceOrder((LineIn("bowl", 1, options=LARGE), LineIn("bowl", 2, options=LARGE)), table_id="t2")
        )
    assert refused.value.fields == {"group_id": "size", "option_id": "l", "name": "L", "remaining": 2}
    world.do(VoidLines((LineQuantity("a", 1),), "x"), placed.check_id)
    assert larges(world) == 4
    with pytest.raises(SoldOut):
        world.do(ChangeQuantity((LineQuantity("a", 4),)), placed.check_id)
    world.do(ChangeQuantity((LineQuantity("a", 3),)), placed.check_id)
    assert larges(world) == 0
    world.do(AbortCheck("left"), placed.check_id, version=check_of(world, placed.check_id).version)
    assert larges(world) == 7
    world.same()


def test_an_option_that_is_sold_out_is_not_taken_and_the_rest_of_its_group_is() -> None:
    world = counted(7)
    world.do(ChangeOption("l", availability="sold_out"), "size", role="kitchen")
    with pytest.raises(SoldOut):
        world.do(PlaceOrder((LineIn("bowl", 1, options=LARGE),), table_id="t1"))
    world.do(PlaceOrder((LineIn("bowl", 1, options=(OptionIn("s"),)),), table_id="t1"))
    world.do(ChangeOption("l", availability="orderable"), "size")
    world.do(PlaceOrder((LineIn("bowl", 1, options=LARGE),), table_id="t1"))


def test_what_was_chosen_before_the_option_was_counted_comes_back_like_the_rest() -> None:
    world = World(WITH_SETS)
    placed = world.do(PlaceOrder((LineIn("bowl", 1, "a", options=LARGE),), table_id="t1"))
    world.do(ChangeOption("l", remaining=1), "size")
    world.do(ChangeQuantity((LineQuantity("a", 2),)), placed.check_id)
    assert larges(world) == 0
    world.do(VoidLines((LineQuantity("a", 2),), "x"), placed.check_id)
    assert larges(world) == 2


def test_a_sale_takes_an_option_once_and_its_void_or_refund_gives_it_back() -> None:
    world = counted(7)
    bowl = LineIn("bowl", 2, "a", options=LARGE)
    placed = world.do(PlaceOrder((bowl,), table_id="t1"))
    sold = world.do(CompleteSale((TenderIn("cash", 2100),), check_id=placed.check_id))
    assert larges(world) == 5
    world.do(VoidSale("wrong"), sold.sale_id)
    assert larges(world) == 7
    over_the_counter = world.do(CompleteSale((TenderIn("cash", 2100),), lines=(bowl,)))
    assert larges(world) == 5
    line = LineQuantity(over_the_counter.lines[0].line_id, 1)
    world.do(RefundSale((line,), (TenderIn("cash", 1050),), "cold"), over_the_counter.sale_id)
    assert larges(world) == 6
    world.same()


def test_a_sale_without_the_hub_takes_what_no_order_took() -> None:
    world = counted(7)
    placed = world.do(PlaceOrder((LineIn("bowl", 2, "a", options=LARGE),), table_id="t1"))
    lines = (
        TakenLineIn("bowl", 2, 1050, line_id="a"),
        TakenLineIn("bowl", 1, 1050, options=(OptionIn("l"), OptionIn("gone"))),
    )
    taken = TakenIn("2026-11-21T11:00:00+09:00", "X-1", 3150, lines)
    world.do(CompleteSale((TenderIn("cash", 3150),), check_id=placed.check_id, taken=taken))
    assert larges(world) == 4
    world.same()
