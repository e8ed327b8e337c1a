"""Plans (飲み放題): what they cost, what they cover, and every pair of phase and move by the hub's clock."""

from __future__ import annotations

from typing import get_args

import pytest
from domain_world import DAY, World, contents
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from plan_kit import TERMS, band, check_of, order, party, product, store

from hub.domain.command import ChildIn, LineQuantity
from hub.domain.commands import (
    ApplyMaster,
    BillCheck,
    Command,
    CompleteSale,
    LineIn,
    MergeCheck,
    OptionIn,
    PlaceOrder,
    SplitCheck,
    TenderIn,
    VoidLines,
)
from hub.domain.commands_check import UnmergeCheck
from hub.domain.commands_lines import ChangeQuantity
from hub.domain.commands_plan import ExtendPlan, StartPlan, StopPlan
from hub.domain.errors import HubError
from hub.domain.facts import MasterChange
from hub.domain.menu import PlanTerms, SetChoice, SetSlot, plain
from hub.domain.plan import NEXT, Phase, PlanMove, PlanRun, later
from hub.domain.views import check_view

# Started at 18:00 for 90 minutes: last order 19:10, end 19:30.
CLOCK: dict[Phase, str] = {
    "running": "19:09:59.999",
    "closing": "19:10:00.000",
    "ended": "19:30:00.000",
    "stopped": "19:05:00.000",
}
PAIRS = [(phase, move) for phase in get_args(Phase) for move in PlanMove]


def started_plan(world: World, check_id: str, guests: int | None = None) -> PlanRun:
    run: PlanRun = world.do(StartPlan("nomi", guests), check_id).plan
    return run


def in_phase(world: World, phase: Phase) -> str:
    check_id = party(world)
    started_plan(world, check_id)
    if phase == "stopped":
        world.do(StopPlan(reason="enough"), check_id)
    world.clock = CLOCK[phase]
    return check_id


@pytest.mark.parametrize(("phase", "move"), PAIRS)
def test_every_pair(phase: Phase, move: PlanMove) -> None:
    world = store()
    check_id = in_phase(world, phase)
    run = check_of(world, check_id).plans[0]
    assert run.phase(world.at().stamp.time) == phase
    after = NEXT.get((phase, move))
    if move in (PlanMove.LAST_ORDER, PlanMove.END):
        world.clock = CLOCK["closing" if move is PlanMove.LAST_ORDER else "ended"]
        if after is not None:
            assert run.phase(world.at().stamp.time) == after
        return
    commands: dict[PlanMove, tuple[Command, str]] = {
        PlanMove.ORDER: (PlaceOrder((LineIn("beer", 1),), check_id=check_id), ""),
        PlanMove.EXTEND: (ExtendPlan(run.plan_id), check_id),
        PlanMove.STOP: (StopPlan(run.plan_id), check_id),
    }
    command, target = commands[move]
    if after is not None:
        fact = world.do(command, target)
        assert check_of(world, check_id).plans[0].phase(world.at().stamp.time) == after
        if move is PlanMove.ORDER:
            assert (fact.lines[0].amount, fact.lines[0].in_plan) == (0, True)
    elif (phase, move) == ("stopped", PlanMove.ORDER):
        assert world.do(command, target).lines[0].amount == 550, (
            "a stopped plan is none: beer costs what it costs"
        )
    else:
        before = contents(world.state)
        with pytest.raises(HubError) as refused:
            world.do(command, target)
        assert refused.value.slug == ("last-order-passed" if move is PlanMove.ORDER else "plan-not-running")
        assert contents(world.state) == before
    world.same()


def test_a_plan_is_a_priced_line_and_its_times_are_the_hubs() -> None:
    world = store()
    check_id = party(world, guests=4)
    fact = world.do(StartPlan("nomi"), check_id)
    (line,) = fact.lines
    assert (line.kind, line.quantity, line.amount, fact.check_total) == ("plan", 4, 7920, 7920)
    run = check_of(world, check_id).plans[0]
    assert run == fact.plan
    assert (run.started_at, run.notice_at, run.last_order_at, run.ends_at) == tuple(
        f"{DAY}T{clock}.000+09:00" for clock in ("18:00:00", "19:00:00", "19:10:00", "19:30:00")
    )
    assert order(world, check_id, "beer", "sour", "house", "tea").check_total == 7920 + 98
    lines = check_of(world, check_id).lines
    assert [(line.amount, line.in_plan) for line in lines[1:]] == [
        (0, True),
        (0, True),
        (0, True),
        (98, False),
    ]


