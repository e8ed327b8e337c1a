"""A connection that is gone leaves nothing behind for the garbage collector, over real sockets."""

from __future__ import annotations

import asyncio
import gc
import socket
from contextlib import suppress
from typing import Any, ClassVar

import pytest
import uvloop

from hub.api.doors import Doors
from hub.api.guard import GuardedProtocol
from hub.api.server import Server, config_for

READS_MAX = 100_000


class Application:
    """Reads a body up to its limit, and answers."""

    writes: ClassVar[dict[tuple[str, str], Any]] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        size, more = 0, True
        while more and size <= READS_MAX:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            size += len(message.get("body", b""))
            more = message.get("more_body", False)
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 413 if more else 200, "headers": headers})
        await send({"type": "http.response.body", "body": b""})


HALF = b"POST / HTTP/1.1\r\nHost: hub\r\nContent-Length: 1000000\r\n\r\n"
VISITS = {
    "asks and goes": (b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n", True),
    "asks twice at once": (b"GET / HTTP/1.1\r\nHost: hub\r\n\r\n" * 2, True),
    "sends too much": (HALF + b"x" * 300_000, True),
    "hangs up in the middle": (HALF + b"x" * 5_000, False),
    "speaks no HTTP": (b"nonsense\r\n\r\n", True),
    "has a head without an end": (b"GET /" + b"a" * 100_000, True),
}


@pytest.mark.parametrize("visit", VISITS)
def test_nothing_of_a_connection_waits_for_the_collector(visit: str) -> None:
    """It counts objects, not bytes: thousands who hang up in the middle of a body would hold all that came of it."""
    data, reads = VISITS[visit]

    async def come_and_go(address: Any) -> None:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(data)
        with suppress(OSError):
            await writer.drain()
            if reads:
                await reader.read(10)
        writer.transport.abort()

    async def trial() -> int:
        doors = Doors()
        config = config_for(Application(), doors)
        server = Server(config)
        server.lifespan = config.lifespan_class(config)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            await server.startup(sockets=[listening])
            try:
                gc.collect()
                gc.disable()
                for _ in range(5):
                    await come_and_go(listening.getsockname())
                async with asyncio.timeout(20):
                    while len(doors) or server.server_state.tasks or left():
                        await asyncio.sleep(0.01)
            except TimeoutError:
                pass
            finally:
                gc.enable()
                for porch in server.servers:
                    porch.close()
            return left()

    def left() -> int:
        return sum(isinstance(one, GuardedProtocol) for one in gc.get_objects())

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(trial()) == 0
