"""A device finds its hub again: where it was, by mDNS, by a scan; and takes nobody else for it."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack

import pytest

from hub.demo import finding
from hub.demo.client import Device
from hub.demo.finding import REMEMBERED_MAX, HubNotFound, Remembered, find_again
from tests.support.ports import free_port

Serve = Callable[..., "asyncio.Future[str]"]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Somebody on a port of the loopback who says to be a hub; closed at the end."""
    async with AsyncExitStack() as stack:

        async def begin(hub_id: str, role: str = "primary", port: int = 0, said: bytes = b"") -> str:
            async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                head = await reader.readuntil(b"\r\n\r\n")
                status, body = "200 OK", said or json.dumps({"id": hub_id, "role": role}).encode()
                if head.startswith(b"POST"):
                    status = "201 Created\r\nstorehub-seq: 7"
                line = f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
                writer.write(line.encode() + body)
                await writer.drain()
                writer.close()

            server = await asyncio.start_server(answer, "127.0.0.1", port)
            await stack.enter_async_context(server)
            return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

        yield begin  # type: ignore[misc]


def announced(*urls: str) -> Callable[[float, Remembered], asyncio.Future[Iterable[str]]]:
    async def browse(timeout_s: float, known: Remembered) -> Iterable[str]:
        return urls

    return browse  # type: ignore[return-value]


async def silence(timeout_s: float, known: Remembered) -> Iterable[str]:
    """mDNS on a network that lets no multicast pass, of which nobody sees the end."""
    await asyncio.Event().wait()
    return []


async def nobody(timeout_s: float, known: Remembered) -> Iterable[str]:
    raise AssertionError("mDNS was asked although the hub is where it was")


def gone() -> str:
    return f"http://127.0.0.1:{free_port()}"


async def test_where_it_was_needs_no_multicast(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finding, "HEAD_START_S", 60.0)
    here = await serve("hub-1")
    known = Remembered("hub-1", True, [gone(), here])
    assert await find_again(known, browse=nobody) == here
    assert known.urls[0] == here
    for number in range(10):
        known.was_at(f"http://10.0.0.{number}:8443")
    assert len(known.urls) == REMEMBERED_MAX


async def test_mdns_or_the_qr_code_where_it_is_not_any_more(serve: Serve) -> None:
    here = await serve("hub-1")
    known = Remembered("hub-1", True, [gone()])
    assert await find_again(known, browse=announced(gone(), here)) == here
    known = Remembered("hub-1", True, [gone()])
    assert await find_again(known, browse=silence, scanned=here) == here
    with pytest.raises(HubNotFound, match="hub-1"):
        await find_again(Remembered("hub-1", True, [gone()]), browse=announced())


async def test_what_a_person_shows_comes_before_what_is_remembered(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old box may have been plugged in again, and not know yet that it was replaced."""
    monkeypatch.setattr(finding, "HEAD_START_S", 60.0)
    old, new = await serve("hub-1"), await serve("hub-1")
    assert await find_again(Remembered("hub-1", True, [old]), browse=nobody, scanned=new) == new
    assert await find_again(Remembered("hub-1", True, [old]), browse=silence, scanned=gone()) == old


async def test_nobody_waits_for_an_address_that_says_nothing(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An address that a router gave to a dumb thing: it takes the connection and never answers."""
    monkeypatch.setattr(finding, "ANSWER_S_MAX", 60.0)
    here, dumb = await serve("hub-1"), socket.create_server(("127.0.0.1", 0))
    with dumb:
        there = f"http://127.0.0.1:{dumb.getsockname()[1]}"
        async with asyncio.timeout(30):
            assert await find_again(Remembered("hub-1", True, [there]), browse=announced(there, here)) == here
            assert await find_again(Remembered("hub-1", True, [there, here]), browse=silence) == here


@pytest.mark.parametrize(
    "said", [b"", b"<html>log in</html>", b"[]", b'{"id": 5}', b'{"role": "primary"}', b"\xff"]
)
async def test_nobody_else_is_taken_for_it(serve: Serve, said: bytes) -> None:
    """The neighbour's hub, a standby, a captive portal: they answer, and are passed over."""
    others = [await serve("hub-2", said=said), await serve("hub-1", role="standby")]
    with pytest.raises(HubNotFound):
        await find_again(Remembered("hub-1", True, others), browse=announced(*others), scanned=others[0])


async def test_a_write_follows_the_hub_to_its_new_address(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = gone(), await serve("hub-1")
    monkeypatch.setattr("hub.demo.finding.by_mdns", announced(new))
    monkeypatch.setattr(find_again, "__kwdefaults__", {"scanned": "", "browse": announced(new)})
    async with Device(old, "token", known=Remembered("hub-1", True, [old]), give_up_s=10) as device:
        answer = await device.order(table_id="t-1", lines=[])
        assert answer.seq == 7
        assert answer.attempts == 3
        assert device.known is not None
        assert device.known.urls == [new, old]
