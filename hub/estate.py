"""What belongs to the store and goes to another box of it: who the hub is, its secrets, its settings, its journal."""

from __future__ import annotations

import asyncio
import hmac
from pathlib import Path
from typing import Any, Final

import msgspec

from hub.datadir import DataDir, Identity
from hub.settings import Settings
from hub.store.journal import Journal
from hub.store.snapshot import snapshot

# The settings that are the store's and not the machine's.
OF_STORE: Final = (
    "store_id", "store_name", "timezone", "day_change_time", "currency", "day_close", "day_close_wait_minutes",
)  # fmt: skip
TLS_FILES: Final = ("ca.pem", "ca.key")


class Estate:
    """Implements ports.Estate."""

    def __init__(self, settings: Settings, data: DataDir, journal: Journal, identity: Identity) -> None:
        self._settings = settings
        self._data = data
        self._journal = journal
        self._identity = identity

    def secrets(self) -> dict[str, Any]:
        """What makes another box this store's. Raises OSError."""
        known = self._identity
        files = {name: self._data.tls / name for name in TLS_FILES}
        return {
            "hub_id": known.hub_id,
            "store_key": known.store_key,
            "term": known.term,
            "box": known.box,
            "tls": {name: path.read_text("ascii") for name, path in files.items() if path.exists()},
            "customers_key": self._customers_key(),
            "store": {name: getattr(self._settings, name) for name in OF_STORE},
        }

    async def keys(self, ids: list[str]) -> dict[str, Any]:
        """The keys of those customers who have one, wrapped, and what they are wrapped with. Raises StoreError."""
        rows = await self._journal.rows("keys_of", (msgspec.json.encode(ids).decode(),))
        return {
            "keys": {str(row[0]): bytes(row[1]).hex() for row in rows},
            "customers_key": self._customers_key(),
        }

    async def base(self) -> Path:
        """A copy of the journal's file as of now, for the caller to delete. Raises OSError, sqlite3.Error."""
        target = self._data.path / ".base.db"
        await asyncio.to_thread(snapshot, self._data.journal, target)
        return target

    def proof(self, challenge: str, role: str) -> str:
        """What only a box of this store can say: that it has this term and role."""
        known = self._identity
        said = f"storehub-term-1:{challenge}:{known.hub_id}:{known.box}:{known.term}:{role}"
        return hmac.digest(bytes.fromhex(known.store_key), said.encode(), "sha256").hex()

    def note_peer(self, url: str) -> None:
        """Remember where a standby can be reached: after a power cut it may be the store. Raises OSError."""
        self._data.note_peer(url)

    def _customers_key(self) -> str | None:
        secret = self._data.customers_secret(False)
        return None if secret is None else secret.hex()
