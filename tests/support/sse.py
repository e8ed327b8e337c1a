"""A device that follows the feed: a bare socket and the few rules of Server-Sent Events."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from types import TracebackType


@dataclass
class Event:
    """One event. data: its exact bytes. A comment has the kind ':'; an id alone has the kind ''."""

    kind: str
    id: str
    data: bytes


class Feed:
    """An open feed. `last_id` is what a browser would send when it comes back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.last_id = ""
        self.status = 0
        self.headers: dict[str, str] = {}
        self._reader = reader
        self._writer = writer
        self._buffer = b""

    @classmethod
    async def open(
        cls, port: int, token: str, query: str = "", *, last_id: str = "", receive_bytes: int = 0
    ) -> Feed:
        sock = socket.socket()
        sock.setblocking(False)
        if receive_bytes:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
        limit = receive_bytes or 2**20
        reader, writer = await asyncio.open_connection(sock=sock, limit=limit)
        lines = [f"GET /v1/events{query} HTTP/1.1", "Host: hub", f"Authorization: Bearer {token}"]
        if last_id:
            lines.append(f"Last-Event-ID: {last_id}")
        writer.write("\r\n".join(lines).encode() + b"\r\n\r\n")
        feed = cls(reader, writer)
        feed.last_id = last_id
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        feed.status = int(head[0].split()[1])
        feed.headers = {
            name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:-2])
        }
        return feed

    async def next(self, *, within_s: float = 10.0) -> Event | None:
        """The next event or comment; None when the hub has ended the feed."""
        async with asyncio.timeout(within_s):
            while b"\n\n" not in self._buffer:
                try:
                    size = int(await self._reader.readline() or b"0", 16)
                    chunk = await self._reader.readexactly(size + 2)
                except (EOFError, OSError):
                    return None
                if size == 0:
                    return None
                self._buffer += chunk[:-2]
        block, _, self._buffer = self._buffer.partition(b"\n\n")
        event = Event("", "", b"")
        for line in block.split(b"\n"):
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"id":
                event.id = self.last_id = value.decode()
            elif name == b"event":
                event.kind = value.decode()
            elif name == b"data":
                event.data = value
        if not event.id and not event.kind and block.startswith(b":"):
            event.kind = ":"
        return event

    async def entries(self, count: int, *, within_s: float = 20.0) -> list[Event]:
        """That many entries; everything else is passed over."""
        found: list[Event] = []
        async with asyncio.timeout(within_s):
            while len(found) < count:
                event = await self.next(within_s=within_s)
                assert event is not None, f"the feed ended after {len(found)} of {count}"
                if event.id and event.kind not in ("", "reset"):
                    found.append(event)
        return found

    async def until(self, kind: str, *, within_s: float = 10.0) -> Event:
        async with asyncio.timeout(within_s):
            while True:
                event = await self.next(within_s=within_s)
                assert event is not None, f"the feed ended before {kind!r}"
                if event.kind == kind:
                    return event

    def close(self) -> None:
        self._writer.transport.abort()

    async def __aenter__(self) -> Feed:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
        await asyncio.sleep(0)
