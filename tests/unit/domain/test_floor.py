"""Void, serve, move, merge, split and abort."""

from __future__ import annotations

from typing import Any

import pytest
from domain_world import World, contents

from hub.domain.commands import (
    AbortCheck,
    LineIn,
    LineQuantity,
    MergeCheck,
    MoveCheck,
    OpenCheck,
    PlaceOrder,
    ServeLines,
    SplitCheck,
    VoidLines,
)
from hub.domain.errors import InvalidRequest, SoldOut, TableOccupied


def order(world: World, *lines: tuple[str, int], table: str = "t1", **more: Any) -> Any:
    return world.do(PlaceOrder(tuple(LineIn(product, n) for product, n in lines), table_id=table), **more)


def left(world: World) -> int | None:
    product = world.state.products.get("last")
    assert product is not None
    return product.remaining


def test_an_answer_is_a_whole_check() -> None:
    opened = World().do(OpenCheck(("t1",), guests=2))
    import msgspec

    assert set(msgspec.to_builtins(opened)) == {
        "check_id", "check_no", "table_ids", "guests", "dining", "name", "status", "version", "lines", "total",
        "shared", "customer_groups",
        "stay_notice_at",
    }  # fmt: skip


def test_a_void_gives_the_portions_back() -> None:
    world = World()
    placed = order(world, ("last", 7))
    with pytest.raises(SoldOut) as refused:
        order(world, ("last", 1), table="t2", device="d2")
    assert refused.value.fields["remaining"] == 0
    voided = world.do(VoidLines((LineQuantity(placed.lines[0].line_id, 2),), "wrong"), placed.check_id)
    assert (left(world), voided.check_total) == (2, 3500)
    order(world, ("last", 2), table="t2", device="d2")
    assert left(world) == 0
    world.same()


def test_a_line_of_which_nothing_is_left_is_gone() -> None:
    world = World()
    placed = order(world, ("beer", 1), ("tea", 1))
    world.do(VoidLines((LineQuantity(placed.lines[0].line_id, 1),), ""), placed.check_id)
    check = world.state.checks.get(placed.check_id)
    assert check is not None
    assert [line.product_id for line in check.lines] == ["tea"]


@pytest.mark.parametrize("quantity", [3, 9999])
def test_more_than_there_is_cannot_be_voided(quantity: int) -> None:
    world = World()
    placed = order(world, ("beer", 2))
    with pytest.raises(InvalidRequest):
        world.do(VoidLines((LineQuantity(placed.lines[0].line_id, quantity),), ""), placed.check_id)
    with pytest.raises(InvalidRequest, match="no such line"):
        world.do(VoidLines((LineQuantity("nope", 1),), ""), placed.check_id)
    one = LineQuantity(placed.lines[0].line_id, 1)
    with pytest.raises(InvalidRequest, match="twice"):
        world.do(VoidLines((one, one), ""), placed.check_id)


def test_no_more_is_served_than_was_ordered() -> None:
    world = World()
    placed = order(world, ("beer", 2))
    line_id = placed.lines[0].line_id
    world.do(ServeLines((LineQuantity(line_id, 2),)), placed.check_id)
    with pytest.raises(InvalidRequest):
        world.do(ServeLines((LineQuantity(line_id, 1),)), placed.check_id)


def test_a_move_frees_the_table_and_an_occupied_one_is_refused() -> None:
    world = World()
    first, second = order(world, ("beer", 1)), order(world, ("tea", 1), table="t2")
    before = contents(world.state)
    with pytest.raises(TableOccupied) as refused:
        world.do(MoveCheck(("t3", "t2")), first.check_id, version=2)
    assert refused.value.fields == {"table_id": "t2", "check_id": second.check_id}
    assert contents(world.state) == before
    world.do(MoveCheck(("t3", "t1")), first.check_id, version=2)
    world.do(MoveCheck(("t3",)), first.check_id, version=3)
    assert order(world, ("tea", 1)).check_id != first.check_id, "t1 is free"


