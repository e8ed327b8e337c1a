"""Writes that are taken as soon as their body is all there, over a real socket: in pieces, in a row, given up."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from hub.api.guard import HELD_BYTES_MAX
from tests.support.process import HubProcess, hub_process

ORDER = b'{"table_id":"t1","lines":[{"product_id":"salad","quantity":1}]}'


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[HubProcess]:
    async with hub_process(tmp_path) as started:
        yield started


def request(token: str, key: str, body: bytes = ORDER, path: str = "/v1/orders", more: str = "") -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: {key}\r\n"
        f"Content-Type: application/json\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class Line:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    @classmethod
    async def to(cls, hub: HubProcess) -> Line:
        return cls(*await asyncio.open_connection("127.0.0.1", hub.port))

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(20):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            status, *lines = head.rstrip().split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            body = await self._reader.readexactly(int(headers.get("content-length", "0")))
        return int(status.split()[1]), headers, body

    async def close(self) -> None:
        self.writer.transport.abort()
        with suppress(OSError):
            await self.writer.wait_closed()

    async def ended(self) -> bool:
        async with asyncio.timeout(20):
            return await self._reader.read() == b""


Dial = Callable[[HubProcess], Awaitable[Line]]


@pytest.fixture
async def line_to() -> AsyncIterator[Dial]:
    lines: list[Line] = []

    async def dial(hub: HubProcess) -> Line:
        lines.append(await Line.to(hub))
        return lines[-1]

    yield dial
    for line in lines:
        await line.close()


async def test_a_request_in_pieces_is_one_request(hub: HubProcess, line_to: Dial) -> None:
    _, token = await hub.device("handheld")
    line = await line_to(hub)
    for piece in (whole := request(token, "k"))[:1], whole[1:100], whole[100:-5], whole[-5:]:
        line.writer.write(piece)
        await line.writer.drain()
        await asyncio.sleep(0.01)
    status, headers, body = await line.answer()
    assert status == 201
    assert headers["storehub-position"].split(":")[1] == headers["storehub-seq"]
    # The line goes on, and the answer is remembered.
    line.writer.write(request(token, "k"))
    status, headers, again = await line.answer()
    assert (status, headers["idempotency-replayed"], again) == (201, "true", body)


async def test_requests_sent_in_a_row_are_answered_in_that_row(hub: HubProcess, line_to: Dial) -> None:
    _, token = await hub.device("handheld")
    line = await line_to(hub)
    kinds = [
        request(token, "a"),
        f"GET /v1/checks HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\n\r\n".encode(),
        request(token, "b", ORDER.replace(b"salad", b"unknown")),
        request(token, "a"),
        request("nobody", "c"),
        request(token, "d"),
    ]
    line.writer.write(b"".join(kinds))
    answers = [await line.answer() for _ in kinds]
    assert [status for status, _, _ in answers] == [201, 200, 422, 201, 401, 201]
    # What is read after a write on the same line has seen it.
    assert [check["version"] for check in json.loads(answers[1][2])["checks"]] == [2]
    assert answers[3][1]["idempotency-replayed"] == "true"
    assert json.loads(answers[5][2])["check_version"] == 3


async def test_a_large_body_finds_a_reader(hub: HubProcess, line_to: Dial) -> None:
    _, token = await hub.device("handheld")
    line = await line_to(hub)
    # The second waits for someone to read it, and is refused for what it is; the third while it is read.
    for size, expected in (HELD_BYTES_MAX - 100, 201), (200_000, 413), (300_000, 413):
        body = b'{"type":"x.acme.note","data":"%b"}' % (b"x" * size)
        line.writer.write(request(token, f"k{size}", body, "/v1/facts"))
        status, _, said = await line.answer()
        assert (size, status) == (size, expected), said


async def test_who_asks_first_whether_to_go_on_is_told(hub: HubProcess, line_to: Dial) -> None:
    _, token = await hub.device("handheld")
    line = await line_to(hub)
    head, _, body = request(token, "k", more="Expect: 100-continue\r\n").partition(b"\r\n\r\n")
    line.writer.write(head + b"\r\n\r\n")
    status, _, _ = await line.answer()
    assert status == 100
    line.writer.write(body)
    assert (await line.answer())[0] == 201


async def test_a_device_that_hangs_up_has_ordered_all_the_same(hub: HubProcess, line_to: Dial) -> None:
    _, token = await hub.device("handheld")
    for number in range(20):
        line = await line_to(hub)
        line.writer.write(request(token, f"k{number}"))
        await line.writer.drain()
        line.writer.transport.abort()
    line = await line_to(hub)
    kept = []
    for number in range(20):
        line.writer.write(request(token, f"k{number}"))
        status, headers, body = await line.answer()
        assert status == 201
        kept.append((json.loads(body)["order_id"], "idempotency-replayed" in headers))
    assert len({order_id for order_id, _ in kept}) == 20


async def test_closing_is_said_and_done(hub: HubProcess, line_to: Dial) -> None:
    _, token = await hub.device("handheld")
    line = await line_to(hub)
    line.writer.write(request(token, "k", more="Connection: close\r\n"))
    status, headers, _ = await line.answer()
    assert (status, headers["connection"]) == (201, "close")
    assert await line.ended()


async def test_what_is_under_way_is_answered_when_the_hub_stops(hub: HubProcess, line_to: Dial) -> None:
    _, token = await hub.device("handheld")
    lines = [await line_to(hub) for _ in range(8)]
    for number, line in enumerate(lines):
        line.writer.write(request(token, f"k{number}"))
    statuses = asyncio.gather(*(line.answer() for line in lines))
    await asyncio.gather(statuses, hub.stop())
    assert [status for status, _, _ in statuses.result()] == [201] * 8
