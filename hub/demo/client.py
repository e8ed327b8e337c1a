"""A device of the store, by the wire contract alone: trust, pairing, writes that survive anything, the live feed.

    device = await Device.pair(url, fingerprint=fp, code=code, name="handheld 1")
    order = await device.order(table_id="t-4", lines=[{"product_id": "p-1203", "quantity": 2}])
    sale = await device.settle(order["check_id"], method="cash", amount=order["check_total"])

What makes it safe is one rule: a write gets its Idempotency-Key once and keeps it until there is an answer. A lost
answer, a hub that restarts, a timeout: the same request is sent again, and the hub answers as it did the first time.
"""

from __future__ import annotations

import asyncio
import random
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import msgspec

from hub.demo.finding import HubNotFound, Remembered, find_again
from hub.tls.client import client_context, fetch_authority

# A waiter looks at the screen for this long; then it says "still sending", and goes on trying.
ANSWER_S_MAX: Final = 10.0
RETRY_S_MIN: Final = 0.1
RETRY_S_MAX: Final = 2.0
# One lost answer is a lost answer; the second in a row is worth a look around.
MISSES_MAX: Final = 2
# Longer than the hub is silent on purpose: it sends a comment every 15 s.
FEED_SILENCE_S_MAX: Final = 25.0


class Refused(Exception):
    """The hub said no, for good: `slug`, and the whole problem document."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status = status
        self.slug = str(problem.get("slug", ""))
        self.problem = problem
        super().__init__(f"{status} {self.slug}: {problem.get('detail', '')}")


class NoAnswer(Exception):
    """The hub could not be reached in time. The write may be sent again, with the same key, at any later time."""


@dataclass(slots=True)
class Answer:
    """What a write came to. seq: of its last entry. attempts: how often it was sent. replayed: it had been done."""

    body: dict[str, Any]
    seq: int
    key: str
    attempts: int
    replayed: bool


@dataclass(slots=True)
class FeedEvent:
    """One event of the live feed; `data` are an entry's exact bytes when `kind` is an entry's type."""

    kind: str
    id: str
    data: bytes


@dataclass(slots=True)
class Traffic:
    """How it went on the wire, for whoever wants to show it."""

    sent: int = 0
    retried: int = 0
    replayed: int = 0
    latencies_s: list[float] = field(default_factory=list)


def new_key() -> str:
    """An Idempotency-Key: a UUIDv7, so that keys made later sort later."""
    tail = secrets.token_hex(10)
    head = f"{time.time_ns() // 1_000_000:012x}"
    return f"{head[:8]}-{head[8:]}-7{tail[:3]}-{'89ab'[int(tail[3], 16) & 3]}{tail[4:7]}-{tail[7:19]}"


async def trust(url: str, fingerprint: str) -> ssl.SSLContext | bool:
    """What to verify the hub with: the store's authority, known by its fingerprint. Raises WrongAuthority, OSError."""
    parts = urlsplit(url)
    if parts.scheme == "http":
        return True
    pem = await fetch_authority(parts.hostname or "", parts.port or 443, fingerprint)
    return client_context(pem, fingerprint)


