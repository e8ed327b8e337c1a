"""The few pieces of bare ASGI that the hot path needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import msgspec

from hub.domain.errors import HubError, InvalidRequest, PayloadTooLarge

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_BYTES_MAX: Final = 256 * 1024
JSON: Final = (b"content-type", b"application/json")


class Gone(Exception):
    """The device hung up before its request was whole."""


class UnsupportedEncoding(HubError):
    """Field: encoding. A body of 256 KiB needs no compression, and what unpacks to gigabytes is not let in."""

    slug = "unsupported-encoding"


def invalid(error: msgspec.ValidationError) -> InvalidRequest:
    """msgspec's sentence, with its place taken out: 'Expected `int`, got `str` - at `$.lines[0].quantity`'."""
    message, _, place = str(error).partition(" - at `")
    return InvalidRequest.at(place.rstrip("`").removeprefix("$").removeprefix("."), message)


def unreadable(scope: Scope, error: Exception) -> HubError:
    """What to say to a body that is no JSON: perhaps it would be, unpacked."""
    encoding = (header(scope, b"content-encoding") or b"identity").decode("latin-1").strip().lower()
    if encoding != "identity":
        return UnsupportedEncoding(encoding=encoding[:64])
    return InvalidRequest.at("", f"not JSON: {error}")


async def read_body(receive: Receive) -> bytes:
    """The whole body. Raises PayloadTooLarge as soon as it is too large, Gone when the device hangs up."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if message["type"] == "http.disconnect":
        raise Gone
    if not message.get("more_body"):
        if len(body) > BODY_BYTES_MAX:
            raise PayloadTooLarge(limit_bytes=BODY_BYTES_MAX)
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        if size > BODY_BYTES_MAX:
            raise PayloadTooLarge(limit_bytes=BODY_BYTES_MAX)
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if size > BODY_BYTES_MAX:
        raise PayloadTooLarge(limit_bytes=BODY_BYTES_MAX)
    return b"".join(parts)


async def send_answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def header(scope: Scope, name: bytes) -> bytes | None:
    """The first header of that (lower case) name."""
    for key, value in scope["headers"]:
        if key == name:
            return bytes(value)
    return None


async def hung_up(receive: Receive) -> object:
    """Return when the device is gone. What comes before that is the request's own, empty body."""
    message = await receive()
    while message["type"] != "http.disconnect":
        message = await receive()
    return message
