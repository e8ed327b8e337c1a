"""Sets: a parent that carries the price, and children that go where it goes."""

from __future__ import annotations

from typing import Any

import pytest
from domain_world import World, contents
from lines_world import LUNCH, WITH_SETS, check_of, left, opened, shape
from msgspec.structs import replace

from hub.domain.check import CustomMade
from hub.domain.command import ChildIn, CustomIn, OptionIn
from hub.domain.commands import (
    ApplyMaster,
    CompleteSale,
    LineIn,
    LineQuantity,
    MergeCheck,
    PlaceOrder,
    RefundSale,
    ServeLines,
    SplitCheck,
    TenderIn,
    VoidLines,
)
from hub.domain.commands_lines import ChangeQuantity, FireLines, HoldLines, LineRef, RecallLines
from hub.domain.errors import InvalidRequest, SoldOut
from hub.domain.facts import MasterChange


def test_the_parent_carries_the_price_and_children_what_they_cost_on_top() -> None:
    world, placed = opened(LUNCH)
    assert [(line.product_id, line.quantity, line.unit_price) for line in placed.lines] == [
        ("lunch", 2, 1200),
        ("last", 2, 0),
        ("beer", 2, 200),
        ("tea", 2, 0),
    ]
    assert [line.parent_line_id for line in placed.lines] == [None, "p", "p", "p"]
    assert len({line.line_id for line in placed.lines}) == 4
    assert placed.check_total == 2 * 1400
    assert left(world) == 5
    world.same()


def test_a_childs_options_and_making_are_on_top_of_its_surcharge() -> None:
    bowl = ChildIn("bowl", options=(OptionIn("l"),), custom=(CustomIn("no onions"),), note="hot")
    _, placed = opened(LineIn("lunch", 1, children=(bowl,), seat="3", dining="takeout"))
    child = placed.lines[1]
    assert (child.unit_price, child.note, child.seat, child.dining) == (250, "hot", "3", "takeout")
    assert child.custom == (CustomMade("no onions", 1, 0),)


def test_a_course_menu_need_not_be_spelt_out() -> None:
    world, placed = opened(LineIn("kaiseki", 2, children=(ChildIn("coin", hold=False),)))
    assert [(line.product_id, line.quantity, line.course, line.held) for line in placed.lines] == [
        ("kaiseki", 2, "", False),
        ("soba", 2, "1", False),
        ("last", 4, "2", True),
        ("coin", 2, "3", False),
    ]
    assert [line.product_id for line in world.do(FireLines(), placed.check_id).lines] == ["last"]


def test_holding_a_set_holds_what_is_in_it() -> None:
    world, placed = opened(replace(LUNCH, hold=True, course="late"))
    assert all(line.held and line.course == "late" for line in placed.lines)
    assert len(world.do(FireLines((LineRef("p"),)), placed.check_id).lines) == 4
    assert len(world.do(HoldLines((LineRef("p"),)), placed.check_id).lines) == 4


@pytest.mark.parametrize(
    "line",
    [
        LineIn("lunch", 1),
        LineIn("lunch", 1, children=(ChildIn("bowl"), ChildIn("last"))),
        LineIn("lunch", 1, children=(ChildIn("bowl"), ChildIn("beer", 3))),
        LineIn("lunch", 1, children=(ChildIn("bowl"), ChildIn("gift"))),
        LineIn("lunch", 1, children=(ChildIn("bowl", slot_id="drink"),)),
        LineIn("lunch", 1, children=(ChildIn("nothing"),)),
        LineIn("lunch", 1, children=(ChildIn("bowl", options=(OptionIn("x"),)),)),
        LineIn("kaiseki", 1),
        LineIn("beer", 1, children=(ChildIn("tea"),)),
    ],
)
def test_a_set_with_too_little_too_much_or_the_wrong_thing_is_refused(line: LineIn) -> None:
    world = World(WITH_SETS)
    before = contents(world.state)
    with pytest.raises(InvalidRequest):
        world.do(PlaceOrder((LineIn("tea", 1), line), table_id="t1"))
    assert contents(world.state) == before


def test_a_set_in_a_set_is_refused_and_a_child_that_left_the_menu() -> None:
    world = World(WITH_SETS)
    nested = {
        "id": "banquet",
        "name": "B",
        "category_id": "c",
        "price": 1,
        "kind": "set",
        "slots": [{"id": "x", "name": "X", "choices": [{"product_id": "kaiseki"}]}],
    }
    world.do(ApplyMaster("import", (MasterChange("product", "banquet", nested),)))
    with pytest.raises(InvalidRequest):
        world.do(PlaceOrder((LineIn("banquet", 1),), table_id="t1"))
    world.do(ApplyMaster("import", (MasterChange("product", "soba", None),)))
    with pytest.raises(InvalidRequest):
        world.do(PlaceOrder((LineIn("kaiseki", 1, children=(ChildIn("coin"),)),), table_id="t1"))


