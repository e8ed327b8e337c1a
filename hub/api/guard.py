"""What stands before HTTP: limits on connections, on silence and on slow readers.

A stock uvicorn waits for ever for the first byte of a connection, for the rest of a header and for a client
that does not read;
three hundred idle sockets from one address then keep the restaurant's own handhelds out.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections import Counter
from enum import Enum
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# One device opens a handful; a hundred devices behind one address (a router on the LAN) still fit.
PER_ADDRESS_MAX: Final = 160
CONNECTIONS_MAX: Final = 2000
# From the first byte (or the opening) to the whole header, and on to the whole body.
HEAD_WITHIN_S: Final = 10.0
BODY_WITHIN_S: Final = 20.0
# A client that takes nothing for this long is dropped.
STALLED_WRITE_S: Final = 20.0
KEEP_ALIVE_S: Final = 75
HEAD_BYTES_MAX: Final = 32 * 1024
TLS_HANDSHAKE_S: Final = 10.0


class Doors:
    """Counts the open connections of all addresses."""

    def __init__(self) -> None:
        self.open: Counter[str] = Counter()
        self.refused = 0
        self.cut = 0

    def admit(self, address: str) -> bool:
        if self.open.total() >= CONNECTIONS_MAX or self.open[address] >= PER_ADDRESS_MAX:
            self.refused += 1
            return False
        self.open[address] += 1
        return True

    def leave(self, address: str) -> None:
        self.open[address] -= 1
        if self.open[address] <= 0:
            del self.open[address]


class Part(Enum):
    NONE = 0
    HEAD = 1
    BODY = 2


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol with deadlines. `doors` is set by serve()."""

    doors: Doors

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        peer = transport.get_extra_info("peername")
        self._address = str(peer[0]) if peer else "local"
        self._deadline: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        # What of a request is being read: its head (also before its first byte), its body, or nothing.
        self._part = Part.HEAD
        self._admitted = self.doors.admit(self._address)
        if not self._admitted:
            transport.abort()
            return
        self._deadline = self.loop.call_later(HEAD_WITHIN_S, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._admitted:
            self._admitted = False
            self.doors.leave(self._address)
        self._stop_clock()
        if self._stalled is not None:
            self._stalled.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        before = self._part
        if before is not Part.BODY:
            self._part = Part.HEAD
            self._head_bytes += len(data)
        super().data_received(data)
        # Most requests arrive whole: then there is nothing to time.
        if self._part is Part.NONE:
            self._stop_clock()
        elif self._part is not before or self._deadline is None:
            self._stop_clock()
            within = BODY_WITHIN_S if self._part is Part.BODY else HEAD_WITHIN_S
            self._deadline = self.loop.call_later(within, self._too_slow)
        if self._part is Part.HEAD and self._head_bytes > HEAD_BYTES_MAX:
            self._cut()

    def on_headers_complete(self) -> None:
        super().on_headers_complete()
        self._head_bytes = 0
        self._part = Part.BODY

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._part = Part.NONE

    def pause_writing(self) -> None:
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(STALLED_WRITE_S, self._cut)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _too_slow(self) -> None:
        self._deadline = None
        self._cut()

    def _cut(self) -> None:
        self.doors.cut += 1
        self._stop_clock()
        if not self.transport.is_closing():
            self.transport.abort()

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class RareWarnings(logging.Filter):
    """Lets a message through once a minute and counts the rest: one bad client must not wear out the SD card."""

    def __init__(self, every_s: float = 60.0) -> None:
        super().__init__()
        self._every_s = every_s
        self._said: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        at, unsaid = self._said.get(str(record.msg), (-self._every_s, 0))
        now = time.monotonic()
        if now - at < self._every_s:
            self._said[str(record.msg)] = (at, unsaid + 1)
            return False
        if unsaid:
            record.msg = f"{record.msg} (and {unsaid} more like it)"
        if len(self._said) > 256:
            self._said.clear()
        self._said[str(record.msg)] = (now, 0)
        return True


class Server(uvicorn.Server):
    """uvicorn's server that listens with a deadline for TLS handshakes, and leaves signals to the hub."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._listening = asyncio.Event()

    async def listening(self) -> None:
        """Return once connections are accepted."""
        await self._listening.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self._start(sockets)
        self._listening.set()

    async def _start(self, sockets: list[socket.socket] | None) -> None:
        if self.config.ssl is None or not sockets:
            await super().startup(sockets=sockets)
            return
        await self.lifespan.startup()
        config = self.config
        loop = asyncio.get_running_loop()

        def protocol() -> asyncio.Protocol:
            made: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=self.server_state, app_state=self.lifespan.state, _loop=loop
            )
            return made

        self.servers = [
            await loop.create_server(
                protocol,
                sock=sock,
                ssl=config.ssl,
                backlog=config.backlog,
                ssl_handshake_timeout=TLS_HANDSHAKE_S,
            )
            for sock in sockets
        ]
        self.started = True

    def install_signal_handlers(self) -> None:
        return

    def capture_signals(self) -> Any:
        from contextlib import nullcontext

        return nullcontext()


def config_for(app: Any, doors: Doors, ssl_context: Any = None) -> uvicorn.Config:
    protocol = type("HubProtocol", (GuardedProtocol,), {"doors": doors})
    config = uvicorn.Config(
        app,
        http=protocol,
        loop="uvloop",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        # The box stands on the LAN itself: an address told by the client is not believed.
        proxy_headers=False,
        server_header=False,
        date_header=True,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=5,
        backlog=1024,
    )
    config.load()
    config.ssl = ssl_context
    return config
