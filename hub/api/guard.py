"""What stands before HTTP, on each connection: limits on silence, on sizes and on slow readers.

A stock uvicorn waits for ever for the rest of a header and for a client that does not read. And it gives each request
a task of its own, which a write that needs nothing but memory can do without.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, Protocol

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from hub.api.doors import Doors, Stage, Visit

HEAD_BYTES_MAX: Final = 32 * 1024
# What is read and thrown away behind an answer, so that a client that only reads when it has sent all hears it.
ANSWERED_BYTES_MAX: Final = 256 * 1024
# Nobody who means well sends more requests than this without waiting for an answer; each costs memory at once.
PIPELINED_MAX: Final = 16
# Of an answer that its client does not take, before whoever writes it has to wait.
UNREAD_BYTES_MAX: Final = 64 * 1024
# A larger body needs someone who reads it: uvicorn stops listening to its client at 64 KiB.
HELD_BYTES_MAX: Final = 32 * 1024
FEED: Final = b"/v1/events"
_BEING_ANSWERED: Final = (Stage.WAITING, Stage.FOLLOWING)


class AtOnce(Protocol):
    @property
    def rather_later(self) -> bool:
        """Whether the next turn of the loop suits better."""

    def at_once(self, cycle: RequestResponseCycle) -> bool:
        """Take the request; False: it is for the application."""


class _Nobody(asyncio.Event):
    """In the place of the event that wakes an application, for a request that none has begun to read."""

    def set(self) -> None:
        return


_nobody: Final = _Nobody()


class GuardedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, which tells its visit what stage it is in. config_for() sets `doors`, a Porch `visit`.

    writes: by method and URL, what may take a request as soon as its body is all there.
    """

    doors: Doors
    writes: Mapping[tuple[bytes, bytes], AtOnce]
    visit: Visit

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        # With TLS it would be 512 KiB.
        transport.set_write_buffer_limits(UNREAD_BYTES_MAX)
        visit = self.visit
        visit.cut = self._end
        visit.close = transport.close
        self._answering: RequestResponseCycle | None = None
        # A request of `_answering` that waits for the rest of its body, without a task.
        self._held: AtOnce | None = None
        visit.unread = transport.get_write_buffer_size
        # What came of a head so far; and of a body that nobody will read any more.
        self._head_bytes = 0
        self._ignored_bytes = 0
        self._enters(Stage.ASKING)

    def connection_lost(self, exc: Exception | None) -> None:
        self.doors.leave(self.visit)
        if self._answering is not None:
            # uvicorn tells only the last of several requests that were sent at once.
            self._answering.disconnected = True
        super().connection_lost(exc)
        # No ring of objects is left to the garbage collector, which counts objects: each of them would hold what came
        # of a body, and a thousand who hang up would hold it at once.
        self.visit.let_go()
        self._answering = self._held = None
        self.cycle = None  # type: ignore[assignment]
        self.pipeline.clear()

    def data_received(self, data: bytes) -> None:
        visit = self.visit
        if visit.stage is Stage.RESTING:
            self._head_bytes = 0
            self._enters(Stage.ASKING)
        elif visit.stage is Stage.ANSWERED:
            self._ignored_bytes += len(data)
            if self._ignored_bytes > ANSWERED_BYTES_MAX:
                self._cut()
                return
        if visit.stage is not Stage.SENDING:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._head_bytes > HEAD_BYTES_MAX:
            if visit.stage is Stage.ASKING:
                self._too_large()
            elif visit.stage in _BEING_ANSWERED:
                # The head of a next request: an answer is on its way, and nothing may be written into it.
                self._cut()

    def on_headers_complete(self) -> None:
        if self.transport.is_closing():
            return
        if self._head_bytes > HEAD_BYTES_MAX and self._head_size() > HEAD_BYTES_MAX:
            self._too_large()
            return
        if len(self.pipeline) >= PIPELINED_MAX:
            self._cut()
            return
        self._head_bytes = 0
        self._enters(Stage.SENDING)
        parser = self.parser
        write = self.writes.get((parser.get_method(), self.url))
        if (
            write is None
            or self.expect_100_continue
            or parser.should_upgrade()
            or parser.get_http_version() != "1.1"
            # uvicorn's annotation hides that there is none before the first request.
            or (self.cycle is not None and not self.cycle.response_complete)  # type: ignore[redundant-expr]
        ):
            super().on_headers_complete()
        else:
            self._hold(write)

    def _hold(self, write: AtOnce) -> None:
        """As uvicorn begins a request, for one of a known URL that nobody reads before its body is all there."""
        url, scope = self.url, self.scope
        scope["method"] = self.parser.get_method().decode("ascii")
        scope["path"] = url.decode("ascii")
        scope["raw_path"] = url
        scope["query_string"] = b""
        self._held = write
        self._answering = self.cycle = RequestResponseCycle(
            scope,
            self.transport,
            self.flow,
            self.logger,
            self.access_logger,
            self.access_log,
            self.server_state.default_headers,
            _nobody,
            False,
            self.parser.should_keep_alive(),
            self.on_response_complete,
        )

    def on_body(self, body: bytes) -> None:
        if self._held is None:
            super().on_body(body)
            return
        self.cycle.body += body
        if len(self.cycle.body) > HELD_BYTES_MAX:
            self._to_the_application(self.cycle)

    def on_message_complete(self) -> None:
        held = self._held
        if held is None:
            super().on_message_complete()
            answered = self.visit.stage is Stage.ANSWERED
            follows = self.url.startswith(FEED)
            self._enters(Stage.RESTING if answered else Stage.FOLLOWING if follows else Stage.WAITING)
            return
        self.cycle.more_body = False
        self._enters(Stage.WAITING)
        self._held = None
        if held.rather_later:
            self.loop.call_soon(self._ask, held, self.cycle)
        else:
            self._ask(held, self.cycle)

    def _ask(self, held: AtOnce, cycle: RequestResponseCycle) -> None:
        if not cycle.disconnected and not held.at_once(cycle):
            self._to_the_application(cycle)

    def _to_the_application(self, cycle: RequestResponseCycle) -> None:
        """It reads what has come of the held request's body, and the rest of it."""
        self._held = None
        cycle.message_event = asyncio.Event()
        cycle.message_event.set()
        self._start_asgi_task(cycle, self.app)

    def on_response_complete(self) -> None:
        # As uvicorn does it, but without a timer for each answer: the doors' sweep ends who rests for too long.
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        if not self.cycle.response_complete:
            return  # There is another request behind it.
        if self.visit.stage is Stage.SENDING:
            self._ignored_bytes = 0
            self._enters(Stage.ANSWERED)
        elif self.visit.stage in _BEING_ANSWERED:
            self._enters(Stage.RESTING)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.visit.paused_since = self.loop.time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.visit.paused_since = None

    def _enters(self, stage: Stage) -> None:
        self.visit.stage = stage
        self.visit.since = self.loop.time()

    def _head_size(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)

    def _too_large(self) -> None:
        """431, which no application needs to be asked for."""
        if not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
            )
            self.transport.close()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _cut(self) -> None:
        self.doors.cut += 1
        self._end()

    def _end(self) -> None:
        """At once. Whoever writes the answer must know before it tries again: the transport is gone from here on."""
        if self._answering is not None:
            self._answering.disconnected = True
        # Reset, not closed: the kernel would go on offering what the client does not take.
        with suppress(OSError):
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.transport.abort()
