"""Business days: every pair of state and move, frozen figures, and what comes late."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest
from domain_world import DAY, World
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.commands import (
    AbortCheck,
    CompleteSale,
    LineIn,
    LineQuantity,
    PlaceOrder,
    RecoverEntry,
    RefundSale,
    TakenIn,
    TakenLineIn,
    TenderIn,
    VoidSale,
)
from hub.domain.commands_day import CloseDay, MoveDrawer, SettleRegister
from hub.domain.day import NEXT, Day, DayMove, DayStatus
from hub.domain.decide import decide
from hub.domain.entries import NO_HASH, Chain, Origin, read
from hub.domain.errors import Conflict, HubError, InvalidRequest, OpenChecks
from hub.domain.figures import NO_FIGURES

NEXT_DAY = "2026-11-22"


def day_of(world: World, name: str = DAY) -> Day:
    return world.state.days.get(name) or Day(business_date=name)


def sell(world: World, amount: int = 550, *, device: str = "r1") -> Any:
    lines = (LineIn("open", 1, unit_price=amount),)
    return world.do(CompleteSale((TenderIn("cash", amount),), lines=lines), device=device)


def taken(world: World, number: str, price: int = 550, *, at: str = f"{DAY}T12:00:00+09:00") -> Any:
    wish = TakenIn(at, number, price, (TakenLineIn("beer", 1, price),))
    return world.do(CompleteSale((TenderIn("cash", price),), taken=wish), device="r1")


def brought_to(status: DayStatus) -> World:
    world = World()
    sell(world)
    if status != "open":
        world.do(CloseDay(), DAY)
    if status == "amended":
        sell(world)
    assert day_of(world).status == status
    return world


@pytest.mark.parametrize("status", get_args(DayStatus))
@pytest.mark.parametrize("move", DayMove)
def test_every_pair_of_state_and_move(status: DayStatus, move: DayMove) -> None:
    world = brought_to(status)
    expected = NEXT.get((status, move))
    if expected is None:
        with pytest.raises(Conflict):
            world.do(CloseDay(), DAY)
        expected = status
    elif move is DayMove.CLOSE:
        world.do(CloseDay(), DAY)
    else:
        sell(world)
    assert day_of(world).status == expected
    world.same()


def test_closing_freezes_the_figures_and_late_ones_stand_beside_them() -> None:
    world = World()
    sell(world, 1000)
    wrong = sell(world, 400)
    world.do(VoidSale("x"), wrong.sale_id, device="r1")
    closed = world.do(CloseDay(), DAY, role="manager")
    assert (closed.revision, closed.by, closed.totals.net, closed.totals.sales.count) == (1, "hand", 1000, 2)
    assert (closed.registers, closed.unsettled) == (("r1",), ("r1",))
    late = sell(world, 300)
    assert late.late
    day = day_of(world)
    assert (day.frozen, day.figures.net, day.late.count, day.late.total) == (closed.totals, 1300, 1, 300)
    again = world.do(CloseDay(), DAY)
    assert (again.revision, again.totals.net, again.late.total) == (2, 1300, 300)
    first = next(fact for fact, _ in world.facts if fact.TYPE == "day.closed")
    assert first.totals.net == 1000, "what was closed first stands in the journal for ever"


def test_a_sale_taken_without_the_hub_stays_on_its_day_and_is_late_there() -> None:
    """Invariant 9: late replay does not move yesterday's sales to today, and today's figures know nothing of them."""
    world = World()
    sell(world)
    world.do(CloseDay(), DAY)
    world.day = NEXT_DAY
    sell(world, 100)
    today = day_of(world, NEXT_DAY)
    at = world.at(device="r1")
    wish = TakenIn(f"{DAY}T22:00:00+09:00", "A-000009", 550, (TakenLineIn("beer", 1, 550),))
    # The desk hands in the business day on which it was taken.
    stamp = msgspec.structs.replace(at.stamp, business_date=DAY)
    at = msgspec.structs.replace(at, stamp=stamp)
    fact = decide(world.state, CompleteSale((TenderIn("cash", 550),), taken=wish), at)[-1]
    world.keep(fact, at)
    assert fact.late  # type: ignore[attr-defined]
    assert day_of(world, NEXT_DAY) == today
    assert (day_of(world).status, day_of(world).late.total) == ("amended", 550)
    world.same()


def test_an_entry_that_was_lost_and_comes_back_after_the_closing_is_late() -> None:
    world, other = World(), World()
    sell(world)
    lost = other.decide(CompleteSale((TenderIn("cash", 70),), lines=(LineIn("open", 1, unit_price=70),)))[0]
    world.do(CloseDay(), DAY)
    chain = Chain(source="/stores/s/hubs/h", boot_id="b", epoch="f" * 16, seq=6, head=NO_HASH)
    entry, _ = chain.append(lost, world.at().stamp, Origin("d7"))
    world.day = NEXT_DAY
    back = world.do(RecoverEntry("f" * 16, 7, entry.hash, entry.raw.decode()))
    assert back.late
    assert read(entry.raw).businessdate == DAY
    assert (day_of(world).late.total, day_of(world).figures.net) == (70, 620)


def test_open_checks_are_refused_or_carried_over_by_choice() -> None:
    world = World()
    placed = world.do(PlaceOrder((LineIn("beer", 1),), table_id="t1"))
    with pytest.raises(OpenChecks) as refused:
        world.do(CloseDay(), DAY)
    assert refused.value.fields == {"date": DAY, "count": 1, "check_ids": [placed.check_id]}
    closed = world.do(CloseDay("carry"), DAY)
    assert [(left.check_id, left.total, left.table_ids) for left in closed.open_checks] == [
        (placed.check_id, 550, ("t1",))
    ]
    world.day = NEXT_DAY
    sold = world.do(CompleteSale((TenderIn("cash", 550),), check_id=placed.check_id))
    assert not sold.late
    assert (day_of(world).figures, day_of(world, NEXT_DAY).figures.net) == (NO_FIGURES, 550)
    world.do(CloseDay(), NEXT_DAY)
    gone = world.do(PlaceOrder((LineIn("beer", 1),), table_id="t1"))
    world.do(AbortCheck("left"), gone.check_id, version=2)
    world.same()


@pytest.mark.parametrize("name", ["2026-11-23", "2026-13-01", "today", "20261121"])
def test_only_a_day_that_has_come_is_closed(name: str) -> None:
    with pytest.raises(InvalidRequest):
        World().do(CloseDay(), name)


def test_what_is_unsent_is_said_at_every_closing() -> None:
    """Invariant 12: 精算 shows the unsent count, and closing offline is possible."""
    world = World()
    world.online = False
    sell(world, 500)
    at = msgspec.structs.replace(world.at("r1"), unsent=lambda: 17)
    settled = decide(world.state, SettleRegister(500), at)[-1]
    assert (settled.unsent, settled.over_short) == (17, 0)  # type: ignore[attr-defined]
    world.keep(settled, at)
    at = msgspec.structs.replace(world.at(DAY), unsent=lambda: 18)
    closed = decide(world.state, CloseDay(), at)[-1]
    assert (closed.unsent, closed.drawers.counted) == (18, 500)  # type: ignore[attr-defined]


_STEPS = st.one_of(
    st.tuples(st.sampled_from(["sell", "taken"]), st.integers(1, 999)),
    st.tuples(st.sampled_from(["void", "refund", "close", "next day", "float", "settle"]), st.just(0)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(_STEPS, max_size=25))
def test_figures_are_the_sum_of_the_days_own_entries_whatever_is_closed_in_between(steps: list[Any]) -> None:
    """Invariant 9: each entry counts on the day it was made, and a closed day's frozen figures never move."""
    world = World()
    sold: list[Any] = []
    names = [DAY, NEXT_DAY]
    for number, (what, amount) in enumerate(steps):
        try:
            match what:
                case "sell":
                    sold.append(sell(world, amount))
                case "taken":
                    sold.append(taken(world, f"X-{number}", amount, at=f"{world.day}T01:00:00+09:00"))
                case "void" if sold:
                    world.do(VoidSale("x"), sold[-1].sale_id)
                case "refund" if sold:
                    line = LineQuantity(sold[-1].lines[0].line_id, 1)
                    world.do(RefundSale((line,), (TenderIn("cash", sold[-1].total),), "x"), sold[-1].sale_id)
                case "close":
                    world.do(CloseDay(), world.day)
                case "next day":
                    world.day = NEXT_DAY
                case "float":
                    world.do(MoveDrawer("float", 10), "r1")
                case "settle":
                    world.do(SettleRegister(0), "r1")
        except HubError:
            continue
    world.same()
    for name in names:
        mine = [(fact, meta) for fact, meta in world.facts if fact.TYPE.startswith("sale.")]
        mine = [pair for pair in mine if pair[1].business_date == name]
        net = cash = late = 0
        closings = [m.seq for f, m in world.facts if f.TYPE == "day.closed" and f.date == name]
        for fact, meta in mine:
            sign = 1 if fact.TYPE == "sale.completed" else -1
            net += sign * fact.total
            cash += sign * sum(tender.amount for tender in fact.tenders)
            is_late = bool(closings) and meta.seq > closings[0]
            assert fact.late == is_late
            late += is_late
        day = day_of(world, name)
        assert day.figures.net == net
        assert sum(row.amount for row in day.figures.tenders) == cash
        assert day.late.count == late
        if closings:
            frozen = [f for f, m in world.facts if f.TYPE == "day.closed" and f.date == name][-1]
            assert day.frozen == frozen.totals
