"""An answer that is whole is written in one piece.

uvicorn's `send` takes head and body apart, in two calls, and looks at each header for what must not be in it.
The hub's own answers have a handful of headers that it makes itself: doing without costs a twentieth less
processor time an order.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from hub.api.asgi import Send

log = logging.getLogger(__name__)


def cycle_of(send: Send) -> RequestResponseCycle | None:
    """uvicorn's own record of the request, if it is uvicorn that sends."""
    cycle = getattr(send, "__self__", None)
    return cycle if isinstance(cycle, RequestResponseCycle) else None


def write_whole(cycle: RequestResponseCycle | None, status: int, headers: bytes, body: bytes) -> bool:
    """Write the answer if it can be done at once; False: send it as ASGI has it.

    headers: whole lines, as they are sent. They hold nothing that a client has said.
    """
    if cycle is None or cycle.flow.write_paused or cycle.response_started:
        return False
    if cycle.disconnected:
        return True
    cycle.response_started = True
    cycle.waiting_for_100_continue = False
    size = _SIZE if cycle.keep_alive else _LAST_SIZE
    sent = STATUS_LINE[status], _head.of(cycle.default_headers), headers, size % len(body), body
    cycle.transport.write(b"".join(sent))
    cycle.response_complete = True
    cycle.message_event.set()
    if not cycle.keep_alive:
        cycle.transport.close()
    cycle.on_response()
    return True


class _Head:
    """uvicorn's own headers, as bytes: it makes a new list of them each second, for the date."""

    __slots__ = ("_bytes", "_list")

    def __init__(self) -> None:
        self._list: list[tuple[bytes, bytes]] = []
        self._bytes = b""

    def of(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._list:
            self._list = headers
            self._bytes = b"".join(b"%b: %b\r\n" % pair for pair in headers)
        return self._bytes


_head: Final = _Head()
_finishing: set[asyncio.Task[None]] = set()


def finish(cycle: RequestResponseCycle, sending: Coroutine[Any, Any, None]) -> None:
    """Send an answer that could not be written at once, from where nobody can wait for it."""

    async def sent() -> None:
        try:
            await sending
        except Exception:
            log.exception("an answer could not be sent")
            cycle.transport.close()

    task = asyncio.get_running_loop().create_task(sent())
    _finishing.add(task)
    task.add_done_callback(_finishing.discard)


_SIZE: Final = b"content-length: %d\r\n\r\n"
_LAST_SIZE: Final = b"content-length: %d\r\nconnection: close\r\n\r\n"


def apart(headers: bytes) -> list[tuple[bytes, bytes]]:
    """The same headers as ASGI has them."""
    lines = (line.split(b": ", 1) for line in headers.splitlines())
    return [(name, value) for name, value in lines]
