"""Who may stay and who goes, with time in the test's hand."""

from __future__ import annotations

from functools import partial

import pytest

from hub.api.doors import LIMITS_S, STALLED_S_MAX, Doors, Stage, Visit


class Guest:
    """A visit that remembers whether it was cut."""

    def __init__(
        self, doors: Doors, address: str = "a", *, stage: Stage = Stage.ASKING, now: float = 0.0
    ) -> None:
        self.gone = False
        self.left = 0
        self.visit = Visit(address, stage, now, self.cut)
        self.visit.unread = lambda: self.left
        self.came_in = doors.enter(self.visit)

    def cut(self) -> None:
        self.gone = True


@pytest.mark.parametrize("stage", list(Stage))
def test_each_stage_ends_at_its_time(stage: Stage) -> None:
    doors = Doors()
    guest = Guest(doors, stage=stage)
    limit = LIMITS_S[stage]
    doors.sweep(limit or 10_000)
    assert not guest.gone
    doors.sweep((limit or 10_000) + 0.1)
    assert guest.gone == (limit is not None)
    assert len(doors) == (0 if guest.gone else 1)


def test_who_has_rested_long_enough_is_no_culprit() -> None:
    doors = Doors()
    guest, deaf = Guest(doors, stage=Stage.RESTING), Guest(doors, stage=Stage.RESTING)
    deaf.left = 100
    goodbyes: list[Guest] = []
    for one in (guest, deaf):
        one.visit.close = partial(goodbyes.append, one)
    doors.sweep(limit := LIMITS_S[Stage.RESTING] or 0)
    assert (goodbyes, len(doors)) == ([], 2)
    doors.sweep(limit + 0.1)
    assert (goodbyes, deaf.gone, doors.cut, len(doors)) == ([guest], True, 1, 0)


def test_a_client_that_takes_nothing_goes_and_a_slow_one_stays() -> None:
    doors = Doors()
    stuck, slow = Guest(doors, stage=Stage.WAITING), Guest(doors, stage=Stage.WAITING)
    stuck.left = slow.left = 60_000
    now = 0.0
    while now <= STALLED_S_MAX + 1:
        doors.sweep(now)
        slow.left -= 100
        now += 1.0
    assert stuck.gone
    assert not slow.gone


def test_a_client_that_makes_no_room_in_time_goes() -> None:
    doors = Doors()
    guest = Guest(doors, stage=Stage.WAITING)
    guest.visit.paused_since = 5.0
    doors.sweep(5.0 + STALLED_S_MAX)
    assert not guest.gone
    doors.sweep(5.1 + STALLED_S_MAX)
    assert guest.gone


def test_a_newcomer_takes_the_place_of_the_one_that_has_asked_nothing_longest() -> None:
    doors = Doors(connections_max=3)
    silent = Guest(doors, now=1.0)
    younger = Guest(doors, now=2.0)
    resting = Guest(doors, stage=Stage.RESTING, now=0.0)
    assert Guest(doors, now=3.0).came_in
    assert silent.gone
    assert not younger.gone
    assert not resting.gone


def test_nobody_who_waits_for_an_answer_makes_room() -> None:
    doors = Doors(connections_max=2)
    waiting = [Guest(doors, stage=Stage.WAITING) for _ in range(2)]
    assert not Guest(doors).came_in
    assert not any(guest.gone for guest in waiting)
    assert doors.refused == 1


def test_a_device_cannot_fill_the_house_with_feeds() -> None:
    doors = Doors(connections_max=30)
    resting = Guest(doors, "b", stage=Stage.RESTING)
    feeds = [Guest(doors, stage=Stage.FOLLOWING, now=float(n)) for n in range(29)]
    assert Guest(doors, "b", now=40.0).came_in
    assert [guest.gone for guest in feeds] == [True, *[False] * 28]
    assert not resting.gone, "it is the crowd that makes room"


def test_when_all_of_the_crowd_must_stay_another_makes_room() -> None:
    doors = Doors(connections_max=30)
    waiting = [Guest(doors, stage=Stage.WAITING) for _ in range(29)]
    silent = Guest(doors, "b")
    assert Guest(doors, "c", now=1.0).came_in
    assert silent.gone
    assert not any(guest.gone for guest in waiting)


def test_who_was_to_leave_and_has_asked_meanwhile_stays() -> None:
    doors = Doors(connections_max=20)
    guests = [Guest(doors, now=float(n)) for n in range(20)]
    assert Guest(doors, now=30.0).came_in
    assert guests[0].gone
    guests[1].visit.stage, guests[1].visit.since = Stage.WAITING, 31.0
    doors.leave(guests[2].visit)
    assert Guest(doors, now=32.0).came_in, "there is room"
    assert Guest(doors, now=33.0).came_in
    assert [guest.gone for guest in guests] == [True, False, False, True, *[False] * 16]


def test_a_feed_that_was_next_to_leave_stays_while_others_ask_nothing() -> None:
    doors = Doors(connections_max=20)
    feeds = [Guest(doors, stage=Stage.FOLLOWING, now=float(n)) for n in range(19)]
    silent = Guest(doors, now=20.0)
    later = [Guest(doors, now=30.0 + n) for n in range(3)]
    assert silent.gone
    assert [guest.gone for guest in later] == [True, True, False]
    assert not any(feed.gone for feed in feeds)


def test_who_was_next_to_leave_a_while_ago_need_not_be_next_now() -> None:
    doors = Doors(connections_max=20)
    feeds = [Guest(doors, stage=Stage.FOLLOWING, now=float(n)) for n in range(20)]
    assert Guest(doors, stage=Stage.FOLLOWING, now=30.0).came_in
    doors.leave(feeds[1].visit)
    silent = Guest(doors, now=40.0)
    doors.sweep(41.0)
    assert Guest(doors, now=42.0).came_in
    assert [guest.gone for guest in (feeds[0], silent)] == [True, True]
    assert not any(feed.gone for feed in feeds[1:])


@pytest.mark.parametrize("connections", [40, 400])
def test_a_flood_finds_room_for_each_newcomer(connections: int) -> None:
    doors = Doors(connections_max=connections)
    everyone = [Guest(doors, now=float(n)) for n in range(5 * connections)]
    assert all(guest.came_in for guest in everyone)
    assert [guest.gone for guest in everyone] == [True] * (4 * connections) + [False] * connections
    assert len(doors) == connections


def test_when_the_house_is_full_the_greediest_address_makes_room() -> None:
    doors = Doors(connections_max=30)
    honest = [Guest(doors, f"honest {n}", stage=Stage.RESTING, now=0.0) for n in range(10)]
    crowd = [Guest(doors, "crowd", now=1.0 + n) for n in range(20)]
    assert Guest(doors, "late", now=50.0).came_in
    assert crowd[0].gone
    assert not any(guest.gone for guest in honest)
    assert len(doors) == 30


def test_when_everybody_has_one_the_one_that_asks_nothing_makes_room() -> None:
    doors = Doors(connections_max=30)
    honest = [Guest(doors, f"honest {n}", stage=Stage.RESTING, now=0.0) for n in range(10)]
    many = [Guest(doors, f"many {n}", now=1.0 + n) for n in range(20)]
    assert Guest(doors, "late", now=50.0).came_in
    assert many[0].gone
    assert not any(guest.gone for guest in honest)


def test_leaving_twice_counts_once() -> None:
    doors = Doors()
    guest = Guest(doors)
    doors.leave(guest.visit)
    doors.leave(guest.visit)
    assert len(doors) == 0
    assert doors.open_of("a") == 0
