"""The data directory: who this hub is, who may use the directory, where its files lie."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import time
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec
from msgspec import Struct
from msgspec.structs import replace

T = TypeVar("T")
Role = Literal["primary", "standby", "superseded"]
PEERS_MAX: Final = 4

IDENTITY_COPY = "identity.copy.json"


class DataDirError(Exception):
    """The directory cannot be used; the message says why."""


class Identity(Struct, frozen=True):
    """hub_id and store key belong to the store and move with it to another box; box names this machine.

    term: each box that takes the store over has a higher one than the box before it.
    """

    hub_id: str
    box: str
    store_key: str
    term: int = 1


class Primary(Struct, frozen=True):
    """Whom a standby follows, and with which token. store: the settings that belong to the store."""

    url: str
    fingerprint: str
    token: str
    device_id: str
    box: str
    store: dict[str, Any]


class Successor(Struct, frozen=True):
    """The box that has taken this one's place, and how that became known."""

    box: str
    term: int
    at: str
    via: Literal["lan", "cloud"]


def next_term(known: int) -> int:
    """Higher than the known one, and by the clock: so also two boxes that were made from one backup differ."""
    return max(known + 1, int(time.time()))


class _Checked(Struct, frozen=True):
    sha256: str
    identity: Identity


class DataDir:
    """Private to the hub's user. Holds a lock as long as it is open, so that two hubs never write one journal."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.journal = path / "journal.db"
        self.highwater = path / "highwater.json"
        self.control = path / "control.sock"
        self.tls = path / "tls"
        self.customers_key = path / "customers.key"
        # What the console shows while the box is not set up: {"code", "url"}.
        self.setup_note = path / "setup.json"
        self.standby = path / "standby.json"
        self.superseded = path / "superseded.json"
        self.store = path / "store.json"
        self.peers = path / "peers.json"
        self._lock: int | None = None

    def lock(self) -> bool:
        """Make the directory if need be and take it. False when another process has it. Raises DataDirError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = self._open_lock()
        except OSError as error:
            raise DataDirError(f"the data directory {self.path} cannot be used: {error}") from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(handle)
            return False
        self._lock = handle
        return True

    def _open_lock(self) -> int:
        try:
            return os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.ENOSPC, errno.EIO):
                raise
        # A disk that takes nothing can still be read, by one process.
        try:
            return os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def free(self) -> bool:
        """Whether no process has the directory now. Raises DataDirError."""
        if not self.lock():
            return False
        self.unlock()
        return True

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def known_identity(self) -> Identity | None:
        """Who this hub is, if it was ever started. Raises DataDirError when that cannot be read."""
        path = self.path / "identity.json"
        copy = self._identity_copy()
        if copy is not None:
            # Its checksum says that it is right; of the other file nothing does.
            return copy
        try:
            return msgspec.json.decode(path.read_bytes(), type=Identity)
        except FileNotFoundError:
            return None
        except (OSError, msgspec.DecodeError) as error:
            raise DataDirError(f"{path} cannot be read: {error}") from error

    def identity(self, hub_id: str | None) -> Identity:
        """Who this hub is: made at the first start and kept. Raises DataDirError when hub_id is another's."""
        kept = self.known_identity()
        if kept is None:
            kept = Identity(
                hub_id or f"hub-{secrets.token_hex(8)}", secrets.token_hex(4), secrets.token_hex(32)
            )
        self.keep_identity(kept)
        if hub_id is not None and hub_id != kept.hub_id:
            raise DataDirError(f"{self.path} holds the journal of hub {kept.hub_id}, not of {hub_id}")
        return kept

    def keep_identity(self, identity: Identity) -> None:
        """Write who this hub is, twice, where it is not so already. A disk that takes nothing is no reason to stop."""
        content = msgspec.json.encode(identity)
        copy = _Checked(sha256(content).hexdigest(), identity)
        for path, wanted in (
            (self.path / "identity.json", content),
            (self.path / IDENTITY_COPY, msgspec.json.encode(copy)),
        ):
            try:
                if path.read_bytes() == wanted:
                    continue
            except OSError:
                pass
            try:
                self._write_once(path, wanted)
            except OSError:
                if self.known_identity() != identity:
                    raise

    def set_identity_aside(self) -> None:
        """Keep what cannot be read, so that a new one can be written. Raises OSError."""
        path = self.path / "identity.json"
        if path.exists():
            os.replace(path, self.path / "identity.damaged.json")

    def _identity_copy(self) -> Identity | None:
        try:
            found = msgspec.json.decode((self.path / IDENTITY_COPY).read_bytes(), type=_Checked)
        except (OSError, msgspec.MsgspecError):
            return None
        right = sha256(msgspec.json.encode(found.identity)).hexdigest() == found.sha256
        return found.identity if right else None

    def customers_secret(self, make: bool) -> bytes | None:
        """The key that customers' keys are wrapped with; None when there is none and none is to be made.

        Raises OSError, ValueError when the file is no key.
        """
        try:
            raw = bytes.fromhex(self.customers_key.read_text("ascii"))
        except FileNotFoundError:
            if not make:
                return None
            raw = secrets.token_bytes(32)
            self._write_once(self.customers_key, raw.hex().encode())
        if len(raw) != 32:
            raise ValueError(f"{self.customers_key} is no key")
        return raw

    def recovery_key(self, *, make: bool) -> str | None:
        """What the secrets on a second medium are sealed with; None when there is none and none is to be made.

        Raises OSError.
        """
        from hub.mirror.secrets import new_recovery_key

        path = self.path / "recovery.key"
        if not path.exists():
            if not make:
                return None
            self._write_once(path, new_recovery_key().encode())
        return path.read_text("ascii")

    def keep_customers_secret(self, raw: bytes) -> None:
        """The key that came from another box of the store; one that is here already stays. Raises OSError."""
        if not self.customers_key.exists():
            self._write_once(self.customers_key, raw.hex().encode())

    # -- the first start after a restore --------------------------------------------------------------------------

    def begin_restored(self, box: Identity, reason: str = "restore") -> None:
        """Say that this directory was filled from a copy: the next start must not go on as if nothing had been."""
        (self.path / IDENTITY_COPY).unlink(missing_ok=True)
        self.keep_identity(replace(box, term=next_term(box.term)))
        self._write_once(self._restored, msgspec.json.encode({"reason": reason}))

    @property
    def start_reason(self) -> str:
        """start, or what this directory was made by: restore, replace, promote."""
        try:
            return str(msgspec.json.decode(self._restored.read_bytes())["reason"])
        except FileNotFoundError:
            return "start"
        except (OSError, msgspec.DecodeError, TypeError, KeyError):
            # It is there: then whatever it says, numbers must not go on as if nothing had been.
            return "restore"

    def started(self) -> None:
        """The start is in the journal now, with its reason."""
        self._restored.unlink(missing_ok=True)

    @property
    def _restored(self) -> Path:
        return self.path / "restored.json"

    def adopt(self, box: Identity, *, tls: Mapping[str, str], customers_key: str | None) -> None:
        """Become a box of the store whose identity and secrets these are. Raises OSError."""
        self.tls.mkdir(mode=0o700, exist_ok=True)
        for name, content in tls.items():
            self._write_once(self.tls / Path(name).name, content.encode("ascii"))
        if customers_key:
            self.keep_customers_secret(bytes.fromhex(customers_key))
        self.keep_identity(box)

    # -- primary, standby, superseded ---------------------------------------------------------------------------------

    @property
    def role(self) -> Role:
        """What this box is to the store, from one start to the next."""
        if self.superseded.exists():
            return "superseded"
        return "standby" if self.standby.exists() else "primary"

    def primary(self) -> Primary:
        """Whom this standby follows. Raises DataDirError."""
        return self._read(self.standby, Primary)

    def successor(self) -> Successor:
        """Who has taken this box's place. Raises DataDirError."""
        return self._read(self.superseded, Successor)

    def supersede(self, by: Successor) -> None:
        """From now on, over restarts: this box is not the store any more."""
        self._write_once(self.superseded, msgspec.json.encode(by))

    def follow(self, primary: Primary) -> None:
        """Be this primary's standby. The last step of joining."""
        self._write_once(self.standby, msgspec.json.encode(primary))

    def promote(self) -> None:
        """Be the primary from the next start on. A crash half way leaves a standby, which can be promoted again."""
        known = self.known_identity()
        if known is None:
            raise DataDirError(f"there is no hub in {self.path}")
        self.keep_store_settings(self.primary().store)
        self.begin_restored(known, "promote")
        self.standby.unlink()
        self._sync()

    def store_settings(self) -> dict[str, Any]:
        """The settings that came with the store, from the box that was it before; {} on its first box.

        Raises DataDirError.
        """
        if self.role == "standby":
            return self.primary().store
        return self._read(self.store, dict) if self.store.exists() else {}

    def keep_store_settings(self, values: Mapping[str, Any]) -> None:
        """The settings that belong to the store, from the box that was it before. Raises OSError."""
        self._write_once(self.store, msgspec.json.encode(values))

    def known_peers(self) -> list[str]:
        """Addresses of boxes that may have taken over: those of the standbys there were."""
        try:
            return msgspec.json.decode(self.peers.read_bytes(), type=list[str])
        except (OSError, msgspec.MsgspecError):
            return []

    def note_peer(self, url: str) -> None:
        known = self.known_peers()
        if url not in known:
            self._write_once(self.peers, msgspec.json.encode([url, *known][:PEERS_MAX]))

    @staticmethod
    def _read(path: Path, kind: type[T]) -> T:
        try:
            return msgspec.json.decode(path.read_bytes(), type=kind)
        except (OSError, msgspec.MsgspecError) as error:
            raise DataDirError(f"{path} cannot be read: {error}") from error

    def _write_once(self, path: Path, content: bytes) -> None:
        draft = path.with_suffix(".new")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, content)
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(draft, path)
        self._sync()

    def _sync(self) -> None:
        folder = os.open(self.path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
