"""Check-in, guests and shared tables."""

from __future__ import annotations

from typing import Any

import pytest
from domain_world import World, contents

from hub.domain.commands import (
    AbortCheck,
    BillCheck,
    CallStaff,
    ChangeCheck,
    LineIn,
    MergeCheck,
    MoveCheck,
    OpenCheck,
    PlaceOrder,
)
from hub.domain.errors import CheckClosed, HubError, InvalidRequest, TableOccupied, TableShared
from hub.domain.seats import sitting


def seated(world: World, *tables: str, **more: Any) -> str:
    return str(world.do(OpenCheck(tables, **more)).check_id)


def version(world: World, check_id: str) -> int:
    check = world.state.checks.get(check_id)
    assert check is not None
    return check.version


def move(world: World, check_id: str, *tables: str, **more: Any) -> Any:
    return world.do(MoveCheck(tables, **more), check_id, version=version(world, check_id))


@pytest.mark.parametrize(("first", "second"), [(False, False), (True, False), (False, True)])
def test_a_table_is_shared_only_when_both_allow_it(first: bool, second: bool) -> None:
    world = World()
    there = seated(world, "t1", shared=first)
    comes = seated(world, "t2", shared=second)
    before = contents(world.state)
    for attempt in (
        lambda: seated(world, "t1", shared=second),
        lambda: move(world, comes, "t1"),
        lambda: move(world, comes, "t3", "t1", shared=second),
    ):
        with pytest.raises(TableOccupied) as refused:
            attempt()
        assert refused.value.fields == {"table_id": "t1", "check_id": there}
    assert contents(world.state) == before


def test_two_parties_at_one_table_keep_their_own_bills() -> None:
    world = World()
    one, other = seated(world, "t1", shared=True), seated(world, "t1", shared=True, guests=2, name="Sato")
    with pytest.raises(TableShared) as refused:
        world.do(PlaceOrder((LineIn("tea", 1),), table_id="t1"))
    assert refused.value.fields == {
        "table_id": "t1",
        "checks": [
            {"check_id": one, "check_no": 1, "name": "", "guests": 0},
            {"check_id": other, "check_no": 2, "name": "Sato", "guests": 2},
        ],
    }
    world.do(PlaceOrder((LineIn("tea", 1),), check_id=other))
    totals = [world.state.checks.get(check_id).total for check_id in (one, other)]  # type: ignore[union-attr]
    assert totals == [0, 98]
    assert world.do(CallStaff("t1")).check_id is None, "nobody knows which of them calls"
    world.same()


def test_a_tablet_is_not_told_of_strangers() -> None:
    world = World()
    seated(world, "t1", shared=True)
    seated(world, "t1", shared=True)
    with pytest.raises(TableShared) as refused:
        world.do(PlaceOrder((LineIn("tea", 1),)), role="table", table_id="t1")
    assert refused.value.fields["checks"] == []


def test_who_stays_keeps_the_table() -> None:
    world = World()
    one, two, three = (seated(world, "t1", shared=True) for _ in range(3))
    move(world, two, "t2")
    assert sitting(world.state, "t1") == (one, three)
    world.do(AbortCheck("left"), one, version=version(world, one))
    assert sitting(world.state, "t1") == (three,)
    assert world.do(PlaceOrder((LineIn("tea", 1),), table_id="t1")).check_id == three
    move(world, three, "t1", "t2")
    assert sitting(world.state, "t2") == (two, three)
    world.same()


def test_nobody_stops_sharing_while_somebody_else_sits_there() -> None:
    world = World()
    one, two = seated(world, "t1", shared=True), seated(world, "t1", shared=True)
    with pytest.raises(TableOccupied):
        world.do(ChangeCheck(shared=False), one)
    with pytest.raises(TableOccupied):
        move(world, one, "t1", shared=False)
    world.do(AbortCheck("left"), two, version=1)
    assert world.do(ChangeCheck(shared=False), one).shared is False
    with pytest.raises(TableOccupied):
        seated(world, "t1", shared=True)


def test_a_merge_does_not_sit_a_party_down_with_strangers() -> None:
    world = World()
    stranger, guest = seated(world, "t1", shared=True), seated(world, "t1", shared=True)
    host = seated(world, "t2")
    with pytest.raises(TableOccupied) as refused:
        world.do(MergeCheck(guest), host, version=1)
    assert refused.value.fields == {"table_id": "t1", "check_id": stranger}
    world.do(ChangeCheck(shared=True), host)
    world.do(MergeCheck(guest), host, version=2)
    assert sitting(world.state, "t1") == (stranger, host)
    world.do(MergeCheck(stranger), host, version=3)
    assert sitting(world.state, "t1") == (host,)
    world.same()


def test_checks_without_a_table() -> None:
    world = World()
    out = seated(world, dining="takeout", name="window 2")
    counter = seated(world)
    placed = world.do(PlaceOrder((LineIn("soba", 1),), check_id=out))
    assert placed.lines[0].tax_rate == "0.08"
    assert world.do(PlaceOrder((LineIn("soba", 1),), check_id=counter)).lines[0].tax_rate == "0.10"


def test_guests_and_groups_fit_each_other() -> None:
    world = World()
    opened = world.do(OpenCheck((), customer_groups={"adults": 2, "children": 1}))
    assert opened.guests == 3
    for command in (
        OpenCheck((), guests=2, customer_groups={"adults": 3}),
        ChangeCheck(guests=2),
        ChangeCheck(guests=1, customer_groups={"adults": 2}),
        ChangeCheck(),
    ):
        with pytest.raises(InvalidRequest):
            world.do(command, "" if isinstance(command, OpenCheck) else opened.check_id)
    more = world.do(ChangeCheck(customer_groups={"adults": 5}), opened.check_id)
    assert (more.guests, more.customer_groups) == (5, {"adults": 5})
    fewer = world.do(ChangeCheck(guests=4, customer_groups={}, name="Sato"), opened.check_id)
    assert (fewer.guests, fewer.customer_groups, fewer.name, fewer.check_version) == (4, {}, "Sato", 3)
    other = seated(world, guests=2, customer_groups={"students": 2})
    merged = world.do(MergeCheck(other), opened.check_id, version=3)
    assert (merged.guests, merged.customer_groups) == (6, {"students": 2})
    world.same()


def test_where_it_is_eaten_decides_the_tax_of_food() -> None:
    world = World()
    placed = world.do(
        PlaceOrder((LineIn("soba", 1), LineIn("coin", 1), LineIn("soba", 1, dining="eat_in")), table_id="t1")
    )
    assert placed.check_total == 666 + 101 + (767 * 10) // 100
    taken = world.do(ChangeCheck(dining="takeout"), placed.check_id)
    assert [line.line_id for line in taken.rerated] == [placed.lines[0].line_id]
    assert taken.check_total == 333 + (333 * 8) // 100 + 333 + 101 + (434 * 10) // 100
    check = world.state.checks.get(placed.check_id)
    assert check is not None
    assert (check.total, check.lines[0].tax_rate) == (taken.check_total, "0.08")
    assert world.do(BillCheck(), placed.check_id).check_total == taken.check_total
    with pytest.raises(CheckClosed):
        world.do(ChangeCheck(guests=1), placed.check_id)
    world.same()


def test_a_change_honours_the_version_that_was_seen() -> None:
    world = World()
    opened = seated(world, "t1")
    with pytest.raises(HubError) as refused:
        world.do(ChangeCheck(guests=2), opened, version=7)
    assert refused.value.slug == "check-changed"
