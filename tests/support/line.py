"""The line to the cloud on a bad day: a TCP proxy on loopback that is late, lossy, narrow, silent, deaf or a portal."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

from hub.demo.wan import Line

CHUNK_BYTES = 16 * 1024
# TCP sends again what was lost after this, and twice as long each time; what follows waits for it.
AGAIN_S = 0.2
UP, DOWN = "up", "down"
PORTAL = b"<html><title>Login</title>Welcome to Free Wi-Fi</html>"


@dataclass(eq=False)
class _Call:
    """One connection through the line, both its ends. forgotten: nothing passes any more, and nobody says so."""

    writers: list[asyncio.StreamWriter]
    forgotten: bool = False


@dataclass
class FaultyLine:
    """Each byte arrives delay_s later, each way; at a rate for each connection; with losses; or waits in silence.

    What waits in a silent line arrives when it speaks again, as TCP would have it; forget() makes the connections of
    now dead for good, as a router does that was switched off and on.
    """

    target: int
    delay_s: float = 0.0
    # Of 1460 bytes each.
    loss: float = 0.0
    bytes_per_s: float | None = None
    # "200" or "302": a login page answers whoever connects, in the cloud's place.
    portal: str = ""
    chance: random.Random = field(default_factory=lambda: random.Random(1))
    port: int = 0
    connections: int = 0
    _calls: set[_Call] = field(default_factory=set)
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    _server: asyncio.Server | None = None
    _passing: dict[str, asyncio.Event] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for way in (UP, DOWN):
            self._passing[way] = asyncio.Event()

    async def __aenter__(self) -> FaultyLine:
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.refuse()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def switch(self, line: Line) -> None:
        """For a Rig, which knows three states."""
        if line is Line.UP:
            await self.heal()
        elif line is Line.SILENT:
            self.silent()
        else:
            await self.__aexit__(None, None, None)

    async def heal(self) -> None:
        """As good as new. Connections that were forgotten stay so."""
        self.delay_s, self.loss, self.bytes_per_s, self.portal = 0.0, 0.0, None, ""
        await self._listen()

    async def _listen(self) -> None:
        self.speak()
        if self._server is None:
            self._server = await asyncio.start_server(
                self._connected, "127.0.0.1", self.port, family=socket.AF_INET
            )
            self.port = self._server.sockets[0].getsockname()[1]

    def silent(self, *ways: str) -> None:
        """Nothing passes that way (none named: neither), and nobody hears of it."""
        for way in ways or (UP, DOWN):
            self._passing[way].clear()

    def speak(self) -> None:
        for way in (UP, DOWN):
            self._passing[way].set()

    def forget(self) -> None:
        for call in self._calls:
            call.forgotten = True

    def cut(self) -> None:
        """Every connection is reset; new ones are as the line is."""
        for call in self._calls:
            for writer in call.writers:
                reset(writer)

    async def refuse(self) -> None:
        """Nobody listens any more, until it is healed."""
        if self._server is not None:
            self._server.close()
            self._server = None
        self.cut()

    def intercept(self, kind: str) -> None:
        """A portal from now on, for old connections too: they break."""
        self.portal = kind
        self.cut()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        call = _Call([writer])
        self._calls.add(call)
        try:
            if self.portal:
                await _login(reader, writer, self.portal)
                return
            answers, far = await asyncio.open_connection("127.0.0.1", self.target)
            call.writers.append(far)
            ways = [
                asyncio.create_task(self._pump(reader, far, call, UP)),
                asyncio.create_task(self._pump(answers, writer, call, DOWN)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            self._calls.discard(call)
            self._tasks.discard(task)
            for end in call.writers:
                end.close()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, call: _Call, way: str
    ) -> None:
        """Until one end closes, and what it had sent before is delivered."""
        loop = asyncio.get_running_loop()
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(maxsize=256)

        async def deliver() -> None:
            with suppress(OSError):
                while True:
                    due, chunk = await waiting.get()
                    await asyncio.sleep(max(0.0, due - loop.time()))
                    await self._passing[way].wait()
                    if not chunk:
                        return
                    if call.forgotten:
                        continue
                    writer.write(chunk)
                    await writer.drain()

        delivering = asyncio.create_task(deliver())
        due = 0.0
        try:
            chunk = b"-"
            while chunk:
                with suppress(OSError):
                    chunk = await reader.read(1460 if self.loss else CHUNK_BYTES)
                if self.bytes_per_s is not None:
                    await asyncio.sleep(len(chunk) / self.bytes_per_s)
                due = max(due, loop.time() + self.delay_s + self._sent_again_s())
                await waiting.put((due, chunk))
            await delivering
        finally:
            delivering.cancel()

    def _sent_again_s(self) -> float:
        waits, again_s = 0.0, AGAIN_S
        while self.chance.random() < self.loss:
            waits += again_s
            again_s *= 2
        return waits


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with RST."""
    raw = writer.get_extra_info("socket")
    with suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def _login(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str) -> None:
    """What a hotel's router says to everything."""
    async with asyncio.timeout(5):
        with suppress(asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            await reader.readuntil(b"\r\n\r\n")
        if kind == "302":
            head, body = "302 Found\r\nLocation: http://portal.invalid/login", b""
        else:
            head, body = "200 OK\r\nContent-Type: text/html", PORTAL
        writer.write(
            f"HTTP/1.1 {head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
        )
        await writer.drain()
        # The rest of what was sent is read, so that the answer is not lost to a reset.
        with suppress(TimeoutError, OSError):
            async with asyncio.timeout(0.5):
                while await reader.read(CHUNK_BYTES):
                    pass
