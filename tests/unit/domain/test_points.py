"""Customers and their ledger: every state and move, devices that want the same points, and the cloud's figures."""

from __future__ import annotations

from itertools import product as pairs
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hub.domain.command import LineIn, LineQuantity
from hub.domain.commands import (
    ApplyMaster,
    CompleteSale,
    RefundSale,
    TakenIn,
    TakenLineIn,
    TenderIn,
    VoidSale,
)
from hub.domain.commands_customer import (
    AdjustPoints,
    ForgetCustomer,
    Match,
    SealedChange,
    SealedMerge,
    SealedRegister,
)
from hub.domain.customer import NEXT, Customer, CustomerMove, CustomerStatus, expiry
from hub.domain.errors import (
    Conflict,
    CustomerKnown,
    HubError,
    InvalidRequest,
    NotFound,
    PointsLimit,
    PointsShort,
)
from hub.domain.facts import MasterChange
from tests.unit.domain.domain_world import World

BLOB = "A" * 60


def setting(name: str, value: str) -> MasterChange:
    return MasterChange("setting", name, value)


def cloud(
    world: World, customer_id: str, value: dict[str, Any] | None, *more: MasterChange, **what: Any
) -> None:
    body = None if value is None else {"id": customer_id, **value}
    world.do(ApplyMaster("cloud", (MasterChange("customer", customer_id, body), *more), **what))


def customer(world: World, customer_id: str = "k") -> Customer:
    found = world.state.customers.get(customer_id)
    assert found is not None
    return found


def with_points(points: int, **rules: str) -> World:
    world = World()
    changes = (setting(f"points_{name}", value) for name, value in rules.items())
    cloud(world, "k", {"points": points, "sealed": BLOB}, *changes)
    return world


def sell(world: World, points: int = 0, *, price: int = 550, device: str = "d1") -> Any:
    """A beer, paid in part with points."""
    tenders = (
        (TenderIn("points", points), TenderIn("cash", price - points))
        if points
        else (TenderIn("cash", price),)
    )
    return world.do(CompleteSale(tenders, lines=(LineIn("beer", 1, "b"),), customer_id="k"), device=device)


def ledger(world: World, customer_id: str = "k") -> list[tuple[str, int, int]]:
    found = [one for _, one in world.state.movements.items() if one.customer_id == customer_id]
    return [(one.kind, one.points, one.balance) for one in sorted(found, key=lambda one: one.key)]


# -- states ------------------------------------------------------------------------------------------------------


def in_status(status: CustomerStatus) -> World:
    world = World()
    world.do(SealedRegister("k", BLOB))
    world.do(SealedRegister("other", BLOB))
    match status:
        case CustomerStatus.MERGED:
            world.do(SealedMerge("k", None), "other")
        case CustomerStatus.FORGOTTEN:
            world.do(ForgetCustomer(), "k")
        case CustomerStatus.GONE:
            cloud(world, "k", None)
    assert customer(world).status is status
    return world


@pytest.mark.parametrize(("status", "move"), list(pairs(CustomerStatus, CustomerMove)))
def test_every_state_and_move(status: CustomerStatus, move: CustomerMove) -> None:
    world = in_status(status)
    before = customer(world)
    try:
        match move:
            case CustomerMove.CHANGE:
                world.do(SealedChange(BLOB + "BBBB", ("name",)), "k")
            case CustomerMove.MERGE:
                world.do(SealedMerge("k", None), "other")
            case CustomerMove.FORGET:
                world.do(ForgetCustomer(), "k")
            case CustomerMove.DROP:
                cloud(world, "k", None)
            case CustomerMove.RETURN:
                cloud(world, "k", {"sealed": BLOB})
    except (NotFound, Conflict):
        assert (status, move) not in NEXT
    if (status, move) in NEXT:
        assert customer(world).status is NEXT[status, move]
    else:
        assert customer(world) == before
    if not customer(world).active:
        assert customer(world).sealed == ""
    world.same()


def test_forgotten_under_a_merged_record_is_forgotten_altogether() -> None:
    world = in_status(CustomerStatus.MERGED)
    world.do(AdjustPoints(40, "welcome"), "other")
    world.do(ForgetCustomer(), "k")
    assert {customer(world, one).status for one in ("k", "other")} == {CustomerStatus.FORGOTTEN}
    assert customer(world, "other").points == 0
    with pytest.raises(NotFound):
        world.do(ForgetCustomer(), "k")
    late = MasterChange("customer", "k", {"id": "k", "sealed": BLOB, "points": 5})
    assert world.do(ApplyMaster("cloud", (late,))) is None, "not even an entry"
    world.same()


