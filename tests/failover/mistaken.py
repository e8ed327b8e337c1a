"""`python -m tests.failover.mistaken DEFECT[,…] run …`: a box with one defect, to see that a dinner finds it."""

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

    hub.next_series = lambda series, new: series or "A"  # type: ignore[assignment,misc]
    hub.Core._check_no_gap = lambda self, date: 0  # type: ignore[method-assign]
    Following._step = slowly  # type: ignore[method-assign]


DEFECTS: dict[str, Callable[[], None]] = {
    "no-fence": no_fence,
    "early-answer": early_answer,
    "same-series": same_series,
}

if __name__ == "__main__":
    for name in sys.argv[1].split(","):
        DEFECTS[name]()
    from hub.cli import main

    main(sys.argv[2:])
