"""A hub whose every connection is taken, over real sockets."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path

from hub.api.doors import CROWD, Doors
from tests.integration.conftest import serving, shop_in
from tests.integration.test_at_once import request

PLACES = CROWD + 4
Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def follow(port: int, token: str) -> Line:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET /v1/events HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    await reader.readuntil(b": storehub\n\n")
    return reader, writer


async def hung_up(line: Line) -> None:
    with suppress(ConnectionResetError):
        while await line[0].read(65536):
            pass


async def test_one_device_that_follows_on_every_line_keeps_nobody_out(tmp_path: Path) -> None:
    """A stolen handheld with a good token, from one address: its oldest feed goes, and it alone."""
    doors = Doors(connections_max=PLACES)
    async with shop_in(tmp_path) as shop:
        thief, waiter = (await shop.device()).token, (await shop.device()).token
        async with serving(shop, doors) as port:
            feeds = [await follow(port, thief) for _ in range(PLACES)]
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=("127.0.0.2", 0))
            writer.write(request(waiter, "1"))
            assert (await reader.readline()).startswith(b"HTTP/1.1 201")
            await hung_up(feeds[0])
            writer.close()
            # The others heard of the order; and who had to go is let in again.
            await asyncio.gather(*(reader.readuntil(b"\n\n") for reader, _ in feeds[1:]))
            for _, line in (*feeds, await follow(port, thief)):
                line.close()
