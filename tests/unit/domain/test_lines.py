"""Quantities of lines on a check, and how they are made."""

from __future__ import annotations

import pytest
from domain_world import contents
from lines_world import LUNCH, check_of, left, opened, shape

from hub.domain.check import CustomMade
from hub.domain.command import CustomIn, OptionIn
from hub.domain.commands import (
    ApplyMaster,
    BillCheck,
    ChangeProduct,
    LineIn,
    LineQuantity,
    ServeLines,
)
from hub.domain.commands_lines import ChangeQuantity
from hub.domain.errors import CheckClosed, HubError, InvalidRequest, SoldOut
from hub.domain.facts import MasterChange


def test_more_cost_what_one_cost_when_it_was_ordered() -> None:
    world, placed = opened(LineIn("beer", 1, "b"), LUNCH)
    world.do(ChangeProduct(price=9000), "beer")
    changed = world.do(ChangeQuantity((LineQuantity("b", 3), LineQuantity("p", 3))), placed.check_id)
    assert changed.check_total == 3 * 550 + 3 * 1400
    assert [(line.product_id, line.was, line.quantity, line.amount) for line in changed.lines] == [
        ("beer", 1, 3, 1650),
        ("lunch", 2, 3, 3600),
        ("last", 2, 3, 0),
        ("beer", 2, 3, 600),
        ("tea", 2, 3, 0),
    ]
    assert check_of(world, placed.check_id).total == changed.check_total
    assert left(world) == 4
    world.same()


def test_fewer_are_a_void_of_the_difference() -> None:
    world, placed = opened(LineIn("last", 5, "l"))
    world.do(ServeLines((LineQuantity("l", 4),)), placed.check_id)
    assert world.do(ChangeQuantity((LineQuantity("l", 2),), "typo"), placed.check_id).check_total == 1400
    assert shape(check_of(world, placed.check_id)) == [("last", 2, 2)]
    assert left(world) == 5
    world.same()


def test_portions_may_go_from_one_line_to_another_but_not_out_of_nothing() -> None:
    world, placed = opened(LineIn("last", 4, "x"), LineIn("last", 3, "y"))
    with pytest.raises(SoldOut):
        world.do(ChangeQuantity((LineQuantity("x", 5),)), placed.check_id)
    world.do(ChangeQuantity((LineQuantity("x", 6), LineQuantity("y", 1))), placed.check_id)
    assert left(world) == 0
    with pytest.raises(SoldOut):
        world.do(ChangeQuantity((LineQuantity("x", 7), LineQuantity("y", 1))), placed.check_id)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        ((LineQuantity("a", 2),), InvalidRequest),
        ((LineQuantity("zz", 2),), InvalidRequest),
        ((LineQuantity("a", 3), LineQuantity("a", 4)), InvalidRequest),
        ((LineQuantity("g", 3),), InvalidRequest),
        ((LineQuantity("s", 9999),), InvalidRequest),
        ((LineQuantity("t", 2),), SoldOut),
    ],
)
def test_a_quantity_that_cannot_be_is_refused(lines: tuple[LineQuantity, ...], error: type[HubError]) -> None:
    world, placed = opened(
        LineIn("beer", 2, "a"),
        LineIn("gift", 1, "g"),
        LineIn("open", 1, "s", unit_price=999_000),
        LineIn("tea", 1, "t"),
    )
    world.do(ApplyMaster("import", (MasterChange("product", "gift", None),)))
    world.do(ChangeProduct(availability="sold_out"), "tea")
    before = contents(world.state)
    with pytest.raises(error):
        world.do(ChangeQuantity(lines), placed.check_id)
    assert contents(world.state) == before


def test_a_billed_check_keeps_its_quantities() -> None:
    world, placed = opened(LineIn("beer", 2, "a"))
    world.do(BillCheck(), placed.check_id)
    for quantity in (1, 3):
        with pytest.raises(CheckClosed):
            world.do(ChangeQuantity((LineQuantity("a", quantity),)), placed.check_id)


def test_contents_of_the_product_have_its_price_and_other_words_none() -> None:
    wishes = (CustomIn("g", 2), CustomIn("Half"), CustomIn("well done"))
    _, placed = opened(LineIn("steak", 2, custom=wishes))
    assert placed.lines[0].unit_price == 2000 + 100 - 1200
    assert placed.lines[0].custom == (
        CustomMade("Garlic", 2, 50),
        CustomMade("Half", 1, -1200),
        CustomMade("well done", 1, 0),
    )
    with pytest.raises(InvalidRequest):
        opened(LineIn("steak", 1, custom=(CustomIn("h", 2),)))


def test_options_and_contents_are_weighed_together() -> None:
    for custom in ((), (CustomIn("cut up"),)):
        with pytest.raises(InvalidRequest):
            opened(LineIn("bowl", 1, options=(OptionIn("x", 2),), custom=custom))
