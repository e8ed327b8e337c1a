"""A merged check taken out again: as it was, as far as it still stands there, and not a yen lost between the two."""

from __future__ import annotations

from typing import Any

import pytest
from domain_world import World
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.domain.check import Check
from hub.domain.commands import (
    ChangeCheck,
    LineIn,
    LineQuantity,
    MergeCheck,
    MoveCheck,
    OpenCheck,
    PlaceOrder,
    ServeLines,
    SplitCheck,
    UnmergeCheck,
    VoidLines,
)
from hub.domain.errors import CheckClosed, Conflict
from hub.domain.seats import sitting

PRODUCTS = ("tea", "bread", "beer", "soba", "coin", "gift", "milk")
portions = st.lists(st.tuples(st.sampled_from(PRODUCTS), st.integers(1, 3)), min_size=1, max_size=5)
ON_TOP = ("bread", "soba", "coin")
Portions = list[tuple[str, int]]


def party(world: World, chosen: Portions, *tables: str, **more: Any) -> str:
    check_id = str(world.do(OpenCheck(tables, **more)).check_id)
    if chosen:
        world.do(PlaceOrder(tuple(LineIn(*one) for one in chosen), check_id=check_id))
    return check_id


def check(world: World, check_id: str) -> Check:
    found = world.state.checks.get(check_id)
    assert found is not None
    return found


def as_found(found: Check) -> Check:
    """But for its version, its history, and the order of the sums, in which there is no meaning."""
    return replace(found, version=0, trail=(), sums=tuple(sorted(found.sums, key=repr)))


def merge(world: World, into: str, other: str) -> Any:
    return world.do(MergeCheck(other), into, version=check(world, into).version)


def unmerge(world: World, out_of: str, other: str) -> Any:
    return world.do(UnmergeCheck(other), out_of, version=check(world, out_of).version)


@settings(max_examples=60, deadline=None)
@given(portions, portions, portions, st.sampled_from(["down", "up", "half_up"]), st.booleans())
def test_all_is_as_it_was(one: Portions, other: Portions, more: Portions, rounding: str, out: bool) -> None:
    world = World(settings={"rounding": rounding})
    host = party(world, one, "t1", guests=2, customer_groups={"adults": 2})
    third = party(world, more, "t3", guests=1)
    guest = party(
        world,
        other,
        "t2",
        guests=3,
        customer_groups={"adults": 2, "children": 1},
        dining="takeout" if out else "eat_in",
    )
    was = {key: check(world, key) for key in (host, third, guest)}
    merge(world, guest, third)
    between = check(world, guest)
    total = merge(world, host, guest).check_total
    assert total == sum(one.total for one in was.values())
    given_back = unmerge(world, host, guest)
    assert given_back.check_total + given_back.unmerged_check_total == total
    assert as_found(check(world, guest)) == as_found(between)
    unmerge(world, guest, third)
    for key, before in was.items():
        assert as_found(check(world, key)) == as_found(before)
    world.same()


@settings(max_examples=60, deadline=None)
@given(portions, portions, st.data())
def test_what_still_stands_goes_back_and_the_total_is_exact(
    one: Portions, other: Portions, data: st.DataObject
) -> None:
    world = World(settings={"rounding": data.draw(st.sampled_from(["down", "up", "half_up"]))})
    host, guest = party(world, one, "t1"), party(world, other, "t2")
    own = {line.line_id for line in check(world, guest).lines}
    merge(world, host, guest)
    for _ in range(data.draw(st.integers(0, 4))):
        lines = check(world, host).lines
        what = data.draw(st.sampled_from(["order", "void", "split", "dining"]))
        if what == "order":
            world.do(PlaceOrder((LineIn(data.draw(st.sampled_from(ON_TOP)), 1),), check_id=host))
        elif what == "dining":
            world.do(ChangeCheck(dining=data.draw(st.sampled_from(["eat_in", "takeout"]))), host)
        elif len(lines) > 1:
            line = data.draw(st.sampled_from(lines))
            part = (LineQuantity(line.line_id, data.draw(st.integers(1, line.quantity))),)
            version = check(world, host).version
            world.do(VoidLines(part, "") if what == "void" else SplitCheck(part), host, version=version)
    before = check(world, host)
    unmerge(world, host, guest)
    after, back = check(world, host), check(world, guest)
    assert after.total + back.total == before.total
    assert {line.line_id for line in back.lines} == own & {line.line_id for line in before.lines}
    for found in (after, back):
        kept = {(part.rate, part.included): part for part in found.sums}
        for key, part in kept.items():
            amount = sum(line.amount for line in found.lines if (line.tax_rate, line.tax_included) == key)
            assert part.amount == amount
            assert part.carry == 0 or (part.amount and not part.included)
    world.same()


