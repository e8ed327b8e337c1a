"""Notices that the machine's addresses have changed. Nobody tells a process, so it looks."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from hub.discovery.interfaces import VIRTUAL, Interface, Reach, choose, read_interfaces

log = logging.getLogger(__name__)

POLL_S: Final = 5.0
# A new lease takes the old address away before it brings the new one, IPv6 comes a second or two later.
SETTLE_S: Final = 1.0
# An interface that never comes to rest is believed after this many looks.
SETTLE_LOOKS_MAX: Final = 4

Listener = Callable[[Reach], Awaitable[None] | None]


class AddressWatch:
    """Polls the interfaces and tells its listeners, in the order they came, of each change that lasted.

    The first look is told too. With mDNS switched off this still keeps the certificate's addresses right.
    """

    def __init__(
        self,
        host: str = "",
        *,
        ignored: Iterable[str] = VIRTUAL,
        only: Iterable[str] = (),
        poll_s: float = POLL_S,
        settle_s: float = SETTLE_S,
        read: Callable[[], Sequence[Interface]] = read_interfaces,
    ) -> None:
        self.reach: Reach | None = None
        self._host = host
        self._ignored = tuple(ignored)
        self._only = tuple(only)
        self._poll_s = poll_s
        self._settle_s = settle_s
        self._read = read
        self._listeners: list[Listener] = []
        self._task: asyncio.Task[None] | None = None
        self._last_trouble: str | None = None

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    async def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="address-watch")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _run(self) -> None:
        # The first look loads ifaddr and ctypes, which may run ldconfig: not on the loop that takes orders.
        reach = await asyncio.to_thread(self._look)
        while True:
            if reach is not None and reach != self.reach:
                reach = await self._settled(reach)
                await self._tell(reach)
            await asyncio.sleep(self._poll_s)
            reach = self._look()

    async def _settled(self, reach: Reach) -> Reach:
        if self.reach is None:
            return reach
        for _ in range(SETTLE_LOOKS_MAX):
            await asyncio.sleep(self._settle_s)
            again = self._look()
            if again is None or again == reach:
                break
            reach = again
        return reach

    def _look(self) -> Reach | None:
        try:
            reach = choose(self._read(), self._host, self._ignored, self._only)
        except OSError as error:
            if str(error) != self._last_trouble:
                log.warning(
                    "cannot read the network interfaces, trying again every %g s: %s", self._poll_s, error
                )
            self._last_trouble = str(error)
            return None
        self._last_trouble = None
        return reach

    async def _tell(self, reach: Reach) -> None:
        if reach == self.reach:
            return
        if self.reach is not None:
            log.info("addresses: %s", ", ".join(reach.addresses) or "none")
        self.reach = reach
        for listener in self._listeners:
            try:
                told = listener(reach)
                if inspect.isawaitable(told):
                    await told
            except Exception:
                # A certificate that can't be written must not end the watch.
                log.exception("a listener failed at the change of address")
