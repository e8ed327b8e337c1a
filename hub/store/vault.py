"""A key for each customer, outside the journal: sealing, opening, and destroying (ports.KeyKeeper).

AES-256-GCM throughout. A customer's key is wrapped with the store's own, which lies in a file beside the database;
the customer's id is bound in, so that neither a key nor a sealed person can pass for another's.
"""

from __future__ import annotations

import asyncio
import hmac
import os
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from hub.ports import StoreError
from hub.store.journal import Journal

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES: Final = 12
KEY_BYTES: Final = 32


class Key:
    """One customer's. Lives for one request; nothing here is ever logged."""

    __slots__ = ("_about", "_cipher", "_raw")

    def __init__(self, customer_id: str, raw: bytes, cipher: Callable[[bytes], AESGCM]) -> None:
        self._raw = raw
        self._cipher = cipher(raw)
        self._about = customer_id.encode()

    def seal(self, clear: bytes) -> str:
        nonce = os.urandom(NONCE_BYTES)
        return b64encode(nonce + self._cipher.encrypt(nonce, clear, self._about)).decode()

    def open(self, sealed: str) -> bytes:
        """Raises ValueError for what was not sealed with this key, for this customer."""
        from cryptography.exceptions import InvalidTag

        try:
            raw = b64decode(sealed)
            return self._cipher.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], self._about)
        except InvalidTag as error:
            raise ValueError("not sealed with this key") from error

    def digest(self, content: bytes) -> str:
        """What tells two requests about this customer apart, and says nothing once the key is destroyed."""
        return hmac.digest(self._raw, content, "sha256").hex()[:32]


class Vault:
    """secret(make) is the store's own key; None when there is none and none is to be made."""

    def __init__(self, journal: Journal, secret: Callable[[bool], bytes | None]) -> None:
        self._journal = journal
        self._secret = secret
        self._wrapping: AESGCM | None = None
        # Keys were made or destroyed: whoever hands them on looks. How often, for who counts them.
        self.changed = asyncio.Event()
        self.changes = 0

    async def keys(self, ids: Sequence[str]) -> dict[str, Key]:
        """The keys of those who have one. Raises StoreError when they cannot be unwrapped."""
        rows = await self._journal.rows("keys_of", (msgspec.json.encode(ids).decode(),))
        if not rows:
            return {}
        wrapping = self._wrapper(make=False)
        return {str(row[0]): self._unwrapped(wrapping, str(row[0]), bytes(row[1])) for row in rows}

    async def make(self, ids: Sequence[str]) -> dict[str, Key]:
        """New keys, on stable storage when this returns. Raises StoreError."""
        if not ids:
            return {}
        # A new store key beside keys wrapped with a lost one would hide that they are lost.
        wrapping = self._wrapper(make=not await self._journal.rows("any_key"))
        made = {one: os.urandom(KEY_BYTES) for one in ids}
        await self._journal.transact(
            [("put_key", [(one, _wrapped(wrapping, one, raw)) for one, raw in made.items()])]
        )
        self._tell()
        # Another may have made it in the meantime: what stands in the table counts.
        return await self.keys(ids)

    async def destroy(self, ids: Sequence[str]) -> None:
        """Gone from the database's file when this returns. Raises StoreError."""
        if ids:
            await self._journal.shred("drop_key", [(one,) for one in ids])
            self._tell()

    def _tell(self) -> None:
        self.changes += 1
        self.changed.set()

    def opens(self, customer_id: str, wrapped: bytes) -> bool:
        """Whether the store's key opens this one. Raises StoreError when that key is not here."""
        wrapping = self._wrapper(make=False)
        try:
            self._unwrapped(wrapping, customer_id, wrapped)
        except (StoreError, ValueError):
            return False
        return True

    def _wrapper(self, *, make: bool) -> AESGCM:
        if self._wrapping is None:
            try:
                raw = self._secret(make)
            except (OSError, ValueError) as error:
                raise StoreError(f"customers.key cannot be read: {error}") from error
            if raw is None:
                raise StoreError(
                    "customers.key is missing: restore it from a backup, or customers stay unreadable"
                )
            self._wrapping = _cipher(raw)
        return self._wrapping

    @staticmethod
    def _unwrapped(wrapping: AESGCM, customer_id: str, wrapped: bytes) -> Key:
        from cryptography.exceptions import InvalidTag

        try:
            raw = wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], customer_id.encode())
        except InvalidTag as error:
            raise StoreError(
                "customers.key is not the one that this store's customers were sealed with"
            ) from error
        return Key(customer_id, raw, _cipher)


def _cipher(raw: bytes) -> AESGCM:
    # Loads OpenSSL's bindings: only once there is a customer.
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    return AESGCM(raw)


def _wrapped(wrapping: AESGCM, customer_id: str, raw: bytes) -> bytes:
    nonce = os.urandom(NONCE_BYTES)
    return nonce + wrapping.encrypt(nonce, raw, customer_id.encode())


def opened_by(secret: bytes, wrapped: Mapping[str, bytes]) -> bool:
    """Whether the store's key opens these. For `storehub verify`."""
    wrapping = _cipher(secret)
    try:
        for customer_id, raw in wrapped.items():
            Vault._unwrapped(wrapping, customer_id, raw)
    except StoreError:
        return False
    return True
