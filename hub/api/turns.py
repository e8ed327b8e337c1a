"""Turns of the event loop for all that can wait.

A hundred open checks are megabytes of JSON. Twenty devices that ask for them at once get a slice each in turn
(hub/api/slices.py): an order that comes meanwhile waits for one slice, and whoever asks for many at once has no more
turns than the others.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Turns:
    """One for all who have something to do on the loop that can wait. whose: an address, or a device."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        self._calling = False

    async def turn(self, whose: str) -> None:
        """Return when it is its turn. One has its turn at each turn of the loop."""
        loop = asyncio.get_running_loop()
        mine = loop.create_future()
        self._waiting.setdefault(whose, deque()).append(mine)
        if not self._calling:
            self._calling = True
            loop.call_soon(self._call)
        await mine

    def _call(self) -> None:
        while self._waiting:
            # The device whose last turn is the longest ago; then it goes to the end.
            whose = next(iter(self._waiting))
            queue = self._waiting.pop(whose)
            mine = queue.popleft()
            if queue:
                self._waiting[whose] = queue
            if not mine.done():
                mine.set_result(None)
                asyncio.get_running_loop().call_soon(self._call)
                return
        self._calling = False
