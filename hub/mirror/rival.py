"""Has another box taken this store over? Asked of an address, and proved by the store's own key."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import secrets
import ssl
from collections.abc import Iterable
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

ANSWER_BYTES_MAX: Final = 64 * 1024
TIMEOUT_S: Final = 1.0


class Rival(Struct, frozen=True):
    """Another box of this very store that answers; the store's key vouches for it."""

    url: str
    box: str
    role: str
    term: int


class _Said(Struct):
    id: str
    box: str
    role: str
    term: int = 0
    proof: str = ""


class Rivals:
    """key: the store's. box: this one, which is no rival of itself."""

    def __init__(self, *, hub_id: str, box: str, key: bytes) -> None:
        self._hub_id = hub_id
        self._box = box
        self._key = key

    async def first(self, urls: Iterable[str], *, timeout_s: float = TIMEOUT_S) -> list[Rival]:
        """The other boxes of this store that answer as its primary at these addresses, the highest term first."""
        found = await asyncio.gather(*(self._at(url, timeout_s) for url in dict.fromkeys(urls)))
        rivals = [rival for rival in found if rival is not None and rival.role == "primary"]
        return sorted(rivals, key=lambda rival: -rival.term)

    async def _at(self, url: str, timeout_s: float) -> Rival | None:
        challenge = secrets.token_hex(16)
        try:
            async with asyncio.timeout(timeout_s):
                body = await get(f"{url}/.well-known/storehub?challenge={challenge}")
            said = msgspec.json.decode(body, type=_Said)
        except (OSError, TimeoutError, ValueError, EOFError):
            return None
        if said.id != self._hub_id or said.box == self._box:
            return None
        words = f"storehub-term-1:{challenge}:{said.id}:{said.box}:{said.term}:{said.role}"
        proof = hmac.digest(self._key, words.encode(), "sha256").hex()
        # Anybody on the LAN can claim anything; only a box of this store has its key.
        if not hmac.compare_digest(proof.encode(), said.proof.encode()):
            return None
        return Rival(url, said.box, said.role, said.term)


async def get(url: str) -> bytes:
    """The body of an answer 200. Nothing is trusted on the way. Raises OSError, ValueError."""
    parts = urlsplit(url)
    tls: Any = None
    if parts.scheme == "https":
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        tls.check_hostname = False
        tls.verify_mode = ssl.CERT_NONE
    host = parts.hostname or ""
    reader, writer = await asyncio.open_connection(host, parts.port or (443 if tls else 80), ssl=tls)
    try:
        # HTTP/1.0: the answer comes in one piece and the connection ends with it.
        writer.write(f"GET {parts.path}?{parts.query} HTTP/1.0\r\nHost: {parts.netloc}\r\n\r\n".encode())
        answer = bytearray()
        while len(answer) <= ANSWER_BYTES_MAX and (part := await reader.read(ANSWER_BYTES_MAX)):
            answer += part
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    head, _, body = bytes(answer).partition(b"\r\n\r\n")
    if head.split(b" ", 2)[1:2] != [b"200"] or len(answer) > ANSWER_BYTES_MAX:
        raise ValueError("no answer of a hub")
    return body
