"""The embedded store: one SQLite file, one writing connection, readers beside it."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Final, TypeVar

from cloud.errors import SetupError, StoreUnavailable
from cloud.model import EntryRow, Hub, HubId
from cloud.store import keys, queries
from cloud.store.ports import Row, Session, to_hub

T = TypeVar("T")

_SCHEMA_VERSION: Final = 3
# Entries are about 1.8 KB: on pages of 4 KB a quarter of each page stays empty, and is written all the same.
_PAGE_BYTES: Final = 8192
# Rows a statement inserts. Python's sqlite3 lets go of the interpreter lock at every step and has to win it
# back from the thread that verifies the next batch, 5 ms at worst: so a batch is a few steps, not one a row.
_INSERT_ROWS: Final = (256, 64, 16, 4, 1)
_COLUMNS: Final = 7
# How much may gather in the WAL before it is copied into the database, between answers.
_CHECKPOINT_BYTES: Final = 24 * 1024 * 1024
_BUSY_TIMEOUT_MS: Final = 10_000


class SqliteDatabase:
    """Several processes may use one file at the same time: the service, and the command line beside it."""

    writers = 1
    readers = 2

    def __init__(self, path: Path, *, checkpoints: bool) -> None:
        """Open the file, or make it. `checkpoints`: copy the WAL back, as only the service does."""
        self._path = path
        self._checkpoints = checkpoints
        self._queries = queries.load()
        self._writing = threading.Lock()
        self._reading = threading.local()
        self._all_readers: list[sqlite3.Connection] = []
        self._wal_bytes = _CHECKPOINT_BYTES  # A WAL left by the last process counts as full.
        try:
            self._lock_file = os.open(f"{path}-lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            with self._alone():
                self._writer = self._connect()
                self._migrate()
        except (OSError, sqlite3.Error) as error:
            raise SetupError(f"cannot open the database {path}: {error}") from error

    def write(self, job: Callable[[Session], T]) -> T:
        with self._writing, _database_errors(), self._alone():
            session = _SqliteSession(self._writer, self._queries)
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                value = job(session)
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
            self._wal_bytes += session.bytes_written
            return value

    def read(self, job: Callable[[Session], T]) -> T:
        with _database_errors():
            connection: sqlite3.Connection | None = getattr(self._reading, "connection", None)
            if connection is None:
                connection = self._reading.connection = self._connect()
                connection.execute("PRAGMA query_only = 1")
                self._all_readers.append(connection)
            connection.execute("BEGIN")
            try:
                return job(_SqliteSession(connection, self._queries))
            finally:
                connection.execute("ROLLBACK")

    def tidy(self) -> bool:
        if not self._checkpoints or self._wal_bytes < _CHECKPOINT_BYTES:
            return False
        with self._writing, _database_errors(), self._alone():
            self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
            self._wal_bytes = 0
        return True

    def close(self) -> None:
        # The last one to close copies the WAL back too, so that is done alone as well.
        with self._writing, self._alone():
            for connection in (*self._all_readers, self._writer):
                connection.close()
        os.close(self._lock_file)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other process from writing and checkpointing.

        SQLite 3.7.0 to 3.51.2 (Debian 12 has 3.40.1) may corrupt a database when one connection writes at the
        moment in which another one checkpoints ("WAL-reset bug"). SQLite's own locks allow it, this does not.
        """
        fcntl.flock(self._lock_file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock_file, fcntl.LOCK_UN)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        for pragma in (
            f"busy_timeout = {_BUSY_TIMEOUT_MS}",
            f"page_size = {_PAGE_BYTES}",
            "journal_mode = WAL",
            # FULL, not NORMAL: what the cloud has acknowledged, hub and devices may forget.
            "synchronous = FULL",
            # Never inside a commit, and never by the command line: see tidy and _alone.
            "wal_autocheckpoint = 0",
            "foreign_keys = 1",
            # A customer's key that was destroyed is not to be read from the file any more.
            "secure_delete = 1",
            "cache_size = -16384",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        read_back = [
            connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous")
        ]
        if read_back != ["wal", 2]:
            connection.close()
            raise SetupError(f"{self._path} does not take WAL with synchronous=FULL, but {read_back}")
        return connection

    def _migrate(self) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        if 0 <= version < _SCHEMA_VERSION:
            steps = queries.steps("schema.sqlite.sql", after=version, upto=_SCHEMA_VERSION)
            self._writer.executescript(
                f"BEGIN IMMEDIATE; {steps} PRAGMA user_version = {_SCHEMA_VERSION}; COMMIT;"
            )
        elif version != _SCHEMA_VERSION:
            raise SetupError(f"{self._path} has schema {version}; this program knows {_SCHEMA_VERSION}")


class _SqliteSession:
    def __init__(self, connection: sqlite3.Connection, queries: dict[str, str]) -> None:
        self._connection = connection
        self._queries = queries
        self.bytes_written = 4 * _PAGE_BYTES

    def rows(self, name: str, /, **values: object) -> list[Row]:
        return self._connection.execute(self._queries[name], values).fetchall()

    def one(self, name: str, /, **values: object) -> Row | None:
        rows = self.rows(name, **values)
        return rows[0] if rows else None

    def run(self, name: str, /, **values: object) -> int:
        return self._connection.execute(self._queries[name], values).rowcount

    def lock_hub(self, hub_id: HubId) -> Hub | None:
        # BEGIN IMMEDIATE has already locked everybody out.
        row = self.one("hub", hub_id=hub_id)
        return to_hub(row) if row else None

    def add_entries(self, hub: Hub, epoch_num: int, rows: Sequence[EntryRow]) -> None:
        base = keys.key(hub, 0)
        at = 0
        for count in _INSERT_ROWS:
            while len(rows) - at >= count:
                values = chain.from_iterable(
                    (base | seq, epoch_num, digest, day, sale, amount, body)
                    for seq, digest, day, sale, amount, body in rows[at : at + count]
                )
                self._connection.execute(_insert(count), tuple(values))
                at += count
        self.bytes_written += sum(len(row.body) + 80 for row in rows)

    def add_items(self, items: Sequence[tuple[str, str, str, int, str | None]]) -> None:
        self._connection.executemany(
            "INSERT OR REPLACE INTO items (store_id, kind, id, version, value) VALUES (?, ?, ?, ?, ?)", items
        )
        self.bytes_written += 400 * len(items)


def _insert(count: int) -> str:
    row = f"({', '.join('?' * _COLUMNS)})"
    return (
        f"INSERT INTO entries (key, epoch, hash, day, sale, amount, body) VALUES {', '.join([row] * count)}"  # noqa: S608
    )


@contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except sqlite3.IntegrityError:
        # Not the disk's fault but a broken promise of ours: let it be seen as a bug.
        raise
    except (sqlite3.Error, OSError) as error:
        raise StoreUnavailable(f"SQLite: {error}") from error
