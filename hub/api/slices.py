"""Long answers: made and sent a slice at each turn, for every device in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import msgspec
from fastapi import Request, Response

from hub.api.asgi import JSON, Receive, Scope, Send, hung_up
from hub.api.turns import Turns
from hub.domain.device import Device

# Some hundred lines: half a millisecond, and a few of them on a small box.
SLICE_BYTES: Final = 32 * 1024
# Lines encoded without a look at how much has gathered.
LINES: Final = 40


class LongAnswer(Response):
    """first: its first slice. pieces: the rest, made as turns come and the client takes what there is."""

    def __init__(
        self,
        first: bytes,
        pieces: Iterator[bytes],
        turn: Callable[[], Awaitable[None]],
        headers: Mapping[str, str],
    ) -> None:
        self.status_code = 200
        self.background = None
        self._first = first
        self._pieces = pieces
        self._turn = turn
        self.raw_headers = [JSON, *((name.encode(), value.encode()) for name, value in headers.items())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Before anything is waited for: this names the position that the answer reflects.
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        gone = asyncio.ensure_future(hung_up(receive))
        try:
            piece = self._first
            while piece and not gone.done():
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                await self._turn()
                piece = slice_of(self._pieces)
        finally:
            gone.cancel()
        await send({"type": "http.response.body", "body": b""})


def turn_of(request: Request, device: Device) -> Callable[[], Awaitable[None]]:
    """Returns when it is the device's turn."""
    turns: Turns = request.app.state.turns
    return lambda: turns.turn(device.device_id)


def answer(
    request: Request, device: Device, pieces: Iterator[bytes], headers: Mapping[str, str] | None = None
) -> Response:
    """The JSON that the pieces make up: at once if it is short. pieces look at nothing that may change meanwhile."""
    first = slice_of(pieces)
    if len(first) < SLICE_BYTES:
        return Response(first, media_type="application/json", headers=headers)
    return LongAnswer(first, pieces, turn_of(request, device), headers or {})


def slice_of(pieces: Iterator[bytes]) -> bytes:
    """What gathers until it is enough for a turn; nothing: there is no more."""
    gathered = bytearray()
    for piece in pieces:
        gathered += piece
        if len(gathered) >= SLICE_BYTES:
            break
    return bytes(gathered)


def page_pieces(name: str, items: Iterable[Iterator[bytes]], next_cursor: str | None) -> Iterator[bytes]:
    """{name: items, "next_cursor": …}"""
    yield b'{"%b":[' % name.encode()
    for number, item in enumerate(items):
        if number:
            yield b","
        yield from item
    yield b'],"next_cursor":%b}' % msgspec.json.encode(next_cursor)


def with_lines(view: dict[str, Any], lines: Sequence[Any], view_of: Callable[[Any], Any]) -> Iterator[bytes]:
    """The view with these `lines` instead of its own."""
    view.pop("lines", None)
    yield msgspec.json.encode(view)[:-1] + b',"lines":['
    for start in range(0, len(lines), LINES):
        shown = msgspec.json.encode([view_of(line) for line in lines[start : start + LINES]])
        yield (b"," if start else b"") + shown[1:-1]
    yield b"]}"