def test_a_refusal_tells_when_the_last_order_was() -> None:
    world = store()
    check_id = in_phase(world, "closing")
    with pytest.raises(HubError) as refused:
        order(world, check_id, "tea", "house")
    assert refused.value.fields["last_order_at"] == f"{DAY}T19:10:00.000+09:00"
    assert refused.value.fields["ends_at"] == f"{DAY}T19:30:00.000+09:00"
    assert order(world, check_id, "tea").check_total == 3 * 1980 + 98, "what is not of the plan is sold on"


def test_in_a_plan_the_options_cost_nothing_either() -> None:
    world = store()
    check_id = party(world)
    started_plan(world, check_id)
    bowl = PlaceOrder((LineIn("bowl", 2, options=(OptionIn("l"),)),), check_id=check_id)
    (line,) = world.do(bowl).lines
    assert (line.amount, line.options[0].price, line.options[0].name) == (0, 0, "L")


@pytest.mark.parametrize("name", ["nomi", "more", "house"])
def test_what_belongs_to_a_plan_cannot_be_ordered_without(name: str) -> None:
    world = store()
    check_id = party(world)
    with pytest.raises(HubError) as refused:
        order(world, check_id, name)
    assert refused.value.slug == ("plan-not-running" if name == "house" else "invalid-request")
    with pytest.raises(HubError):
        world.do(CompleteSale((TenderIn("cash", 0),), lines=(LineIn(name, 1),)))
    started_plan(world, check_id)
    if name == "house":
        assert order(world, check_id, name).check_total == 3 * 1980
    else:
        with pytest.raises(HubError):
            order(world, check_id, name)


def test_a_tables_tablet_orders_after_staff_started_the_plan_and_starts_none() -> None:
    world = store()
    check_id = party(world, "t1")
    guest = {"role": "table", "table_id": "t1"}
    wanted = PlaceOrder((LineIn("house", 1),))
    with pytest.raises(HubError) as refused:
        world.do(wanted, **guest)
    assert refused.value.slug == "plan-not-running"
    started_plan(world, check_id)
    assert world.do(wanted, **guest).lines[0].amount == 0
    world.clock = CLOCK["closing"]
    with pytest.raises(HubError) as refused:
        world.do(wanted, **guest)
    assert refused.value.slug == "last-order-passed"


def test_an_extension_is_charged_for_each_guest_and_moves_all_times() -> None:
    world = store()
    check_id = in_phase(world, "closing")
    fact = world.do(ExtendPlan(times=2), check_id)
    assert (fact.lines[0].quantity, fact.lines[0].amount, fact.lines[0].kind) == (6, 3600, "plan")
    run = check_of(world, check_id).plans[0]
    assert run == fact.plan
    assert [run.notice_at, run.last_order_at, run.ends_at] == [
        f"{DAY}T{clock}:00.000+09:00" for clock in ("20:00", "20:10", "20:30")
    ]
    assert (run.extended_minutes, run.started_at) == (60, f"{DAY}T18:00:00.000+09:00")


def test_an_ended_plan_is_stopped_to_sell_at_the_price() -> None:
    world = store()
    check_id = in_phase(world, "ended")
    world.do(StopPlan(), check_id)
    assert order(world, check_id, "beer").lines[0].amount == 550
    with pytest.raises(HubError) as refused:
        order(world, check_id, "house")
    assert refused.value.slug == "plan-not-running"


def test_a_plan_without_an_extension_is_not_extended() -> None:
    world = store()
    check_id = party(world)
    world.do(StartPlan("plain"), check_id)
    with pytest.raises(HubError) as refused:
        world.do(ExtendPlan(), check_id)
    assert refused.value.slug == "conflict"


