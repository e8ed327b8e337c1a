"""Time bands: which one rules, what it changes, and what it leaves as it was ordered."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from domain_world import DAY, contents
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from plan_kit import band, check_of, order, party, store

from hub.domain.band import Bands
from hub.domain.check import Line
from hub.domain.command import LineQuantity
from hub.domain.commands import (
    ApplyMaster,
    CompleteSale,
    LineIn,
    MergeCheck,
    OpenCheck,
    PlaceOrder,
    TenderIn,
    VoidLines,
)
from hub.domain.commands_band import SwitchBand
from hub.domain.commands_plan import SetTableCharge, StartPlan
from hub.domain.device import HUB_ID
from hub.domain.errors import ApprovalRequired, Conflict, HubError, InvalidRequest
from hub.domain.facts import MasterChange
from hub.domain.menu import BandPrice

LUNCH = band(
    "lunch",
    "11:00",
    "15:00",
    weekdays=(1, 2, 3, 4, 5),
    product_ids=("soba",),
    prices=(BandPrice(-100, product_id="beer"),),
)
DINNER = band(
    "dinner",
    "17:00",
    "02:00",
    weekdays=(5, 6),
    prices=(
        BandPrice(50, category_id="c"),
        BandPrice(0, product_id="tea"),
        BandPrice(-1000, product_id="milk"),
    ),
    table_charge=400,
    service_charge="0.10",
    stay_notice_minutes=120,
)


@pytest.mark.parametrize(
    ("time", "ruling"),
    [
        ("2026-11-20T10:59:59.999", None),
        ("2026-11-20T11:00:00.000", "lunch"),
        ("2026-11-20T14:59:59.999", "lunch"),
        ("2026-11-20T15:00:00.000", None),
        ("2026-11-21T12:00:00.000", None),  # A Saturday.
        ("2026-11-20T17:00:00.000", "dinner"),
        ("2026-11-21T01:59:59.000", "dinner"),
        ("2026-11-21T02:00:00.000", None),
        ("2026-11-22T01:00:00.000", "dinner"),  # Saturday's, on Sunday.
        ("2026-11-22T17:00:00.000", None),
        ("2026-11-20T01:00:00.000", None),  # Thursday's there is none.
    ],
)
def test_a_band_begins_on_its_weekdays_and_may_end_on_the_next(time: str, ruling: str | None) -> None:
    bands = Bands.of((LUNCH, DINNER))
    assert bands is not None
    found = bands.at(f"{time}+09:00")
    assert (found.id if found else None) == ruling


@limits(max_examples=60, deadline=None)
@given(
    edges=st.lists(st.tuples(st.integers(0, 23), st.integers(0, 23), st.sets(st.integers(1, 7))), max_size=4),
    minute=st.integers(0, 7 * 1440),
)
def test_until_it_turns_the_same_band_rules(edges: list[tuple[int, int, set[int]]], minute: int) -> None:
    bands = Bands.of(
        band(f"b{n}", f"{since:02}:30", f"{to:02}:30", weekdays=tuple(sorted(days)))
        for n, (since, to, days) in enumerate(edges)
    )
    if bands is None:
        return
    now = datetime.fromisoformat("2026-11-16T00:00:00.000+09:00") + timedelta(minutes=minute)
    ruling = bands.at(now.isoformat())
    turn = bands.turns_at(now.isoformat())
    end = now + timedelta(days=7) if turn is None else datetime.fromisoformat(turn)
    while now < end:
        assert bands.at(now.isoformat()) == ruling
        now += timedelta(minutes=30)
    assert turn is None or bands.at(turn) != ruling


def test_prices_change_at_the_clock_and_open_lines_do_not() -> None:
    world = store(DINNER, LUNCH)
    world.clock = "16:59:59.000"
    check_id = party(world, guests=0)
    early = order(world, check_id, "beer", "tea")
    world.clock = "17:00:00.000"
    late = order(world, check_id, "beer", "tea", "milk")
    assert [line.unit_price for line in early.lines] == [550, 98]
    assert [line.unit_price for line in late.lines] == [600, 98, 0], "a product's own difference counts first"
    assert [line.service_rate for line in (*early.lines, *late.lines)] == [None, None, "0.10", "0.10", "0.10"]
    before = check_of(world, check_id)
    world.clock = "02:00:00.000"
    world.do(ApplyMaster("import", (MasterChange("time_band", "dinner", None),)))
    assert check_of(world, check_id) == before
    assert order(world, check_id, "beer").lines[0].unit_price == 550
    world.same()


def test_what_is_sold_in_a_band_only_is_refused_at_other_times() -> None:
    world = store(LUNCH)
    world.day, world.clock = "2026-11-20", "15:00:00.000"
    check_id = party(world)
    before = contents(world.state)
    with pytest.raises(HubError) as refused:
        order(world, check_id, "tea", "soba")
    assert refused.value.slug == "not-sold-now"
    assert refused.value.fields["bands"] == [{"id": "lunch", "name": "LUNCH", "from": "11:00", "to": "15:00"}]
    assert contents(world.state) == before
    with pytest.raises(HubError):
        world.do(CompleteSale((TenderIn("cash", 366),), lines=(LineIn("soba", 1),)))
    world.clock = "14:59:59.999"
    assert order(world, check_id, "soba").lines[0].unit_price == 333


def charges_on(lines: tuple[Line, ...]) -> list[tuple[str, int, int]]:
    return [(line.name, line.quantity, line.amount) for line in lines if line.kind == "charge"]


def test_the_first_order_of_a_party_brings_the_table_charge_once() -> None:
    world = store(DINNER)
    check_id = party(world, guests=3)
    first = order(world, check_id, "tea", "beer")
    assert [line.product_id for line in first.lines[:2]] == ["tea", "beer"]
    assert charges_on(first.lines) == [("お通し", 3, 1200)]
    assert first.check_total == 98 + 600 + 1200
    assert charges_on(order(world, check_id, "tea").lines) == []
    world.same()


def test_a_plan_may_be_the_first_order_and_an_order_may_open_the_check() -> None:
    world = store(DINNER)
    check_id = party(world, guests=2)
    assert charges_on(world.do(StartPlan("nomi"), check_id).lines) == [("お通し", 2, 800)]
    placed = world.do(PlaceOrder((LineIn("tea", 1),), table_id="t2", guests=4))
    assert charges_on(placed.lines) == [("お通し", 4, 1600)]


@pytest.mark.parametrize(
    ("guests", "dining", "clock"), [(0, "eat_in", "18"), (2, "takeout", "18"), (2, "eat_in", "16")]
)
def test_no_table_charge_without_guests_to_go_or_outside_the_band(
    guests: int, dining: str, clock: str
) -> None:
    world = store(DINNER)
    world.clock = f"{clock}:00:00.000"
    check_id = world.do(OpenCheck(("t1",), guests=guests, dining=dining)).check_id  # type: ignore[arg-type]
    assert charges_on(order(world, check_id, "tea").lines) == []
    world.clock = "18:00:00.000"
    assert charges_on(order(world, check_id, "tea").lines) == [], "the first order decided"


def test_the_table_charge_follows_the_guests_by_a_persons_act_only() -> None:
    world = store(DINNER)
    check_id = party(world, guests=3)
    order(world, check_id, "tea")
    fact = world.do(SetTableCharge(guests=5), check_id)
    assert (fact.before, fact.line.quantity, fact.check_total) == (3, 5, 98 + 2000)
    world.do(SetTableCharge(guests=0), check_id)
    assert check_of(world, check_id).total == 98
    assert charges_on(order(world, check_id, "tea").lines) == [], "taken off is taken off"
    world.do(SetTableCharge(), check_id)
    assert charges_on(check_of(world, check_id).lines) == [("お通し", 3, 1200)]
    assert check_of(world, check_id).total == 98 + 98 + 1200
    with pytest.raises(HubError) as refused:
        world.do(SetTableCharge(line_id="nothing"), check_id)
    assert refused.value.slug == "invalid-request"
    world.same()


def test_a_charge_for_fewer_is_a_void() -> None:
    world = store(DINNER)
    check_id = party(world, guests=3)
    order(world, check_id, "tea")
    world.do(ApplyMaster("cloud", (MasterChange("setting", "permission.void", "manager"),)))
    world.do(SetTableCharge(guests=5), check_id)
    with pytest.raises(ApprovalRequired):
        world.do(SetTableCharge(guests=4), check_id)
    world.do(SetTableCharge(guests=4), check_id, device="boss", role="manager")
    world.same()


def test_a_table_charge_that_was_voided_with_everything_else_does_not_come_back() -> None:
    world = store(DINNER)
    check_id = party(world, guests=3)
    placed = order(world, check_id, "tea")
    world.do(
        VoidLines(tuple(LineQuantity(line.line_id, line.quantity) for line in placed.lines), "no"), check_id
    )
    assert check_of(world, check_id).lines == ()
    assert charges_on(order(world, check_id, "tea").lines) == []


def test_after_a_merge_each_table_charge_is_named() -> None:
    world = store(DINNER)
    one, other = party(world, "t1", guests=2), party(world, "t2", guests=3)
    for check_id in (one, other):
        order(world, check_id, "tea")
    totals = check_of(world, one).total + check_of(world, other).total
    world.do(MergeCheck(other), one, version=check_of(world, one).version)
    merged = check_of(world, one)
    assert merged.total == totals
    with pytest.raises(HubError) as refused:
        world.do(SetTableCharge(guests=4), one)
    assert refused.value.slug == "invalid-request"
    charge = next(line for line in merged.lines if line.kind == "charge" and line.quantity == 3)
    world.do(SetTableCharge(guests=4, line_id=charge.line_id), one)
    assert check_of(world, one).total == totals + 400
    assert charges_on(order(world, one, "tea").lines) == []


def test_without_a_table_charge_there_is_none_to_set() -> None:
    world = store(LUNCH)
    check_id = party(world)
    with pytest.raises(HubError) as refused:
        world.do(SetTableCharge(guests=2), check_id)
    assert refused.value.slug == "conflict"


def test_devices_are_told_when_a_party_has_been_there_for_long() -> None:
    world = store(DINNER)
    assert check_of(world, party(world)).stay_notice_at == "2026-11-21T20:00:00.000+09:00"
    world.clock = "16:00:00.000"
    assert check_of(world, party(world, "t2")).stay_notice_at is None


def test_a_band_switched_by_hand_rules_until_the_clocks_next_turn() -> None:
    world = store(
        band("day", "10:00", "17:00"),
        band("night", "17:00", "23:00", service_charge="0.10", table_charge=300),
    )
    world.clock = "16:00:00.000"
    switched = world.do(SwitchBand("night", reason="full already"))
    assert (switched.name, switched.until) == ("NIGHT", f"{DAY}T17:00:00.000+09:00")
    check_id = party(world)
    first = order(world, check_id, "beer")
    assert [line.kind for line in first.lines] == ["item", "charge"]
    assert first.lines[0].service_rate == "0.10"
    world.do(SwitchBand(None))
    assert order(world, check_id, "beer").lines[0].service_rate is None
    world.clock = "16:59:59.999"
    bands = world.state.bands
    assert bands is not None
    now = f"{DAY}T{world.clock}+09:00"
    assert (bands.at(now), bands.turns_at(now)) == (None, switched.until)
    # What was sold before anybody switched was sold in the clock's band.
    assert bands.at(f"{DAY}T15:59:00.000+09:00") == bands.band("day")
    world.clock = "17:00:00.000"
    assert order(world, check_id, "beer").lines[0].service_rate == "0.10"
    world.do(SwitchBand("day"))
    assert order(world, check_id, "beer").lines[0].service_rate is None
    again = world.do(SwitchBand(by_clock=True))
    assert (again.band_id, again.until) == ("night", None)
    assert order(world, check_id, "beer").lines[0].service_rate == "0.10"
    world.same()


def test_what_cannot_be_switched_to_is_refused_and_a_band_that_is_gone_rules_nothing() -> None:
    with pytest.raises(Conflict):
        store().do(SwitchBand(None))
    world = store(band("day", "10:00", "17:00"), band("party", "00:00", "00:01", service_charge="0.10"))
    for wrong in (SwitchBand("nope"), SwitchBand("day", by_clock=True)):
        with pytest.raises(InvalidRequest):
            world.do(wrong)
    world.do(SwitchBand("party"))
    check_id = party(world)
    assert order(world, check_id, "beer").lines[0].service_rate == "0.10"
    world.do(ApplyMaster("cloud", (MasterChange("time_band", "party", None),)), device=HUB_ID, role="manager")
    assert order(world, check_id, "beer").lines[0].service_rate is None
    world.same()
