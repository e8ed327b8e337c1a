"""Time that the host of a virtual machine gave to others (steal): what falls into it says nothing about a hub."""

from __future__ import annotations

import threading
import time
from bisect import bisect_left, bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

# Of all cores' time. Two busy cores lose about this much on a host that is quiet.
CALM = 0.02
EVERY_S = 0.05
# The kernel counts steal when the next tick comes, after the fact.
LATE_S = 0.02


class Stolen:
    """Watches /proc/stat in a thread. Where nothing is counted, on a machine of one's own, nothing was stolen."""

    def __init__(self, read: Callable[[], tuple[int, int]] | None = None) -> None:
        """read: (stolen ticks, all ticks) of all cores since boot."""
        self._read = read or ticks
        self._at: list[float] = []
        self._seen: list[tuple[int, int]] = []
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Stolen:
        self.look()
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self._thread.join()

    def look(self) -> None:
        now, seen = time.perf_counter(), self._read()
        # In this order: another thread may ask in between, and goes by the moments.
        self._seen.append(seen)
        self._at.append(now)

    def _watch(self) -> None:
        while not self._done.wait(EVERY_S):
            self.look()

    def _between(self, began: float, ended: float) -> tuple[int, int]:
        """Ticks from the last look before to the first one after: rather too much than too little."""
        first = self._seen[max(0, bisect_right(self._at, began) - 1)]
        last = self._seen[min(len(self._at) - 1, bisect_left(self._at, ended + LATE_S))]
        return last[0] - first[0], last[1] - first[1]

    def share(self, began: float, ended: float) -> float:
        """Of all cores' time between two moments of time.perf_counter(), 0 to 1."""
        stolen, all_ticks = self._between(began, ended)
        return stolen / all_ticks if all_ticks else 0.0

    def none(self, began: float, ended: float) -> bool:
        return self._between(began, ended)[0] == 0

    def calmest(
        self,
        wanted: int,
        measure: Callable[[int], T],
        *,
        at_most: int,
        note: Callable[[str], None] = lambda said: None,
    ) -> list[T]:
        """Measure until so many turns were calm, at_most times; the calmest of them, in the order they were taken.

        measure is told the number of the turn, from 0.
        """
        taken: list[tuple[float, int, T]] = []
        calm = 0
        while len(taken) < at_most and calm < wanted:
            began = time.perf_counter()
            result = measure(len(taken))
            share = self.share(began, time.perf_counter())
            taken.append((share, len(taken), result))
            calm += share <= CALM
            if share > CALM:
                note(f"the host gave {share:.0%} of that time to others")
        best = sorted(taken, key=lambda one: one[:2])[:wanted]
        return [result for _, _, result in sorted(best, key=lambda one: one[1])]


def ticks() -> tuple[int, int]:
    """(stolen, all) of all cores since boot, in the kernel's ticks; no steal where it is not counted."""
    try:
        fields = [int(one) for one in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    except (OSError, ValueError):
        return 0, 0
    return (fields[7] if len(fields) == 8 else 0), sum(fields)