def test_merged_lines_keep_apart_even_with_equal_ids() -> None:
    world = World()
    one = world.do(PlaceOrder((LineIn("beer", 1, "same"), LineIn("tea", 1, "same.2")), table_id="t1"))
    other = world.do(PlaceOrder((LineIn("soba", 2, "same"),), table_id="t2"))
    merged = world.do(MergeCheck(other.check_id), one.check_id, version=2)
    check = world.state.checks.get(one.check_id)
    gone = world.state.checks.get(other.check_id)
    assert check is not None
    assert gone is not None
    assert [line.line_id for line in check.lines] == ["same", "same.2", "same.3"]
    assert merged.check_total == check.total == one.check_total + other.check_total
    assert (gone.status, gone.merged_into, gone.total, gone.lines) == ("merged", one.check_id, 0, ())
    assert check.table_ids == ("t1", "t2")
    assert order(world, ("tea", 1), table="t2").check_id == one.check_id
    world.same()


def test_a_merge_comes_to_what_both_came_to_and_is_reckoned_anew_when_it_changes() -> None:
    """98 + 7 twice is 210, though 196 at 8 % on top would be 211."""
    world = World()
    one, other = order(world, ("bread", 1)), order(world, ("bread", 1), table="t2")
    assert world.do(MergeCheck(other.check_id), one.check_id, version=2).check_total == 210
    assert order(world, ("bread", 1)).check_total == 294 + 23
    world.same()


def test_food_taken_out_stays_at_its_rate_when_merged_into_a_check_that_eats_in() -> None:
    world = World()
    out = world.do(OpenCheck((), dining="takeout"))
    world.do(PlaceOrder((LineIn("soba", 1),), check_id=out.check_id))
    stay = order(world, ("soba", 1))
    world.do(MergeCheck(out.check_id), stay.check_id, version=2)
    check = world.state.checks.get(stay.check_id)
    assert check is not None
    assert [(line.tax_rate, line.dining) for line in check.lines] == [("0.10", None), ("0.08", "takeout")]


def test_a_split_moves_whole_lines_with_their_ids_and_parts_with_new_ones() -> None:
    world = World()
    placed = order(world, ("beer", 3), ("tea", 1))
    beer, tea = (line.line_id for line in placed.lines)
    world.do(ServeLines((LineQuantity(beer, 2),)), placed.check_id)
    split = world.do(SplitCheck((LineQuantity(beer, 2), LineQuantity(tea, 1))), placed.check_id, version=3)
    old, new = world.state.checks.get(placed.check_id), world.state.checks.get(split.new_check_id)
    assert old is not None
    assert new is not None
    assert [(line.line_id, line.quantity, line.served) for line in old.lines] == [(beer, 1, 1)]
    assert [(line.quantity, line.served) for line in new.lines] == [(2, 1), (1, 0)]
    assert new.lines[0].line_id != beer
    assert new.lines[1].line_id == tea
    assert (new.table_ids, new.split_from, new.check_no) == ((), placed.check_id, 2)
    assert split.check_total + split.new_check_total == placed.check_total
    with pytest.raises(InvalidRequest):
        world.do(SplitCheck((LineQuantity(beer, 1),)), placed.check_id, version=4)


def test_an_abort_frees_the_table_and_gives_everything_back() -> None:
    world = World()
    placed = order(world, ("last", 3))
    aborted = world.do(AbortCheck("walked out"), placed.check_id, version=2)
    assert (aborted.check_total, left(world)) == (2100, 7)
    assert order(world, ("tea", 1)).check_id != placed.check_id
    world.same()


def test_options_may_not_make_a_price_negative() -> None:
    from hub.domain.command import OptionIn

    world = World()
    with pytest.raises(InvalidRequest):
        world.do(PlaceOrder((LineIn("bowl", 1, options=(OptionIn("x", 2),)),), table_id="t1"))