def test_a_code_of_someone_else_and_nobody_at_all_are_refused() -> None:
    world = in_status(CustomerStatus.ACTIVE)
    with pytest.raises(CustomerKnown):
        world.do(SealedRegister("new", BLOB, "k"))
    with pytest.raises(CustomerKnown):
        world.do(SealedChange(BLOB, ("card",), "other"), "k")
    with pytest.raises(InvalidRequest):
        world.do(SealedMerge("k", None), "k")
    for target in ("nobody", ""):
        with pytest.raises(NotFound):
            world.do(AdjustPoints(1, "x"), target)


@pytest.mark.parametrize("field", ["name", "phone", "code", "note"])
def test_what_is_personal_never_passes_in_clear(field: str) -> None:
    with pytest.raises(InvalidRequest):
        cloud(World(), "k", {field: "佐藤"})


# -- points ------------------------------------------------------------------------------------------------------


def test_a_sale_grants_on_what_was_not_paid_with_points() -> None:
    world = with_points(100, rate="0.1")
    sold = sell(world, 50)
    assert (sold.points_used, sold.points_granted) == (50, 50)
    assert ledger(world) == [("opening", 100, 100), ("used", -50, 50), ("granted", 50, 100)]
    world.do(VoidSale("wrong"), sold.sale_id)
    assert ledger(world)[3:] == [("returned", 50, 150), ("revoked", -50, 100)]
    without = with_points(0, rate="0.1", base="without_tax")
    assert sell(without).points_granted == 50
    assert sell(with_points(0, rate="much")).points_granted == 0
    world.same()


def test_refunds_take_granted_points_in_proportion_and_the_last_one_the_rest() -> None:
    world = with_points(0, rate="0.07")
    sold = world.do(CompleteSale((TenderIn("cash", 1650),), lines=(LineIn("beer", 3, "b"),), customer_id="k"))
    assert sold.points_granted == 115
    taken = []
    for _ in range(3):
        world.do(RefundSale((LineQuantity("b", 1),), (TenderIn("cash", 550),), ""), sold.sale_id)
        taken.append(customer(world).points)
    assert taken == [77, 39, 0]
    world.same()


def test_points_spent_before_their_sale_is_undone_leave_a_debt() -> None:
    world = with_points(0, rate="0.5")
    first = sell(world)
    sell(world, 275)
    world.do(VoidSale("wrong"), first.sale_id)
    assert customer(world).points == 275 - 275 + 137 - 275
    with pytest.raises(PointsShort, match="'available': 0"):
        sell(world, 1)


def test_expired_points_cannot_be_used_and_leave_the_ledger_with_the_next_movement() -> None:
    world = with_points(0, rate="0.1", expire_days="30")
    sell(world)
    world.day = "2026-12-21"
    assert expiry(customer(world).moved_on, 30) == "2026-12-21"
    sell(world, 5)
    world.day = "2027-01-21"
    with pytest.raises(PointsShort, match="'available': 0"):
        sell(world, 5)
    sell(world)
    assert ledger(world)[-2:] == [("expired", -104, 0), ("granted", 55, 55)]
    world.same()


def test_limits_hold_only_while_the_cloud_cannot_be_asked() -> None:
    world = with_points(1000, offline_sale_max="100", offline_day_max="150")
    sell(world, 300)
    world.online = False
    world.day = "2026-11-22"
    with pytest.raises(PointsLimit, match="'limit': 100"):
        sell(world, 101)
    sell(world, 100)
    with pytest.raises(PointsLimit, match="'left': 50"):
        sell(world, 51, device="d2")
    sell(world, 50, device="d2")
    world.day = "2026-11-23"
    sell(world, 100)


def test_a_sale_of_a_merged_customer_moves_the_points_of_the_one_that_stands() -> None:
    world = with_points(100, rate="0.1")
    sold = sell(world)
    world.do(SealedRegister("new", BLOB))
    world.do(SealedMerge("k", None), "new")
    assert (customer(world).points, customer(world, "new").points) == (0, 155)
    world.do(VoidSale("wrong"), sold.sale_id)
    assert customer(world, "new").points == 100
    assert sell(world).customer_id == "new"
    world.same()


def test_a_sale_taken_without_the_hub_is_kept_and_its_points_are_a_debt() -> None:
    world = with_points(10)
    line = (TakenLineIn("beer", 1, 550),)
    tenders = (TenderIn("points", 500), TenderIn("cash", 50))
    taken = TakenIn("2026-11-21T11:00:00+09:00", "A-000001", 550, line)
    sold = world.do(CompleteSale(tenders, customer_id="k", taken=taken))
    assert "points_short" in sold.flags
    assert customer(world).points == -490
    world.same()


# -- the cloud ---------------------------------------------------------------------------------------------------


