"""`python -m tests.failover.mistaken DEFECT[,…] run …`: a box with one defect, to see that a dinner finds it.

`short-memory` is none: retention by the rules of `hub/retention.py`, but within seconds.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any


def no_fence() -> None:
    """The old box never asks whether another has taken over."""
    from hub import boxes

    async def nobody(data: Any) -> bool:
        return False

    boxes.taken_over = nobody
    boxes.Fence.run = lambda self: asyncio.sleep(3600)  # type: ignore[method-assign,assignment]


def early_answer() -> None:
    """Devices are answered before the copy has what they were told; the standby is slow, so that it shows."""
    from hub.mirror.following import Following
    from hub.service.copies import Copies

    async def at_once(self: Copies, seq: int) -> None:
        return None

    step = Following._step

    async def slowly(self: Following, client: Any) -> None:
        await asyncio.sleep(0.05)
        await step(self, client)

    Copies.kept = at_once  # type: ignore[method-assign,assignment]
    Following._step = slowly  # type: ignore[method-assign]


def same_series() -> None:
    """A promoted box goes on counting where it stands; the standby is slow, so that it shows."""
    from hub.mirror.following import Following
    from hub.service import hub

    step = Following._step

    async def slowly(self: Following, client: Any) -> None:
        await asyncio.sleep(0.3)
        await step(self, client)

    hub.next_series = lambda series, new, epoch: series or "A"  # type: ignore[assignment,misc]
    hub.Core._check_no_gap = lambda self, date: 0  # type: ignore[method-assign]
    Following._step = slowly  # type: ignore[method-assign]


def short_memory() -> None:
    """What the cloud has and the tables know is old at once but for the last entries, and looked for all the time."""
    from hub import retention
    from hub.mirror import stock
    from hub.service import saving

    async def all_of_it(journal: Any, limit: float, below: int, *, now: float) -> int:
        # A standby that joins is not heard of before it has its copy.
        return max(journal.first_seq, below - 5)

    retention.old_until = all_of_it
    retention.EVERY_S = 0.2  # type: ignore[misc]
    saving.UNSAVED_MAX = 5  # type: ignore[misc]
    stock.EVERY_ENTRIES, stock.AGAIN_S = 50, 0.2  # type: ignore[misc]


def greedy_standby() -> None:
    """A standby that keeps the last entry alone, whatever its primary and the cloud have."""
    from hub.mirror.following import Following

    step = Following._step

    async def forgetting(self: Following, client: Any) -> None:
        await step(self, client)
        self.kept_from = 1 << 60

    Following._step = forgetting  # type: ignore[method-assign]


DEFECTS: dict[str, Callable[[], None]] = {
    "no-fence": no_fence,
    "early-answer": early_answer,
    "same-series": same_series,
    "short-memory": short_memory,
    "greedy-standby": greedy_standby,
}

if __name__ == "__main__":
    for name in sys.argv[1].split(","):
        DEFECTS[name]()
    from hub.cli import main

    main(sys.argv[2:])