class Device:
    """A paired device. Writes go one after the other in the order in which a person made them: await each."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        verify: ssl.SSLContext | bool = True,
        device_id: str = "",
        name: str = "",
        give_up_s: float = 120.0,
        traffic: Traffic | None = None,
        known: Remembered | None = None,
    ) -> None:
        """known: what to find the hub again by, when it does not answer at its address any more (hub.demo.finding)."""
        self.known = known
        self._searching: asyncio.Task[None] | None = None
        self._misses = 0
        self._moved = asyncio.Event()
        self.device_id = device_id
        self.name = name
        self.traffic = traffic or Traffic()
        self._give_up_s = give_up_s
        # The highest Storehub-Position ever seen: a hub that is behind it knows that it has lost entries.
        self._seen = ""
        self._seen_seq = -1
        self._http = httpx.AsyncClient(
            base_url=url,
            verify=verify,
            trust_env=False,
            timeout=httpx.Timeout(ANSWER_S_MAX, connect=3.0),
            headers={"authorization": f"Bearer {token}"},
            limits=httpx.Limits(max_connections=8, keepalive_expiry=60.0),
        )

    @classmethod
    async def pair(
        cls,
        url: str,
        *,
        code: str,
        name: str,
        verify: ssl.SSLContext | bool,
        give_up_s: float = 120.0,
        traffic: Traffic | None = None,
    ) -> Device:
        """Use a one-time code up and become a device of the store. Raises Refused, httpx.HTTPError."""
        async with httpx.AsyncClient(
            base_url=url, verify=verify, trust_env=False, timeout=ANSWER_S_MAX
        ) as http:
            answer = await http.post("/v1/pairings", json={"code": code, "name": name})
        if answer.status_code != 201:
            raise Refused(answer.status_code, _problem(answer))
        made = answer.json()
        return cls(
            url,
            made["token"],
            verify=verify,
            device_id=made["device_id"],
            name=name,
            give_up_s=give_up_s,
            traffic=traffic,
        )

    async def close(self) -> None:
        if self._searching is not None:
            self._searching.cancel()
            await asyncio.gather(self._searching, return_exceptions=True)
        await self._http.aclose()

    async def __aenter__(self) -> Device:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    # -- what a waiter does -------------------------------------------------------------------------------------

    async def order(self, *, lines: list[dict[str, Any]], **where: Any) -> Answer:
        """Take an order. where: table_id (opens a check if need be) or check_id, and guests, staff_id."""
        return await self.write("POST", "/v1/orders", {**where, "lines": lines})

    async def open_check(self, *, table_ids: list[str], dining: str = "eat_in", **more: Any) -> Answer:
        return await self.write("POST", "/v1/checks", {"table_ids": table_ids, "dining": dining, **more})

    async def void(self, check_id: str, *, lines: list[dict[str, Any]], reason: str) -> Answer:
        """Take portions off an open check: lines of line_id and quantity."""
        return await self.write("POST", f"/v1/checks/{check_id}/void", {"lines": lines, "reason": reason})

    async def move(self, check_id: str, *, to: list[str], version: int) -> Answer:
        """The party moves. version: of the check as this device saw it; a stale one is Refused: `check-changed`."""
        return await self.write("POST", f"/v1/checks/{check_id}/move", {"table_ids": to}, version=version)

    async def settle(self, check_id: str, *, method: str, amount: int, tendered: int | None = None) -> Answer:
        tender = {"method": method, "amount": amount}
        if tendered is not None:
            tender["tendered"] = tendered
        return await self.write("POST", "/v1/sales", {"check_id": check_id, "tenders": [tender]})

    async def void_sale(self, sale_id: str, *, reason: str) -> Answer:
        return await self.write("POST", f"/v1/sales/{sale_id}/void", {"reason": reason})

    # -- how it survives ----------------------------------------------------------------------------------------

    async def write(
        self,
        method: str,
        path: str,
        body: dict[str, Any],
        *,
        version: int | None = None,
        key: str | None = None,
    ) -> Answer:
        """Send until there is an answer. Raises Refused; NoAnswer when the hub stayed away for too long."""
        key = key or new_key()
        headers = {"idempotency-key": key, "content-type": "application/json"}
        if version is not None:
            headers["if-match"] = f'"{version}"'
        content = msgspec.json.encode(body)
        began = time.monotonic()
        for attempt in range(1, 10_000):
            self.traffic.sent += 1
            self.traffic.retried += attempt > 1
            sent_at = time.monotonic()
            answer = await self._send(method, path, content, headers)
            if answer is not None and answer.is_success:
                self.traffic.latencies_s.append(time.monotonic() - sent_at)
                replayed = answer.headers.get("idempotency-replayed") == "true"
                self.traffic.replayed += replayed
                seq = int(answer.headers["storehub-seq"])
                return Answer(msgspec.json.decode(answer.content), seq, key, attempt, replayed)
            if answer is not None and not _worth_again(answer):
                raise Refused(answer.status_code, _problem(answer))
            wait = _wait_s(attempt, answer)
            if time.monotonic() - began + wait > self._give_up_s:
                break
            await asyncio.sleep(wait)
        raise NoAnswer(f"{method} {path} had no answer within {self._give_up_s:.0f} s")

    async def _send(
        self, method: str, path: str, content: bytes, headers: dict[str, str]
    ) -> httpx.Response | None:
        """The answer; None when it was lost, or never made."""
        seen = {"storehub-seen": self._seen} if self._seen else {}
        try:
            answer = await self._http.request(method, path, content=content, headers={**headers, **seen})
        except httpx.TransportError:
            await self._missed()
            return None
        self._misses = 0
        self._note(answer.headers.get("storehub-position", ""))
        return answer

    async def _missed(self) -> None:
        """No answer where the hub was. A lost packet passes; what lasts may be a new address (DHCP), so look for it."""
        self._misses += 1
        if self.known is None or self._misses < MISSES_MAX:
            return
        if self._searching is None:
            self._searching = asyncio.create_task(self._find_again(self.known), name="find the hub")
        await asyncio.shield(self._searching)

    async def _find_again(self, known: Remembered) -> None:
        try:
            with suppress(HubNotFound):
                url = httpx.URL(await find_again(known))
                if (url.host, url.port) != (self._http.base_url.host, self._http.base_url.port):
                    self._http.base_url = url
                    # A feed at the old address would wait for its silence to be long enough.
                    self._moved.set()
                    self._moved = asyncio.Event()
                self._misses = 0
        finally:
            self._searching = None

    async def _until_moved(self, chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """The chunks of a stream; it ends when the hub was found elsewhere."""
        if self.known is None:
            async for chunk in chunks:
                yield chunk
            return
        moved = asyncio.create_task(self._moved.wait())
        try:
            while True:
                coming = asyncio.ensure_future(_next(chunks))
                await asyncio.wait({coming, moved}, return_when=asyncio.FIRST_COMPLETED)
                if not coming.done():
                    coming.cancel()
                    await asyncio.gather(coming, return_exceptions=True)
                    return
                if (found := coming.result()) is None:
                    return
                yield found
        finally:
            moved.cancel()

    def _note(self, position: str) -> None:
        parts = position.split(":")
        if len(parts) == 3 and parts[1].isdigit() and int(parts[1]) > self._seen_seq:
            self._seen, self._seen_seq = position, int(parts[1])

    async def read(self, path: str) -> dict[str, Any]:
        """A GET, once. Raises Refused, httpx.HTTPError."""
        return await self._ask("GET", path)

    async def press(self, path: str) -> dict[str, Any]:
        """A POST that makes no fact, such as /v1/sync/pause. Raises Refused, httpx.HTTPError."""
        return await self._ask("POST", path)

    async def _ask(self, method: str, path: str) -> dict[str, Any]:
        answer = await self._http.request(method, path)
        if not answer.is_success:
            raise Refused(answer.status_code, _problem(answer))
        found: dict[str, Any] = answer.json()
        return found

    async def events(
        self, *, after: str = "", lost: Callable[[], None] = lambda: None
    ) -> AsyncIterator[FeedEvent]:
        """The live feed from `after` (`<epoch>:<seq>`) on, without gap or repeat, over restarts of the hub. Ends never.

        `lost` is called each time the line to the hub breaks.
        """
        last = after
        while True:
            with suppress(httpx.TransportError):
                headers = {"last-event-id": last} if last else {}
                timeout = httpx.Timeout(FEED_SILENCE_S_MAX, connect=3.0)
                async with self._http.stream("GET", "/v1/events", headers=headers, timeout=timeout) as answer:
                    if answer.is_client_error:
                        await answer.aread()
                        raise Refused(answer.status_code, _problem(answer))
                    if answer.is_success:
                        self._misses = 0
                        async for event in _parsed(self._until_moved(answer.aiter_bytes())):
                            yield event
                            last = event.id or last
            lost()
            await self._missed()
            await asyncio.sleep(RETRY_S_MIN + random.random() * RETRY_S_MIN)  # noqa: S311 - spreads devices


async def _next(chunks: AsyncIterator[bytes]) -> bytes | None:
    """The next chunk; None at the end."""
    return await anext(chunks, None)


async def _parsed(chunks: AsyncIterator[bytes]) -> AsyncIterator[FeedEvent]:
    """Server-Sent Events: fields a line, an empty line ends an event, a line that begins with a colon says "alive"."""
    rest = b""
    fields: dict[bytes, bytes] = {}
    async for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line:
                name, _, value = line.partition(b":")
                fields[name] = value.removeprefix(b" ")
                continue
            if b"data" in fields:
                kind, event_id = fields.get(b"event", b"message"), fields.get(b"id", b"")
                yield FeedEvent(kind.decode(), event_id.decode(), fields[b"data"])
            fields = {}


def _worth_again(answer: httpx.Response) -> bool:
    """Everything but a refusal for good: the hub starts, its disk is busy, or it asks for patience."""
    return (
        answer.status_code >= 500
        or answer.status_code in (408, 429)
        or _slug(answer) == "request-in-progress"
    )


def _wait_s(attempt: int, answer: httpx.Response | None) -> float:
    """Twice as long each time, with jitter: all handhelds lost the hub in the same moment."""
    asked = answer.headers.get("retry-after", "") if answer is not None else ""
    if asked.isdigit() and answer is not None and answer.status_code == 429:
        return float(asked)
    wait: float = min(RETRY_S_MIN * 2**attempt, RETRY_S_MAX)
    return random.uniform(0.5, 1.0) * wait  # noqa: S311 - spreads devices


def _problem(answer: httpx.Response) -> dict[str, Any]:
    with suppress(ValueError):
        found = answer.json()
        if isinstance(found, dict):
            return found
    return {"slug": "", "detail": answer.text[:200]}


def _slug(answer: httpx.Response) -> str:
    return str(_problem(answer).get("slug", ""))
