"""The bench leaves out what a machine's host gave to others."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from bench.stolen import Stolen, ticks


class Host:
    """Steals what it is told to: (stolen, all) ticks."""

    def __init__(self) -> None:
        self.stolen = self.all = 0

    def __call__(self) -> tuple[int, int]:
        return self.stolen, self.all


@pytest.fixture
def host() -> Host:
    return Host()


def turns(host: Host, robbed: list[int]) -> tuple[Stolen, Callable[[int], int]]:
    """A watch, and turns of 20 ticks that are robbed of so many."""
    watch = Stolen(host)
    watch.look()

    def measure(turn: int) -> int:
        host.stolen, host.all = host.stolen + robbed[turn], host.all + 20
        watch.look()
        return turn

    return watch, measure


def test_of_what_was_stolen_only_its_own_moments_know(host: Host) -> None:
    watch = Stolen(host)
    moments = []
    for stolen in (0, 5, 0):
        watch.look()
        began = time.perf_counter()
        host.stolen, host.all = host.stolen + stolen, host.all + 20
        moments.append((began, time.perf_counter()))
        # Steal is counted late: the next moment is another one only after that.
        time.sleep(0.05)
        watch.look()
    assert [watch.none(*moment) for moment in moments] == [True, False, True]
    assert [watch.share(*moment) for moment in moments] == [0.0, 0.25, 0.0]
    assert watch.share(moments[0][0], moments[2][1]) == pytest.approx(5 / 60)


def test_the_calmest_turns_are_taken_and_no_more_than_are_needed(host: Host) -> None:
    robbed = [10, 0, 3, 0, 0]
    said: list[str] = []

    watch, measure = turns(host, robbed)
    assert watch.calmest(2, measure, at_most=5, note=said.append) == [1, 3]
    assert said == ["the host gave 50% of that time to others", "the host gave 15% of that time to others"]


def test_where_no_turn_is_calm_the_least_robbed_ones_count(host: Host) -> None:
    robbed = [10, 4, 6]

    watch, measure = turns(host, robbed)
    assert watch.calmest(2, measure, at_most=3) == [1, 2]


def test_the_kernel_is_asked() -> None:
    stolen, everything = ticks()
    assert 0 <= stolen <= everything
    with Stolen() as watch:
        began = time.perf_counter()
    assert 0 <= watch.share(began, time.perf_counter()) <= 1


def test_it_may_be_asked_while_it_looks() -> None:
    """The watch looks in a thread of its own."""
    shares: list[float] = []

    def read() -> tuple[int, int]:
        if looked:
            shares.append(watch.share(0.0, time.perf_counter() + 1.0))
        return 0, 20

    looked = False
    watch = Stolen(read)
    watch.look()
    looked = True
    watch.look()
    assert shares == [0.0]