def test_a_later_menu_does_not_change_a_plan_that_runs() -> None:
    world = store()
    check_id = party(world)
    started_plan(world, check_id)
    changed = product("nomi", 5000, kind="plan", plan=replace(TERMS, minutes=30, product_ids=("tea",)))
    world.do(ApplyMaster("import", (MasterChange("product", "nomi", plain(changed)),)))
    world.clock = "18:45:00.000"
    assert order(world, check_id, "beer").lines[0].amount == 0
    assert order(world, check_id, "tea").lines[0].amount == 98


def test_a_plan_goes_with_the_line_that_pays_for_it() -> None:
    world = store()
    check_id = party(world)
    run = started_plan(world, check_id)
    world.do(VoidLines((LineQuantity(run.line_id, 1),), "one does not drink"), check_id)
    assert check_of(world, check_id).plans[0].guests == 2
    assert order(world, check_id, "beer").lines[0].amount == 0
    world.do(VoidLines((LineQuantity(run.line_id, 2),), "by mistake"), check_id)
    stopped = check_of(world, check_id).plans[0]
    assert (stopped.stopped_at, stopped.reason) == (world.at().stamp.time, "voided")
    assert order(world, check_id, "beer").lines[0].amount == 550
    world.same()


def test_a_merge_brings_the_plans_and_a_split_leaves_them() -> None:
    world = store()
    check_id, other = party(world, "t1"), party(world, "t2")
    run = started_plan(world, other)
    order(world, other, "tea")
    order(world, check_id, "gift")
    world.do(MergeCheck(other), check_id, version=check_of(world, check_id).version)
    merged = check_of(world, check_id)
    assert [known.plan_id for known in merged.plans] == [run.plan_id]
    assert check_of(world, other).plans == ()
    assert order(world, check_id, "beer").lines[0].amount == 0
    merged = check_of(world, check_id)
    whole = merged.total
    tea = next(line for line in merged.lines if line.product_id == "tea")
    split = world.do(SplitCheck((LineQuantity(tea.line_id, 1),)), check_id, version=merged.version)
    assert split.check_total + split.new_check_total == whole
    assert check_of(world, split.new_check_id).plans == ()
    assert len(check_of(world, check_id).plans) == 1
    world.same()


def test_a_plan_needs_guests_an_open_check_and_a_plan() -> None:
    world = store()
    check_id = party(world, guests=0)
    for command in (StartPlan("nomi"), StartPlan("beer", 2), StartPlan("no", 2)):
        with pytest.raises(HubError) as refused:
            world.do(command, check_id)
        assert refused.value.slug == "invalid-request"
    order(world, check_id, "tea")
    started_plan(world, check_id, 2)
    world.do(BillCheck(), check_id)
    for late in (StartPlan("nomi", 2), ExtendPlan(), StopPlan()):
        with pytest.raises(HubError) as refused:
            world.do(late, check_id)
        assert refused.value.slug == "check-closed"