def test_a_line_under_an_id_used_again_is_not_taken_for_it() -> None:
    world = World()
    host = party(world, [], "t1")
    guest = party(world, [], "t2")
    world.do(PlaceOrder((LineIn("tea", 1, "a"), LineIn("beer", 2, "b")), check_id=guest))
    merge(world, host, guest)
    world.do(VoidLines((LineQuantity("a", 1), LineQuantity("b", 1)), ""), host)
    world.do(ServeLines((LineQuantity("b", 1),)), host)
    world.do(PlaceOrder((LineIn("milk", 1, "a"),), check_id=host))
    back = unmerge(world, host, guest)
    assert [(line.line_id, line.quantity, line.served) for line in back.lines] == [("b", 1, 1)]
    assert [line.product_id for line in check(world, host).lines] == ["milk"]


def test_lines_renamed_by_a_merge_keep_the_name_they_go_by() -> None:
    world = World()
    host, guest = party(world, [], "t1"), party(world, [], "t2")
    for where in (host, guest):
        world.do(PlaceOrder((LineIn("tea", 1, "a"),), check_id=where))
    merge(world, host, guest)
    assert [line.line_id for line in unmerge(world, host, guest).lines] == ["a.2"]


def test_food_keeps_the_rate_it_has_whoever_holds_it() -> None:
    world = World()
    host, guest = party(world, [], "t1"), party(world, [("soba", 1)], "t2")
    merge(world, host, guest)
    world.do(ChangeCheck(dining="takeout"), host)
    line = unmerge(world, host, guest).lines[0]
    assert (line.tax_rate, line.dining) == ("0.08", "takeout"), "on a check that eats in, it says so itself"


@pytest.mark.parametrize(
    ("moved_to", "host_has", "guest_has"),
    [
        ((), ("t1",), ("t2",)),
        (("t4",), ("t4",), ()),
        (("t2",), ("t2",), ()),
        (("t2", "t4"), ("t4",), ("t2",)),
    ],
)
def test_tables_go_back_as_far_as_they_can(
    moved_to: tuple[str, ...], host_has: tuple[str, ...], guest_has: tuple[str, ...]
) -> None:
    world = World()
    host, guest = party(world, [], "t1"), party(world, [], "t2")
    merge(world, host, guest)
    if moved_to:
        world.do(MoveCheck(moved_to), host, version=check(world, host).version)
    back = unmerge(world, host, guest)
    assert (back.table_ids, back.unmerged_table_ids) == (host_has, guest_has)
    assert check(world, guest).table_ids == guest_has
    for table in ("t1", "t2", "t4"):
        there = tuple(who for who, has in ((host, host_has), (guest, guest_has)) if table in has)
        assert sitting(world.state, table) == there
    world.same()


def test_who_shared_a_table_shares_it_again() -> None:
    world = World()
    host, guest = party(world, [], "t1", shared=True), party(world, [], "t1", shared=True)
    merge(world, host, guest)
    unmerge(world, host, guest)
    assert sitting(world.state, "t1") == (host, guest)
    merge(world, host, guest)
    world.do(ChangeCheck(shared=False), host)
    assert unmerge(world, host, guest).unmerged_table_ids == ()


def test_of_two_that_came_each_takes_its_own() -> None:
    world = World()
    host, one, other = (
        party(world, [], "t1"),
        party(world, [("tea", 1)], "t2"),
        party(world, [("beer", 1)], "t3"),
    )
    merge(world, host, one)
    merge(world, host, other)
    assert [line.product_id for line in unmerge(world, host, one).lines] == ["tea"]
    assert [line.product_id for line in check(world, host).lines] == ["beer"]


def test_who_was_counted_anew_is_of_no_group() -> None:
    world = World()
    host = party(world, [], guests=2, customer_groups={"adults": 2})
    guest = party(world, [], guests=3, customer_groups={"adults": 2, "children": 1})
    merge(world, host, guest)
    world.do(ChangeCheck(guests=3, customer_groups={"adults": 3}), host)
    back = unmerge(world, host, guest)
    assert (back.guests, back.customer_groups) == (0, {})
    assert check(world, guest).customer_groups == {"adults": 2, "children": 1}


def test_only_from_where_it_is() -> None:
    world = World()
    host, other, guest = (party(world, [("tea", 1)], table) for table in ("t1", "t2", "t3"))
    merge(world, host, guest)
    with pytest.raises(Conflict):
        unmerge(world, other, guest)
    with pytest.raises(CheckClosed):
        unmerge(world, host, other)
    with pytest.raises(CheckClosed):
        world.do(PlaceOrder((LineIn("tea", 1),), check_id=guest))
    unmerge(world, host, guest)
    assert world.do(PlaceOrder((LineIn("tea", 1),), table_id="t3")).check_id == guest
