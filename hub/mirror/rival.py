"""Has another box taken this store over? Asked of an address, and proved by the store's own key."""

from __future__ import annotations

import asyncio
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from hub.unverified import get

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