def test_an_order_counts_portions_in_sets_and_out_of_them_together() -> None:
    world = World(WITH_SETS)
    with pytest.raises(SoldOut):
        world.do(PlaceOrder((LineIn("last", 6), LUNCH), table_id="t1"))
    world.do(PlaceOrder((LineIn("last", 5), LUNCH), table_id="t1"))
    assert left(world) == 0


@pytest.mark.parametrize(
    "command",
    [
        VoidLines((LineQuantity("CHILD", 1),), "x"),
        ChangeQuantity((LineQuantity("CHILD", 1),)),
        SplitCheck((LineQuantity("CHILD", 1),)),
        SplitCheck((LineQuantity("p", 1), LineQuantity("CHILD", 2))),
    ],
)
def test_a_child_does_not_leave_its_set(command: Any) -> None:
    world, placed = opened(LUNCH, LineIn("tea", 1))
    child = placed.lines[1].line_id
    lines = tuple(replace(one, line_id=child) if one.line_id == "CHILD" else one for one in command.lines)
    before = contents(world.state)
    with pytest.raises(InvalidRequest):
        world.do(replace(command, lines=lines), placed.check_id, version=2)
    assert contents(world.state) == before


def test_children_go_where_their_set_goes() -> None:
    world, placed = opened(LUNCH, LineIn("tea", 1, "t"))
    world.do(ServeLines((LineQuantity(placed.lines[1].line_id, 1),)), placed.check_id)
    split = world.do(SplitCheck((LineQuantity("p", 1),)), placed.check_id, version=3)
    stayed, left_for = check_of(world, placed.check_id), check_of(world, split.new_check_id)
    assert shape(stayed) == [("lunch", 1, 0), ("last", 1, 1), ("beer", 1, 0), ("tea", 1, 0), ("tea", 1, 0)]
    assert shape(left_for) == [("lunch", 1, 0), ("last", 1, 0), ("beer", 1, 0), ("tea", 1, 0)]
    parent = left_for.lines[0].line_id
    assert parent != "p"
    assert {line.parent_line_id for line in left_for.lines[1:]} == {parent}
    assert stayed.total + left_for.total == placed.check_total
    voided = world.do(VoidLines((LineQuantity("p", 1),), "wrong"), placed.check_id)
    assert len(voided.lines) == 4
    assert shape(check_of(world, placed.check_id)) == [("tea", 1, 0)]
    assert left(world) == 6
    world.same()


def test_a_merge_keeps_families_whose_ids_met() -> None:
    world, one = opened(LUNCH)
    other = world.do(PlaceOrder((LUNCH,), table_id="t2"))
    world.do(MergeCheck(other.check_id), one.check_id, version=2)
    lines = check_of(world, one.check_id).lines
    parents = [line.line_id for line in lines if line.product_id == "lunch"]
    assert len(set(parents)) == 2
    for parent in parents:
        assert sum(line.parent_line_id == parent for line in lines) == 3
    world.same()


def test_serving_a_set_serves_what_is_not_served_yet_and_recalling_takes_it_back() -> None:
    world, placed = opened(LUNCH)
    beer = placed.lines[2].line_id
    world.do(ServeLines((LineQuantity(beer, 2),)), placed.check_id)
    world.do(ServeLines((LineQuantity("p", 1),)), placed.check_id)
    assert shape(check_of(world, placed.check_id)) == [
        ("lunch", 2, 1), ("last", 2, 1), ("beer", 2, 2), ("tea", 2, 1),
    ]  # fmt: skip
    world.do(ServeLines((LineQuantity("p", 1),)), placed.check_id)
    world.do(RecallLines((LineQuantity("p", 1), LineQuantity(beer, 2))), placed.check_id)
    assert shape(check_of(world, placed.check_id)) == [
        ("lunch", 2, 1), ("last", 2, 1), ("beer", 2, 0), ("tea", 2, 1),
    ]  # fmt: skip
    world.same()


def test_a_refund_of_a_set_brings_back_what_was_in_it() -> None:
    world, placed = opened(LUNCH)
    sold = world.do(CompleteSale((TenderIn("cash", 2800),), check_id=placed.check_id))
    beer = placed.lines[2].line_id
    world.do(RefundSale((LineQuantity(beer, 1),), (TenderIn("cash", 200),), "flat"), sold.sale_id)
    assert left(world) == 5
    one = (LineQuantity("p", 1),)
    back = world.do(RefundSale(one, (TenderIn("cash", 1200),), "late"), sold.sale_id)
    assert [(line.product_id, line.quantity) for line in back.lines] == [
        ("lunch", 1),
        ("last", 1),
        ("tea", 1),
    ]
    assert left(world) == 6
    rest = world.do(RefundSale(one, (TenderIn("cash", 1400),), "late"), sold.sale_id)
    assert len(rest.lines) == 4
    sale = world.state.sales.get(sold.sale_id)
    assert sale is not None
    assert sale.status == "refunded"
    world.same()
