"""Asking what may be a hub: nothing is trusted on the way, the answer proves itself or not."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import Final
from urllib.parse import urlsplit

ANSWER_BYTES_MAX: Final = 64 * 1024


class WrongAnswer(ValueError):
    """It answered, but not with 200, or with too much. The message is the status, if there was one."""


def context() -> ssl.SSLContext:
    """For connections whose certificate is not looked at."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    blind.set_alpn_protocols(["http/1.1"])
    return blind


async def get(url: str) -> bytes:
    """The body of an answer 200 of at most 64 KiB. Raises OSError, WrongAnswer; ends by the caller's time-out."""
    parts = urlsplit(url)
    tls = context() if parts.scheme == "https" else None
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    reader, writer = await asyncio.open_connection(
        parts.hostname or "", parts.port or (443 if tls else 80), ssl=tls
    )
    try:
        # HTTP/1.0: the answer comes in one piece and the connection ends with it.
        writer.write(f"GET {target} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
        answer = bytearray()
        while len(answer) <= ANSWER_BYTES_MAX and (part := await reader.read(ANSWER_BYTES_MAX)):
            answer += part
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    if status != [b"200"] or len(answer) > ANSWER_BYTES_MAX:
        raise WrongAnswer(b"".join(status).decode("ascii", "replace"))
    return body
