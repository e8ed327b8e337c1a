"""What a box says while its disk cannot even be read: alive, not ready, and why. In place of the hub, on its address.

A process that ended instead would be started again every second, and the shop would see nothing at all.
"""

from __future__ import annotations

import asyncio
import html
import json
import logging
import socket
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

HEAD_BYTES_MAX: Final = 16 * 1024
HEAD_S_MAX: Final = 5.0
AT_ONCE_MAX: Final = 50
PAGE: Final = """<!doctype html><html lang="ja"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>storehub</title><body style="font-family:sans-serif;max-width:40em;margin:2em auto;padding:0 1em">
<h1>店舗ハブのディスクを読めません / The box cannot read its disk</h1>
<p>注文と会計を受け付けられません。端末に残っている内容はそのままにして、紙で続けてください。ボックスの電源を一度切って入れ直し、
直らなければ技術者に連絡してください（storehub doctor）。数秒ごとに自動で再試行しています。</p>
<p>Orders and sales cannot be taken. Leave what is on the devices as it is and go on on paper. Switch the box off and on
once; if that does not help, call the technician (storehub doctor). It tries again by itself every few seconds.</p>
<p style="overflow-wrap:anywhere"><small>{reason}</small></p></body></html>"""


class SickDoor:
    """Answers every request with 503 and the reason, /healthz with 200. Use as an async context manager."""

    def __init__(self, listening: socket.socket, reason: str, bundle: Path | None) -> None:
        self._listening = listening
        self._reason = reason
        self._bundle = bundle
        self._server: asyncio.Server | None = None
        self._open = 0

    async def __aenter__(self) -> SickDoor:
        self._server = await asyncio.start_server(
            self._answer, sock=self._listening.dup(), ssl=self._context(), limit=HEAD_BYTES_MAX
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()

    def _context(self) -> ssl.SSLContext | None:
        """The box's own certificate, if that can be read: else it answers in clear, which devices do not believe."""
        if self._bundle is None:
            return None
        try:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._bundle)
        except OSError as error:
            log.warning("the certificate cannot be read either: %s", error)
            return None
        return context

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= AT_ONCE_MAX:
                async with asyncio.timeout(HEAD_S_MAX):
                    head = await reader.readuntil(b"\r\n\r\n")
                    writer.write(self.reply(head))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self._open -= 1
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    def reply(self, head: bytes) -> bytes:
        method, _, rest = head.partition(b" ")
        path = rest.partition(b" ")[0].partition(b"?")[0]
        if path == b"/healthz":
            return _response("200 OK", "application/json", b'{"status":"ok"}')
        if method == b"GET" and path in (b"/", b"/console"):
            body = PAGE.format(reason=html.escape(self._reason)).encode()
            return _response("503 Service Unavailable", "text/html; charset=utf-8", body)
        body = json.dumps(
            {
                "type": "https://storehub.invalid/problems/not-ready",
                "title": "The hub is not ready",
                "status": 503,
                "slug": "not-ready",
                "detail": f"The box cannot read its disk: {self._reason}. / ボックスのディスクを読めません。",
            },
            ensure_ascii=False,
        ).encode()
        return _response("503 Service Unavailable", "application/problem+json", body)


def _response(status: str, kind: str, body: bytes) -> bytes:
    return (
        f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n"
        "Retry-After: 5\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n"
    ).encode() + body