def test_of_two_plans_the_one_that_runs_counts_and_one_is_named() -> None:
    world = store()
    check_id = party(world)
    first = started_plan(world, check_id)
    world.clock = "18:30:00.000"
    second = started_plan(world, check_id, 1)
    for command in (ExtendPlan(), StopPlan()):
        with pytest.raises(HubError) as refused:
            world.do(command, check_id)
        assert refused.value.slug == "invalid-request"
    world.clock = CLOCK["closing"]
    assert order(world, check_id, "beer").lines[0].amount == 0, "the second party's plan still runs"
    world.do(StopPlan(second.plan_id), check_id)
    with pytest.raises(HubError) as refused:
        order(world, check_id, "beer")
    assert refused.value.fields["plan_id"] == first.plan_id


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["order", "extend", "stop", "start", "void"]), st.integers(0, 45)),
        max_size=12,
    )
)
def test_at_any_time_the_clock_alone_says_what_an_item_costs(steps: list[tuple[str, int]]) -> None:
    """Beside a model in minutes: (last order, end, stopped) of each plan."""
    world = store()
    check_id = party(world)
    minute, model = 0, []
    for name, wait in steps:
        minute += wait
        world.clock = later("2026-11-21T10:00:00.000+09:00", minute)[11:23]
        live = [plan for plan in model if not plan["stopped"]]
        try:
            if name == "start":
                line = world.do(StartPlan("nomi"), check_id).lines[0]
                model.append(
                    {"last": minute + 70, "end": minute + 90, "stopped": False, "line": line.line_id}
                )
            elif name == "extend":
                able = [plan for plan in live if minute < plan["end"]]
                world.do(ExtendPlan(), check_id)
                assert len(able) == 1
                able[0]["last"] += 30
                able[0]["end"] += 30
            elif name == "stop":
                world.do(StopPlan(), check_id)
                assert len(live) == 1
                live[0]["stopped"] = True
            elif name == "void" and live:
                world.do(VoidLines((LineQuantity(live[0]["line"], 3),), "no"), check_id)
                live[0]["stopped"] = True
            else:
                amount = order(world, check_id, "beer").lines[0].amount
                assert not live or any(minute < plan["last"] for plan in live)
                assert amount == (0 if live else 550)
        except HubError as error:
            if error.slug == "last-order-passed":
                assert live
                assert all(minute >= plan["last"] for plan in live)
    check = check_of(world, check_id)
    assert check.total == sum(line.amount for line in check.lines)
    world.same()


def test_a_plan_comes_back_with_the_line_that_pays_for_it() -> None:
    world = store()
    check_id, other = party(world, "t1"), party(world, "t2")
    order(world, check_id, "gift")
    run = started_plan(world, other)
    world.do(MergeCheck(other), check_id, version=check_of(world, check_id).version)
    world.do(UnmergeCheck(other), check_id, version=check_of(world, check_id).version)
    assert check_of(world, check_id).plans == ()
    assert check_of(world, other).plans == (run,)
    assert order(world, other, "beer").lines[0].amount == 0
    world.same()


def test_more_guests_join_a_plan_by_its_line_and_nothing_grows_at_0() -> None:
    world = store()
    check_id = party(world)
    run = started_plan(world, check_id, 2)
    beer = order(world, check_id, "beer").lines[0]
    world.do(ChangeQuantity((LineQuantity(run.line_id, 3),)), check_id)
    assert check_of(world, check_id).plans[0].guests == 3
    with pytest.raises(HubError) as refused:
        world.do(ChangeQuantity((LineQuantity(beer.line_id, 2),)), check_id)
    assert refused.value.slug == "conflict"
    world.same()


def test_neither_plans_nor_charges_are_for_the_kitchen() -> None:
    world = store(band("all", "00:00", "00:00", table_charge=100))
    check_id = party(world)
    world.do(StartPlan("nomi"), check_id)
    order(world, check_id, "beer")
    states = [(line["product_id"], line["status"]) for line in check_view(check_of(world, check_id))["lines"]]
    assert states == [("nomi", "served"), ("charge.table", "served"), ("beer", "waiting")]


def test_a_set_in_a_plan_is_at_0_with_all_that_is_chosen() -> None:
    slots = (
        SetSlot("main", "Main", (SetChoice("beer", 200),)),
        SetSlot("side", "Side", (SetChoice("tea"), SetChoice("bowl", 300))),
    )
    world = store()
    for value in (
        product("lunch", 1200, kind="set", slots=slots),
        product("all", 3000, kind="plan", plan=PlanTerms(minutes=60, product_ids=("lunch",))),
    ):
        world.do(ApplyMaster("import", (MasterChange("product", value.id, plain(value)),)))
    check_id = party(world)
    wanted = PlaceOrder(
        (LineIn("lunch", 1, children=(ChildIn("bowl", options=(OptionIn("l"),)),)),), check_id=check_id
    )
    assert [line.amount for line in world.do(wanted).lines] == [1200, 200, 450]
    world.do(StartPlan("all"), check_id)
    lines = world.do(wanted).lines
    assert [(line.amount, line.in_plan) for line in lines] == [(0, True)] * 3
    assert lines[2].options[0].price == 0
    world.same()
