"""The line to the internet, with a switch: a TCP proxy between hub and cloud that can fall silent or refuse."""

from __future__ import annotations

import asyncio
import socket
from contextlib import suppress
from enum import Enum
from types import TracebackType

CHUNK_BYTES = 64 * 1024


class Line(Enum):
    """UP: bytes pass. SILENT: connections stand and nothing passes, as with a dead router. REFUSED: nobody listens."""

    UP = "up"
    SILENT = "silent"
    REFUSED = "refused"


class Wan:
    """Listens on a loopback port of its own for as long as the line is not REFUSED."""

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._server: asyncio.Server | None = None
        self._passing = asyncio.Event()
        self._open: set[asyncio.StreamWriter] = set()
        self.port = 0
        self.line = Line.REFUSED

    async def __aenter__(self) -> Wan:
        await self.switch(Line.UP)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.switch(Line.REFUSED)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def switch(self, line: Line) -> None:
        """What was on its way when the line falls silent is lost: such a connection never speaks again."""
        self.line = line
        if line is Line.UP:
            # Connections of a silent time stay dead, as behind a router that has forgotten them.
            self._cut()
            self._passing.set()
        else:
            self._passing.clear()
        if line is Line.REFUSED:
            self._cut()
            if self._server is not None:
                self._server.close()
                self._server = None
        elif self._server is None:
            self._server = await asyncio.start_server(
                self._carry, "127.0.0.1", self.port, family=socket.AF_INET
            )
            self.port = self._server.sockets[0].getsockname()[1]

    def _cut(self) -> None:
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        far: asyncio.StreamWriter | None = None
        try:
            await self._passing.wait()
            answers, far = await asyncio.open_connection(*self._target)
            self._open.add(far)
            ways = [
                asyncio.create_task(self._pass(reader, far)),
                asyncio.create_task(self._pass(answers, writer)),
            ]
            _, left = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in left:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            pass  # The far end is not there: the caller sees its connection end.
        finally:
            for end in (writer, far):
                if end is not None:
                    self._open.discard(end)
                    end.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while chunk := await source.read(CHUNK_BYTES):
                await self._passing.wait()
                sink.write(chunk)
                await sink.drain()