def test_a_figure_without_a_place_is_of_moves_elsewhere() -> None:
    world = with_points(100)
    sell(world, 30)
    cloud(world, "k", {"points": 120})
    assert ledger(world) == [("opening", 100, 100), ("used", -30, 70), ("cloud", 20, 90)]
    assert (
        world.do(ApplyMaster("cloud", (MasterChange("customer", "k", {"id": "k", "points": 120}),))) is None
    )
    world.same()


def test_a_figure_that_says_what_it_counted_is_met_by_a_movement() -> None:
    world = with_points(100)
    sell(world, 30)
    counted = max(one.seq for _, one in world.state.movements.items())
    sell(world, 20)
    cloud(world, "k", {"points": 75, "points_seq": counted})
    assert customer(world).points == 75 - 20
    assert ledger(world)[-1] == ("cloud", 5, 55)
    world.same()


def test_the_stores_own_record_is_merged_when_the_cloud_brings_the_person() -> None:
    world = World()
    world.do(SealedRegister("own", BLOB))
    world.do(AdjustPoints(30, "welcome"), "own")
    cloud(world, "k", {"points": 100, "sealed": BLOB}, matches=(Match("k", "own"),))
    assert (customer(world).points, customer(world, "own").merged_into) == (130, "k")
    cloud(world, "k2", {"sealed": BLOB}, matches=(Match("k2", "own"),))
    assert customer(world, "own").merged_into == "k"
    world.same()


class Till(RuleBasedStateMachine):
    """Several devices, now and then offline, all after the same few points. A plain ledger beside it must agree."""

    @initialize()
    def open(self) -> None:
        self.world = with_points(200, rate="0.1", offline_sale_max="60", offline_day_max="100")
        self.kept = 200
        self.sales: list[Any] = []
        self.offline: dict[str, int] = {}

    @rule(device=st.sampled_from(["d1", "d2", "d3"]), points=st.integers(0, 300))
    def pay(self, device: str, points: int) -> None:
        used = self.offline.get(self.world.day, 0)
        expected: type[HubError] | None = None
        if points > max(0, self.kept):
            expected = PointsShort
        elif points and not self.world.online and (points > 60 or points + used > 100):
            expected = PointsLimit
        if expected is not None:
            with pytest.raises(expected):
                sell(self.world, points, device=device)
            return
        sold = sell(self.world, points, device=device)
        self.offline[self.world.day] = used + points
        self.kept += sold.points_granted - points
        self.sales.append(sold)

    @rule(number=st.integers(0, 50))
    def void(self, number: int) -> None:
        if self.sales:
            sold = self.sales.pop(number % len(self.sales))
            self.world.do(VoidSale("wrong"), sold.sale_id)
            self.kept += sold.points_used - sold.points_granted

    @rule(points=st.integers(-50, 50))
    def adjust(self, points: int) -> None:
        try:
            self.world.do(AdjustPoints(points, "count"), "k")
        except (PointsShort, InvalidRequest):
            assert not points or points + self.kept < 0
        else:
            self.kept += points

    @rule()
    def line(self) -> None:
        self.world.online = not self.world.online

    @rule(elsewhere=st.integers(-40, 40))
    def the_cloud_counts_what_it_has(self, elsewhere: int) -> None:
        """It knows of everything up to the middle of the ledger, and of points moved elsewhere."""
        moves = sorted((one for _, one in self.world.state.movements.items()), key=lambda one: one.key)
        seq = moves[len(moves) // 2].seq
        later = sum(one.points for one in moves if one.seq > seq and one.kind not in ("cloud", "opening"))
        figure = self.kept - later + elsewhere
        cloud(self.world, "k", {"points": figure, "points_seq": seq})
        self.kept += elsewhere

    @invariant()
    def the_balance_is_the_sum_of_the_ledger(self) -> None:
        if hasattr(self, "world"):
            moves = [one.points for _, one in self.world.state.movements.items()]
            assert customer(self.world).points == sum(moves) == self.kept

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.same()


TestTill = Till.TestCase
TestTill.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@given(st.integers(0, 400), st.lists(st.integers(1, 3), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_whatever_is_refunded_in_the_end_leaves_the_points_as_they_were(rate: int, parts: list[int]) -> None:
    world = with_points(500, rate=f"0.{rate:03}")
    count = sum(parts)
    tenders = (TenderIn("points", 200), TenderIn("cash", 550 * count - 200))
    sold = world.do(CompleteSale(tenders, lines=(LineIn("beer", count, "b"),), customer_id="k"))
    used = 200
    for part in parts:
        back = min(used, 550 * part)
        used -= back
        money = tuple(TenderIn(*one) for one in (("points", back), ("cash", 550 * part - back)) if one[1])
        world.do(RefundSale((LineQuantity("b", part),), money, ""), sold.sale_id)
        assert customer(world).points <= 500 + sold.points_granted
    assert customer(world).points == 500
