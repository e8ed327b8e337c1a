"""Where connections are accepted: counted from their first moment on, and shown out when their time is over.

A stock uvicorn waits for ever for the first byte of a connection; three hundred idle sockets from one address then keep
the restaurant's own handhelds out.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from contextlib import suppress
from functools import partial
from typing import Any, Final

from hub.api.doors import LIMITS_S, Doors, Stage, Visit
from hub.api.guard import GuardedProtocol

SWEEP_EVERY_S: Final = 1.0
# The kernel's own buffers of a connection: it would give each some megabytes.
SOCKET_BUFFER_BYTES: Final = 128 * 1024
# Accepted at one turn of the loop, so that a flood of connections leaves turns for those who ask something.
ACCEPTED_AT_ONCE: Final = 32
BACKLOG: Final = 1024
FULL_FOR_S: Final = 0.2


class Porch:
    """Accepts the connections of one listening socket: each is counted from then on, in its TLS handshake too.

    asyncio's own servers would tell us of a connection only when its handshake is over.
    """

    def __init__(
        self,
        listening: socket.socket,
        doors: Doors,
        make: Any,
        context: ssl.SSLContext | None,
    ) -> None:
        self._listening = listening
        self._doors = doors
        self._make = make
        self._context = context
        self._loop = asyncio.get_running_loop()
        self._welcoming: set[asyncio.Task[None]] = set()
        self._sweep: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None

    def open(self) -> None:
        for option in (socket.SO_RCVBUF, socket.SO_SNDBUF):
            self._listening.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER_BYTES)
        self._listening.setblocking(False)
        self._listening.listen(BACKLOG)
        self._listen()
        self._sweep_on()

    def close(self) -> None:
        self._loop.remove_reader(self._listening)
        for timer in (self._sweep, self._again):
            if timer is not None:
                timer.cancel()

    async def wait_closed(self) -> None:
        for task in self._welcoming:
            task.cancel()
        await asyncio.gather(*self._welcoming, return_exceptions=True)

    def _listen(self) -> None:
        self._loop.add_reader(self._listening, self._accept)

    def _sweep_on(self) -> None:
        self._doors.sweep(self._loop.time())
        self._sweep = self._loop.call_later(SWEEP_EVERY_S, self._sweep_on)

    def _accept(self) -> None:
        for _ in range(ACCEPTED_AT_ONCE):
            try:
                sock, peer = self._listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                # No descriptor is left. Connections wait in the backlog until one is.
                logging.getLogger("uvicorn.error").warning("cannot accept connections: %s", error.strerror)
                self._loop.remove_reader(self._listening)
                self._again = self._loop.call_later(FULL_FOR_S, self._listen)
                return
            sock.setblocking(False)
            visit = Visit(str(peer[0]), Stage.SHAKING, self._loop.time(), partial(_shut, sock))
            if not self._doors.enter(visit):
                sock.close()
                continue
            task = self._loop.create_task(self._welcome(sock, visit))
            self._welcoming.add(task)
            task.add_done_callback(self._welcoming.discard)

    async def _welcome(self, sock: socket.socket, visit: Visit) -> None:
        def protocol() -> asyncio.Protocol:
            made: GuardedProtocol = self._make()
            made.visit = visit
            return made

        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if self._context is None:
                await self._loop.connect_accepted_socket(protocol, sock)
            else:
                await self._loop.connect_accepted_socket(
                    protocol, sock, ssl=self._context, ssl_handshake_timeout=LIMITS_S[Stage.SHAKING]
                )
        except (OSError, asyncio.CancelledError):
            # It was no TLS, broke off or took too long. That is its own affair, and none for the log.
            self._doors.leave(visit)
            _shut(sock)


def _shut(sock: socket.socket) -> None:
    with suppress(OSError):
        sock.shutdown(socket.SHUT_RDWR)
