"""The box's clock: whom it believes, what a step of the machine's clock does to it, and where a start begins."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from hub.clock import Before, BoxClock
from hub.domain.errors import ClockKnown

DAY = 86400.0
TRUTH = datetime(2026, 11, 21, 9, 0, tzinfo=UTC).timestamp()
BOOT_S = 50.0


class Machine:
    """A machine's clocks, in the test's hand."""

    def __init__(self) -> None:
        self.uptime_s = BOOT_S
        self.wall_s = TRUTH
        self.ntp = False

    def go(self, seconds: float) -> None:
        self.uptime_s += seconds
        self.wall_s += seconds

    def clock(self, before: Before | None = None, **more: bool) -> BoxClock:
        return BoxClock(
            zone="Asia/Tokyo",
            day_change=timedelta(hours=5),
            before=before,
            synchronised=lambda: self.ntp,
            **more,
        )


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(
        "hub.clock.time",
        SimpleNamespace(
            time=lambda: made.wall_s,
            monotonic=lambda: made.uptime_s,
            monotonic_ns=lambda: round(made.uptime_s * 1e9),
        ),
    )
    return made


def near(clock: BoxClock, unix_s: float) -> bool:
    return abs(clock.unix_s() - unix_s) < 0.01


def test_a_first_boot_in_1970_believes_nothing(machine: Machine) -> None:
    machine.wall_s = 60.0
    clock = machine.clock()
    assert (clock.source, clock.trusted) == ("none", False)
    # There were no tax rates in 1970: it begins when this program did.
    assert clock.today() >= "2025-12-31"


@pytest.mark.parametrize(
    "wall_s", [60.0, TRUTH - 300 * DAY, TRUTH + 73 * 365 * DAY], ids=["1970", "past", "2099"]
)
def test_a_start_goes_on_from_the_last_entry(machine: Machine, wall_s: float) -> None:
    machine.wall_s = wall_s
    clock = machine.clock(Before(unix_s=TRUTH, trusted=True, known_unix_s=TRUTH))
    assert (clock.source, clock.trusted) == ("journal", False)
    assert near(clock, TRUTH)


def test_an_entry_of_2099_does_not_hold_the_clock(machine: Machine) -> None:
    machine.wall_s = 60.0
    clock = machine.clock(Before(unix_s=TRUTH + 73 * 365 * DAY, known_unix_s=TRUTH))
    assert near(clock, TRUTH)


def test_a_restart_in_the_same_boot_still_knows_the_time(machine: Machine) -> None:
    machine.wall_s = 60.0
    clock = machine.clock(
        Before(unix_s=TRUTH - 5, monotonic_ms=int((BOOT_S - 5) * 1000), trusted=True, same_boot=True)
    )
    assert (clock.source, clock.trusted) == ("earlier", True)
    assert near(clock, TRUTH)


@pytest.mark.parametrize(("battery", "source"), [(True, "rtc"), (False, "system")])
def test_only_a_battery_makes_the_machines_clock_sure(machine: Machine, battery: bool, source: str) -> None:
    clock = machine.clock(Before(unix_s=TRUTH - DAY, trusted=True, known_unix_s=TRUTH - DAY), battery=battery)
    assert (clock.source, clock.trusted) == (source, battery)


@pytest.mark.parametrize("step_s", [-DAY, 3600.0, 73 * 365 * DAY, -TRUTH + 60])
def test_a_step_of_the_machines_clock_changes_nothing_that_is_known(machine: Machine, step_s: float) -> None:
    clock = machine.clock()
    clock.heard(TRUTH, "cloud")
    machine.go(10)
    machine.wall_s += step_s
    assert near(clock, TRUTH + 10), "not even before it is noticed"
    clock.look()
    assert near(clock, TRUTH + 10)
    assert (clock.source, round(clock.stepped_s)) == ("cloud", round(step_s))
    assert clock.turns == 1


def test_ntp_that_comes_late_is_followed_within_one_look(machine: Machine) -> None:
    machine.wall_s = TRUTH - 3 * DAY
    clock = machine.clock(Before(unix_s=TRUTH - 3 * DAY, trusted=True, known_unix_s=TRUTH - 3 * DAY))
    assert not clock.trusted
    machine.go(60)
    machine.wall_s, machine.ntp = TRUTH, True
    clock.look()
    assert (clock.source, clock.trusted, clock.turns) == ("ntp", True, 1)
    assert near(clock, TRUTH)


def test_the_cloud_outweighs_ntp_until_they_agree(machine: Machine) -> None:
    machine.ntp = True
    machine.wall_s = TRUTH + 73 * 365 * DAY
    clock = machine.clock()
    assert clock.source == "ntp"
    clock.heard(TRUTH, "cloud")
    clock.look()
    assert clock.source == "cloud"
    assert near(clock, TRUTH)
    machine.wall_s = TRUTH
    clock.heard(TRUTH, "cloud")
    clock.look()
    assert clock.source == "ntp"


def test_a_person_is_believed_while_nobody_knows_better(machine: Machine) -> None:
    machine.wall_s = 60.0
    clock = machine.clock()
    clock.said(TRUTH - 3600)
    assert (clock.source, clock.trusted) == ("person", True)
    clock.said(TRUTH)
    assert (near(clock, TRUTH), clock.turns) == (True, 2), "the hour was mistyped"
    clock.heard(TRUTH + 40, "cloud")
    assert (clock.source, clock.turns) == ("cloud", 3)
    with pytest.raises(ClockKnown):
        clock.said(TRUTH)


def test_a_hint_is_bounded_and_never_trusted(machine: Machine) -> None:
    machine.wall_s = 60.0
    clock = machine.clock(Before(unix_s=TRUTH, trusted=True, known_unix_s=TRUTH))
    for lie in (TRUTH - 10, TRUTH + 400 * DAY):
        clock.supposed(lie)
        assert clock.source == "journal"
    clock.supposed(TRUTH + DAY)
    assert (clock.source, clock.trusted, clock.turns) == ("hint", False, 0)
    assert near(clock, TRUTH + DAY)


def test_a_small_difference_is_no_reason_to_jump(machine: Machine) -> None:
    clock = machine.clock()
    clock.heard(TRUTH, "cloud")
    clock.heard(TRUTH + 1.5, "cloud")
    assert (near(clock, TRUTH), clock.turns) == (True, 1)


def test_a_stamp_holds_for_its_millisecond_and_for_what_was_known_then(machine: Machine) -> None:
    clock = machine.clock()
    first = clock.stamp()
    machine.go(0.0001)
    assert clock.stamp() == first
    clock.heard(TRUTH + 60, "cloud")
    second = clock.stamp()
    assert second.trusted
    assert (second.unix_s - first.unix_s, second.monotonic_ms) == (
        pytest.approx(60, abs=0.01),
        first.monotonic_ms,
    )
    machine.go(0.001)
    assert clock.stamp().monotonic_ms == first.monotonic_ms + 1


@pytest.mark.parametrize(
    ("zone", "unix_s", "time", "day"),
    [
        ("Europe/Berlin", "2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00.000+02:00", "2026-10-24"),
        ("Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-25T02:30:00.000+01:00", "2026-10-24"),
        ("Europe/Berlin", "2026-10-25T05:00:00+01:00", "2026-10-25T05:00:00.000+01:00", "2026-10-25"),
        ("America/New_York", "2026-03-08T03:30:00-04:00", "2026-03-08T03:30:00.000-04:00", "2026-03-07"),
        ("America/New_York", "2026-03-08T05:00:00-04:00", "2026-03-08T05:00:00.000-04:00", "2026-03-08"),
    ],
)
def test_the_day_turns_by_the_clock_on_the_wall_on_the_nights_it_changes(
    machine: Machine, zone: str, unix_s: str, time: str, day: str
) -> None:
    machine.wall_s = datetime.fromisoformat(unix_s).timestamp()
    clock = BoxClock(zone=zone, day_change=timedelta(hours=5))
    stamp = clock.stamp()
    assert (stamp.time, stamp.business_date) == (time, day)
    assert clock.at(machine.wall_s) == (time, day)
