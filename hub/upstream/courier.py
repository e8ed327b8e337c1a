"""The customers' keys to the cloud and back, beside the entries and never within them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from hub.ports import KeyTransfer, StoreError
from hub.upstream.client import CloudClient
from hub.upstream.link import LinkMonitor
from hub.upstream.outcomes import Trouble
from hub.upstream.timing import Timing

log = logging.getLogger(__name__)

# A cloud that has no place for keys may be a newer one tomorrow.
ABSENT_REST_S: Final = 3600.0


class Courier:
    """Sends what is new, says what was destroyed, and fetches what this box has lost. Makes a client for each round."""

    def __init__(
        self,
        *,
        client: Callable[[], CloudClient],
        keys: KeyTransfer,
        monitor: LinkMonitor,
        timing: Timing,
    ) -> None:
        self._client = client
        self._keys = keys
        self._monitor = monitor
        self._timing = timing
        self._compared = False
        self._problem = ""
        self._taken = 0
        self._held: int | None = None

    async def run(self) -> None:
        while True:
            await self._monitor.wait_open()
            self._keys.news.clear()
            rest: float | None = None
            try:
                if not await self._round():
                    rest = ABSENT_REST_S
            except Trouble as trouble:
                self._problem = trouble.reason
                rest = max(self._timing.poll_failed_rest_s, trouble.retry_after_s or 0.0)
            except StoreError as error:
                self._problem = f"not done: {error}"
                log.warning("customers' keys could not be handed on, trying again: %s", error)
                rest = self._timing.poll_failed_rest_s
            if rest is None:
                await self._keys.news.wait()
            else:
                await asyncio.sleep(rest)

    async def _round(self) -> bool:
        """False: this cloud keeps no keys."""
        client = self._client()
        try:
            while gone := await self._keys.gone():
                if await self._put(client, destroyed=[one for one, _ in gone]) is None:
                    return False
                await self._keys.told(gone)
            if not self._compared:
                held = await self._put(client)
                if held is None:
                    return False
                if held or await self._keys.held():
                    await self._compare(client)
                self._compared = True
            while unsent := await self._keys.unsent():
                if await self._put(client, keys=unsent) is None:
                    return False
                await self._keys.sent([one for one, _ in unsent])
            self._problem = ""
            # Found while comparing, or destroyed meanwhile.
            if await self._keys.gone():
                self._keys.news.set()
            return True
        finally:
            await client.close()

    async def _put(
        self,
        client: CloudClient,
        *,
        keys: list[tuple[str, bytes]] | None = None,
        destroyed: list[str] | None = None,
    ) -> int | None:
        answer = await client.put_keys(keys or [], destroyed or [])
        if answer is None:
            self._problem = "absent: this cloud keeps no keys of customers; a backup has them"
            return None
        if answer.destroyed:
            await self._keys.destroyed_there(answer.destroyed)
        self._held = answer.held
        return answer.held

    async def _compare(self, client: CloudClient) -> None:
        await self._keys.begin_comparing()
        after: str | None = ""
        while after is not None:
            page, after = await client.keys(after)
            self._taken += await self._keys.compare(page)
        if self._taken:
            log.warning("%d keys of customers came back from the cloud", self._taken)

    def report(self) -> dict[str, Any]:
        return {"held": self._held, "came_back": self._taken, "problem": self._problem}
