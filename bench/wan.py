"""A WAN in user space: a TCP proxy that delays and neither limits nor loses.

    python -m bench.wan --listen 9001 --to 127.0.0.1:9000 --one-way-ms 20 [--core 1]

Every chunk is passed on ``one-way-ms`` after it came, in both directions, however many are under way; a new
connection is joined to its target one round trip after it was accepted, as a handshake would take. It prints
``wan ready`` and, at the end (SIGTERM), one JSON object with the bytes of both directions and the time of the
first connection. It can carry more than 200 MB/s: ``python -m bench.wan --self-test``.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
import time
from collections import deque
from typing import cast

CHUNK_BYTES = 256 * 1024
# What may be on its way at once in one direction. At 40 ms this carries 1.6 GB/s; it bounds a sender whose
# receiver has stopped reading.
WINDOW_BYTES = 64 * 1024 * 1024


class Way(asyncio.BufferedProtocol):
    """One direction's reading end: what it reads is written to ``out`` after the delay."""

    def __init__(self, wan: Wan, name: str) -> None:
        self.wan = wan
        self.name = name
        self.peer: Way | None = None
        self.transport: asyncio.Transport | None = None
        self.queue: deque[tuple[float, bytes | None]] = deque()
        self.queued = 0
        self.timer: asyncio.TimerHandle | None = None
        self.room = bytearray(CHUNK_BYTES)
        self.reading_stopped = False
        self.out_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.wan.ways.add(self)
        if self.peer is None:
            self.wan.accepted(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.room

    def buffer_updated(self, nbytes: int) -> None:
        self.wan.carried[self.name] += nbytes
        self._queue(bytes(memoryview(self.room)[:nbytes]))

    def eof_received(self) -> bool:
        self._queue(None)
        return True  # the other direction may still have something to say

    def connection_lost(self, exc: Exception | None) -> None:
        self.wan.ways.discard(self)
        self._queue(None)

    # Back-pressure: when this end cannot be written to any more, the other stops being read once its window
    # is full.
    def pause_writing(self) -> None:
        if self.peer:
            self.peer.out_full = True

    def resume_writing(self) -> None:
        if self.peer:
            self.peer.out_full = False
            self.peer._pass_on()

    def _queue(self, data: bytes | None) -> None:
        self.queue.append((self.wan.loop.time() + self.wan.one_way_s, data))
        self.queued += len(data or b"")
        if self.queued > WINDOW_BYTES and self.transport and not self.reading_stopped:
            self.reading_stopped = True
            self.transport.pause_reading()
        if self.timer is None:
            self.timer = self.wan.loop.call_later(self.wan.one_way_s, self._pass_on)

    def _pass_on(self) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None
        out = self.peer.transport if self.peer else None
        if out is None or self.out_full:
            if out is None and not self.wan.joining(self):
                self.queue.clear()
            return
        now = self.wan.loop.time() + 0.0005  # the loop's own grain
        while self.queue and self.queue[0][0] <= now and not self.out_full:
            _, data = self.queue.popleft()
            if data is None:
                if self.transport is None or self.transport.is_closing():
                    out.close()
                elif out.can_write_eof():
                    out.write_eof()
                continue
            self.queued -= len(data)
            out.write(data)
        if self.reading_stopped and self.queued < WINDOW_BYTES // 2 and self.transport:
            self.reading_stopped = False
            self.transport.resume_reading()
        if self.queue and not self.out_full:
            self.timer = self.wan.loop.call_at(self.queue[0][0], self._pass_on)


class Wan:
    """Accepts, joins after a round trip, and counts."""

    def __init__(self, to: tuple[str, int], one_way_s: float, loop: asyncio.AbstractEventLoop) -> None:
        self.to = to
        self.one_way_s = one_way_s
        self.loop = loop
        self.ways: set[Way] = set()
        self.carried = {"up": 0, "down": 0}
        self.first_at: float | None = None
        self._joining: dict[Way, asyncio.Task[None]] = {}

    def accepted(self, near: Way) -> None:
        if self.first_at is None:
            self.first_at = time.time()
        self._joining[near] = self.loop.create_task(self._join(near))

    def joining(self, way: Way) -> bool:
        return way in self._joining

    async def _join(self, near: Way) -> None:
        await asyncio.sleep(2 * self.one_way_s)
        far = Way(self, "down")
        far.peer = near
        try:
            await self.loop.create_connection(lambda: far, *self.to)
        except OSError:
            if near.transport:
                near.transport.abort()
        else:
            near.peer = far
        finally:
            del self._joining[near]
            near._pass_on()


async def serve(port: int, to: tuple[str, int], one_way_s: float) -> None:
    """Carry until SIGTERM or SIGINT."""
    loop = asyncio.get_running_loop()
    wan = Wan(to, one_way_s, loop)
    server = await loop.create_server(lambda: Way(wan, "up"), "127.0.0.1", port)
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    print("wan ready", flush=True)
    await stop.wait()
    server.close()
    for way in list(wan.ways):
        if way.transport:
            way.transport.abort()
    print(json.dumps({**wan.carried, "first_connection_at": wan.first_at, "cpu_s": time.process_time()}))


async def self_test(one_way_s: float) -> dict[str, float]:
    """Its own round trip and bandwidth through a sink, all on this loop."""
    loop = asyncio.get_running_loop()

    gone = asyncio.Event()

    async def sink(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK_BYTES):
            if data.endswith(b"?"):
                writer.write(b"!")
        writer.close()
        gone.set()

    target = await asyncio.start_server(sink, "127.0.0.1", 0, limit=CHUNK_BYTES)
    wan = Wan(target.sockets[0].getsockname()[:2], one_way_s, loop)
    proxy = await loop.create_server(lambda: Way(wan, "up"), "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*proxy.sockets[0].getsockname()[:2])
    trips = []
    for _ in range(10):
        start = loop.time()
        writer.write(b"?")
        await reader.readexactly(1)
        trips.append(loop.time() - start)
    amount, block = 512 * 1024 * 1024, b"\0" * CHUNK_BYTES
    start = loop.time()
    for _ in range(amount // len(block)):
        writer.write(block)
        await writer.drain()
    writer.write(b"?")
    await reader.readexactly(1)
    took = loop.time() - start
    writer.close()
    await gone.wait()
    target.close()
    proxy.close()
    return {"round_trip_ms": 1000 * sorted(trips)[len(trips) // 2], "mb_per_s": amount / took / 1e6}


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.wan", description="A TCP proxy that delays.")
    parser.add_argument("--listen", type=int, default=0)
    parser.add_argument("--to", default="127.0.0.1:0")
    parser.add_argument("--one-way-ms", type=float, default=20.0)
    parser.add_argument("--core", type=int)
    parser.add_argument("--self-test", action="store_true")
    options = parser.parse_args(argv)
    if options.core is not None:
        os.sched_setaffinity(0, {options.core})
    import uvloop

    one_way_s = options.one_way_ms / 1000
    if options.self_test:
        print(json.dumps(uvloop.run(self_test(one_way_s))))
        return 0
    host, port = options.to.rsplit(":", 1)
    uvloop.run(serve(options.listen, (host, int(port)), one_way_s))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
