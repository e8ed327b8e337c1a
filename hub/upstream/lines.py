"""The connections to the cloud, and new ones after each call that went wrong.

When a call is cancelled at the wrong moment, httpcore (1.0.9) counts its connection for ever, and with room for few no
call would ever be made again. So what went wrong once is not used again, and is closed when the last call on it is
over: one that waits there would otherwise open a connection that nobody closes.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

import httpx

CLOSE_S_MAX: Final = 1.0


class Lines:
    """make: a client with room for as many connections as there are calls at a time."""

    def __init__(self, make: Callable[[], httpx.AsyncClient]) -> None:
        self._make = make
        self._line = make()
        self._calls: dict[httpx.AsyncClient, int] = {}
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def call(self) -> AsyncIterator[httpx.AsyncClient]:
        """The client for one call, which is given up if the call raises."""
        line = self._line
        self._calls[line] = self._calls.get(line, 0) + 1
        try:
            yield line
        except BaseException:
            if line is self._line:
                self._line = self._make()
            raise
        finally:
            self._calls[line] -= 1
            if not self._calls[line]:
                del self._calls[line]
                if line is not self._line:
                    self._close_soon(line)

    async def close(self) -> None:
        """Only when no call is under way."""
        await asyncio.gather(*self._closing)
        await self._line.aclose()

    def _close_soon(self, line: httpx.AsyncClient) -> None:
        closing = asyncio.create_task(_close(line), name="upstream-close")
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)


async def _close(line: httpx.AsyncClient) -> None:
    """Within a second; what it was in the middle of is of no interest any more."""
    with suppress(httpx.HTTPError, OSError, RuntimeError):
        async with asyncio.timeout(CLOSE_S_MAX):
            await line.aclose()
