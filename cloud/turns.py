"""Batches of one hub are stored in the order of their numbers, also when a later one is ready first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

from cloud.model import HubId

# A hub has two batches under way, and as many again when its line broke. Whoever waits holds its entries in memory: so
# more than these do not wait.
PLACES_MAX: Final = 4


class Turns:
    """A hub sends its next batch while the one before it is being answered. That one may be longer in the making."""

    def __init__(self) -> None:
        self._under_way: dict[HubId, dict[asyncio.Event, int]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._under_way.values()))

    @asynccontextmanager
    async def take(self, hub_id: HubId, first_seq: int) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """Hold a place from the first header to the answer. What it gives waits until it is this batch's turn.

        Only those that came earlier are waited for, so nobody waits in a ring; how each of them ended is not asked:
        if it was not stored, there is a gap, and the hub is told so.
        """
        under_way = self._under_way.setdefault(hub_id, {})
        full = len(under_way) >= PLACES_MAX
        earlier = [] if full else [over for over, begins in under_way.items() if begins < first_seq]
        mine = asyncio.Event()
        under_way[mine] = first_seq

        async def turn() -> None:
            for over in earlier:
                await over.wait()

        try:
            yield turn
        finally:
            mine.set()
            del under_way[mine]
            if not under_way:
                del self._under_way[hub_id]
