"""How much the floor asks of the hub, so that the replay makes room for it."""

from __future__ import annotations

import asyncio
from typing import Final

from hub.service.box import Box


class LanLoad:
    """How busy the devices keep the hub, from 0 to 1: requests in the last moments, against what they'd notice."""

    WINDOW_S: Final = 0.2
    # From about this many requests a second on, the replay makes all the room it can.
    FULL_AT: Final = 50.0

    def __init__(self, box: Box) -> None:
        self._box = box
        self._at = 0.0
        self._count = 0
        self._busy = 0.0

    def busy(self) -> float:
        now = asyncio.get_running_loop().time()
        passed = now - self._at
        if passed >= self.WINDOW_S:
            rate = (self._box.lan_requests - self._count) / passed
            self._at, self._count = now, self._box.lan_requests
            self._busy = min(1.0, rate / self.FULL_AT)
        return self._busy
