"""What the replicator waits for when it has nothing to send or nobody to send it to, and what ends the wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

from hub.ports import Clock
from hub.upstream.link import LinkMonitor
from hub.upstream.outcomes import Signal
from hub.upstream.retry import routes

log = logging.getLogger(__name__)

# While the line is down: how often the routes are looked at, and how soon after a try they may cause another.
ROUTES_S: Final = 1.0
ROUTES_TRY_S_MIN: Final = 2.0


class Waits:
    def __init__(self, monitor: LinkMonitor, clock: Clock) -> None:
        self._monitor = monitor
        self._clock = clock
        # A person's wish to try now, or a doubt of somebody else's about the line.
        self._nudged = asyncio.Event()
        self._doubted = asyncio.Event()

    def nudge(self) -> None:
        """Try at once, whatever is being waited for."""
        self._nudged.set()

    def doubt(self) -> None:
        """Somebody's call failed: look at the line, if nothing is known of it otherwise."""
        self._doubted.set()

    async def idle(self, grown: Coroutine[Any, Any, None], *, at_most_s: float) -> bool:
        """Wait until the journal has grown, for a wish or for a doubt. True: it has grown; False: probe."""
        waits = [asyncio.create_task(one) for one in (grown, self._nudged.wait(), self._doubted.wait())]
        try:
            done, _ = await asyncio.wait(waits, timeout=at_most_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if waits[0] in done:
            waits[0].result()
            return True
        self._nudged.clear()
        self._doubted.clear()
        return False

    async def rest(self, seconds: float) -> None:
        """Sleep between tries. A person's wish ends it; so do new routes, unless the cloud asked for peace."""
        began = self._clock.monotonic()
        asked_for = self._monitor.hold_until > began
        ways = routes()
        self._doubted.clear()
        while not self._nudged.is_set():
            passed = self._clock.monotonic() - began
            if passed >= seconds:
                break
            try:
                async with asyncio.timeout(min(seconds - passed, ROUTES_S)):
                    await self._nudged.wait()
            except TimeoutError:
                if asked_for or passed < ROUTES_TRY_S_MIN:
                    continue
                if routes() != ways:
                    log.info("the network has changed: trying the cloud at once")
                    break
        if self._nudged.is_set():
            self._nudged.clear()
            self._monitor.signal(Signal.RETRY, "retry: by hand")
