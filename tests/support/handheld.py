"""A handheld over real HTTP that sends orders and sales, again and again with the same key until it has an answer."""

from __future__ import annotations

import asyncio
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

ANSWER_S_MAX = 10.0


class Line:
    """One keep-alive connection."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def ask(
        self, method: str, path: str, headers: dict[str, str], body: bytes = b""
    ) -> tuple[int, dict[str, str], bytes]:
        """Raises OSError when there is no whole answer."""
        try:
            if self._writer is None:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
            assert self._reader is not None
            lines = [f"{method} {path} HTTP/1.1", "Host: hub", f"Content-Length: {len(body)}"]
            lines += [f"{name}: {value}" for name, value in headers.items()]
            self._writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
            async with asyncio.timeout(ANSWER_S_MAX):
                head = await self._reader.readuntil(b"\r\n\r\n")
                first, *rest = head.decode("latin-1").split("\r\n")[:-2]
                said = {name.lower(): value for name, value in (line.split(": ", 1) for line in rest)}
                content = await self._reader.readexactly(int(said.get("content-length", 0)))
            return int(first.split()[1]), said, content
        except (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError) as error:
            self.close()
            raise ConnectionError(str(error)) from error

    def drop(self) -> None:
        """The connection is lost, also to a request that is under way."""
        if self._writer is not None:
            self._writer.transport.abort()

    def close(self) -> None:
        self.drop()
        self._reader = self._writer = None


@dataclass
class Wish:
    """Something a person did once. mark: unique text inside, by which it is found wherever it went."""

    mark: str
    path: str
    body: bytes
    key: str


@dataclass
class Ack:
    wish: Wish
    status: int
    body: bytes


@dataclass
class Handheld:
    device: str
    token: str
    port: int
    random: random.Random
    # A mistake that real devices make: a new key for the next try.
    new_key_on_retry: bool = False
    # The pause between two wishes, on average.
    rest_s: float = 0.0
    # A check is paid after so many.
    orders_a_check: int = 3
    acks: list[Ack] = field(default_factory=list)
    refused: int = 0
    tries: int = 0
    problems: list[str] = field(default_factory=list)
    # Of each request that was answered: when it was asked (monotonic), and how long that took.
    took: list[tuple[float, float]] = field(default_factory=list)
    wish: Wish | None = None
    _made: int = 0
    _check: tuple[str, int] | None = None
    _orders: int = 0

    async def work(self, until: asyncio.Event) -> None:
        """Send one wish after the other. What has no answer when it ends is sent again the next time, with its key."""
        lines = Line(self.port), Line(self.port)
        try:
            while not until.is_set():
                if self.wish is None:
                    self.wish = self._next()
                await self._send(self.wish, lines, until)
                if self.rest_s:
                    await asyncio.sleep(self.random.uniform(0, 2 * self.rest_s))
        finally:
            for line in lines:
                line.close()

    async def again(self, ack: Ack) -> None:
        """Ask again what was answered long ago."""
        line = Line(self.port)
        try:
            for _ in range(100):
                with suppress(OSError):
                    status, headers, body = await self._post(line, ack.wish)
                    if status < 500:
                        if (status, body) != (ack.status, ack.body):
                            self.problems.append(f"{ack.wish}: first {ack.body!r}, then {status} {body!r}")
                        if headers.get("idempotency-replayed") != "true":
                            self.problems.append(f"{ack.wish}: answered anew")
                        return
                await asyncio.sleep(0.05)
            self.problems.append(f"{ack.wish}: not answered again")
        finally:
            line.close()

    async def _send(self, wish: Wish, lines: tuple[Line, Line], until: asyncio.Event) -> None:
        first = True
        while not until.is_set():
            if not first and self.new_key_on_retry:
                wish.key += "x"
            first = False
            # An impatient finger: the same request twice at the same time.
            twice = self.random.random() < 0.05
            results = await asyncio.gather(
                *(self._post(line, wish) for line in lines[: 1 + twice]), return_exceptions=True
            )
            answers = []
            for result in results:
                if isinstance(result, tuple):
                    answers.append(result)
                elif not isinstance(result, OSError):
                    raise result
            good = [answer for answer in answers if answer[0] in (200, 201)]
            if len({body for _, _, body in good}) > 1:
                self.problems.append(f"{wish}: two answers {[body for _, _, body in good]}")
            if good:
                status, _, body = good[0]
                self.acks.append(Ack(wish, status, body))
                self._learn(wish, json.loads(body))
                self.wish = None
                return
            if answers and all(400 <= status < 500 and status != 429 for status, _, _ in answers):
                self.refused += 1
                slug = json.loads(answers[0][2])["type"].rpartition("/")[2]
                if slug not in ("sold-out", "check-closed", "tender-mismatch"):
                    self.problems.append(f"{wish}: {answers[0]}")
                self.wish = None
                self._check = None
                return
            await asyncio.sleep(self.random.uniform(0.02, 0.15))

    async def _post(self, line: Line, wish: Wish) -> tuple[int, dict[str, str], bytes]:
        self.tries += 1
        headers = {
            "Authorization": f"Bearer {self.token}",
            "Idempotency-Key": wish.key,
            "Content-Type": "application/json",
        }
        began = time.monotonic()
        answer = await line.ask("POST", wish.path, headers, wish.body)
        self.took.append((began, time.monotonic() - began))
        return answer

    def _next(self) -> Wish:
        self._made += 1
        mark = f"{self.device}/{self._made}"
        kind = self.random.random()
        if self._check is not None and self._orders >= self.orders_a_check:
            check_id, total = self._check
            tenders = [{"method": "cash", "amount": total, "reference": mark}]
            return self._wish(mark, "/v1/sales", {"check_id": check_id, "tenders": tenders})
        if kind < 0.15:
            line = {"product_id": "p1", "quantity": 1}
            tenders = [{"method": "cash", "amount": 110, "tendered": 1000, "reference": mark}]
            return self._wish(mark, "/v1/sales", {"lines": [line], "tenders": tenders})
        if kind < 0.25:
            return self._wish(mark, "/v1/facts", {"type": "x.acme.seen", "data": {"mark": mark}})
        product = "last" if kind < 0.35 else f"p{self.random.randrange(30)}"
        order = [{"product_id": product, "quantity": self.random.randint(1, 2), "note": mark}]
        order += [{"product_id": f"p{self.random.randrange(30)}", "quantity": 1} for _ in range(3)]
        return self._wish(mark, "/v1/orders", {"table_id": f"t-{self.device}", "lines": order})

    def _wish(self, mark: str, path: str, body: dict[str, Any]) -> Wish:
        return Wish(
            mark,
            path,
            json.dumps(body).encode(),
            f"{self.device}-{self._made}-{self.random.getrandbits(64):x}",
        )

    def _learn(self, wish: Wish, answer: dict[str, Any]) -> None:
        if wish.path == "/v1/orders":
            self._check, self._orders = (answer["check_id"], answer["check_total"]), self._orders + 1
        elif answer.get("check_id"):
            self._check, self._orders = None, 0
