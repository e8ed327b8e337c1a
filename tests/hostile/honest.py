"""Handhelds that mean well: one order a second each, from an address of its own, and no second try."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

ANSWER_S_MAX = 5.0


@dataclass
class Tally:
    """What became of the orders. failures: what went wrong instead of a 201."""

    asked: int = 0
    took_s: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    def percentile(self, share: float) -> float:
        took = sorted(self.took_s)
        return took[min(len(took) - 1, int(len(took) * share))] if took else 0.0


class Handheld:
    """Keeps its connection, or opens one for every order."""

    def __init__(
        self, number: int, port: int, token: str, *, tls: ssl.SSLContext | None, keeps: bool = True
    ) -> None:
        self.address = f"127.0.1.{number + 1}"
        self._number = number
        self._port = port
        self._token = token
        self._tls = tls
        self._keeps = keeps
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._made = 0

    async def work(self, now: Callable[[], Tally], over: asyncio.Event, *, every_s: float) -> None:
        """now: where to count what is begun at this moment."""
        loop = asyncio.get_running_loop()
        # Spread over the second, as people are.
        due = loop.time() + every_s * (self._number % 30) / 30
        try:
            while not over.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(over.wait(), max(0.0, due - loop.time()))
                    return
                due += every_s
                await self._order(now())
        finally:
            self._hang_up()

    async def _order(self, tally: Tally) -> None:
        self._made += 1
        tally.asked += 1
        line = {"product_id": "salad", "quantity": 1, "note": f"{self._number}/{self._made}"}
        body = json.dumps({"table_id": f"t{self._number % 5 + 1}", "lines": [line] * 2}).encode()
        head = (
            f"POST /v1/orders HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {self._token}\r\n"
            f"Idempotency-Key: {self._number}-{self._made}\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        try:
            async with asyncio.timeout(ANSWER_S_MAX):
                status, answer = await self._ask(head.encode() + body)
        except (OSError, EOFError, ValueError) as error:
            tally.failures[type(error).__name__] += 1
            self._hang_up()
            return
        tally.took_s.append(time.perf_counter() - began)
        if status != 201:
            tally.failures[f"{status} {json.loads(answer).get('slug', '')}"] += 1

    async def _ask(self, request: bytes) -> tuple[int, bytes]:
        if self._line is None:
            self._line = await asyncio.open_connection(
                "127.0.0.1", self._port, local_addr=(self.address, 0), ssl=self._tls
            )
        reader, writer = self._line
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        answer = await reader.readexactly(size)
        if not self._keeps:
            self._hang_up()
        return int(head[9:12]), answer

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line[1].transport.abort()
        self._line = None
