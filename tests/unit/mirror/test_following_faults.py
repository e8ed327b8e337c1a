"""A standby whose calls break off at any moment goes on following, with one connection and none left over."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace

import pytest

from hub.domain.facts import After
from hub.mirror import following as following_module
from hub.mirror import primary as primary_module
from hub.mirror.following import Followed, Following
from hub.mirror.primary import PrimaryClient

FAULTS = 120


class Primary:
    """Has nothing new, and serves the first requests badly."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self.asked = 0
        self.faults: Counter[str] = Counter()
        self.open: set[asyncio.StreamWriter] = set()
        self.well = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.asked += 1
                fault = "ok" if self.asked > FAULTS else self._random.choice(("ok", "hang", "close", "half"))
                self.faults[fault] += 1
                if fault == "hang":
                    # Until the client has enough.
                    await reader.read()
                    return
                if fault == "close":
                    return
                answer = b"HTTP/1.1 200 OK\r\nstorehub-last: 0\r\ncontent-length: 0\r\n\r\n"
                writer.write(answer[: self._random.randrange(1, len(answer))] if fault == "half" else answer)
                await writer.drain()
                if fault == "half":
                    return
                if self.asked > FAULTS + 3:
                    self.well.set()
                await asyncio.sleep(0.001)
        except (EOFError, OSError):
            pass
        finally:
            self.open.discard(writer)
            writer.transport.abort()


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("seed", [1, 2])
async def test_calls_that_break_off_at_any_moment_leave_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setattr(primary_module, "SILENCE_S", 0.02)
    monkeypatch.setattr(primary_module, "WAIT_S", 0.0)
    monkeypatch.setattr(following_module, "PAUSE_S_MIN", 0.0)
    primary = Primary(seed)
    server = await asyncio.start_server(primary.serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def nobody() -> list[object]:
        return []

    standby = Following(
        taker=SimpleNamespace(journal=SimpleNamespace(position=After("", 0, ""))),
        keys=SimpleNamespace(),
        primary=Followed(url, "box"),
        connect=lambda url: PrimaryClient(url, "token", None),
        look=nobody,  # type: ignore[arg-type]
        decide=lambda: None,
    )
    work = asyncio.create_task(standby.run())
    try:
        async with asyncio.timeout(30):
            await primary.well.wait()
        assert standby.view()["state"] == "following"
        assert min(primary.faults.values()) > FAULTS / 10
        await until(lambda: len(primary.open) == 1)
    finally:
        work.cancel()
        with suppress(asyncio.CancelledError):
            await work
        server.close()
    await until(lambda: not primary.open)
