"""The data directory: who this hub is, who may use the directory, where its files lie."""

from __future__ import annotations

import fcntl
import os
import secrets
from pathlib import Path

import msgspec
from msgspec import Struct


class DataDirError(Exception):
    """The directory cannot be used; the message says why."""


class Identity(Struct, frozen=True):
    """hub_id and store key belong to the store and move with it to another box; box names this machine."""

    hub_id: str
    box: str
    store_key: str


class DataDir:
    """Private to the hub's user. Holds a lock as long as it is open, so that two hubs never write one journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = path / "journal.db"
        self.highwater = path / "highwater.json"
        self.control = path / "control.sock"
        self.tls = path / "tls"
        self._lock: int | None = None

    def lock(self) -> bool:
        """Make the directory if need be and take it. False when another process has it. Raises DataDirError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirError(f"the data directory {self.path} cannot be used: {error}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def identity(self, hub_id: str | None) -> Identity:
        """Who this hub is: made at the first start and kept. Raises DataDirError when hub_id is another's."""
        path = self.path / "identity.json"
        try:
            kept = msgspec.json.decode(path.read_bytes(), type=Identity)
        except FileNotFoundError:
            kept = Identity(
                hub_id or f"hub-{secrets.token_hex(8)}", secrets.token_hex(4), secrets.token_hex(32)
            )
            self._write_once(path, msgspec.json.encode(kept))
        except (OSError, msgspec.DecodeError) as error:
            raise DataDirError(f"{path} cannot be read: {error}") from error
        if hub_id is not None and hub_id != kept.hub_id:
            raise DataDirError(f"{self.path} holds the journal of hub {kept.hub_id}, not of {hub_id}")
        return kept

    def _write_once(self, path: Path, content: bytes) -> None:
        draft = path.with_suffix(".new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(draft, path)
        folder = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
