"""The journal as a file: read without changing anything, while the hub runs and while it does not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from hub.domain.facts import After
from hub.ports import EpochStart
from hub.store.packing import unpacked
from hub.store.queries import SQL

# What is in memory at once, and how long one read keeps a running hub from moving its WAL into the database.
PAGE_ENTRIES: Final = 1000
BUSY_MS: Final = 5000


class JournalDamaged(Exception):
    """SQLite cannot read the file; the message says what it said."""


class JournalFile:
    """Made by open_journal(). Never writes and never checkpoints."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Everything read within is of one moment. A running hub's WAL grows meanwhile, so not for hours."""
        self.db.execute("BEGIN")
        try:
            yield
        finally:
            self.db.execute("COMMIT")

    @property
    def version(self) -> int:
        return int(self.db.execute("PRAGMA user_version").fetchone()[0])

    def last(self) -> tuple[int, bytes] | None:
        row = self.db.execute(SQL["last"]).fetchone()
        return (int(row[0]), bytes(row[1])) if row else None

    def first_seq(self) -> int:
        return int(self.db.execute(SQL["first_seq"]).fetchone()[0] or 0)

    def entries(self, first: int = 1, last: int | None = None) -> Iterator[tuple[int, bytes]]:
        """Seq and bytes from first to last (None: to the end), a page at a time."""
        seq = first - 1
        while True:
            upto = seq + PAGE_ENTRIES if last is None else min(last, seq + PAGE_ENTRIES)
            page = self.db.execute(SQL["between"], (seq, upto)).fetchall()
            if not page:
                # Nothing here: the end, or a hole, which is for the caller to notice.
                row = self.db.execute("SELECT min(seq) FROM entries WHERE seq > ?", (seq,)).fetchone()
                if row[0] is None or (last is not None and row[0] > last):
                    return
                seq = int(row[0]) - 1
                continue
            for found, raw in page:
                # A damaged cell may hold anything, or nothing.
                yield int(found), raw if isinstance(raw, bytes) else b""
            seq = int(page[-1][0])
            if last is not None and seq >= last:
                return

    def epochs(self) -> list[EpochStart]:
        return [
            EpochStart(row[0], int(row[1]), After(row[2], int(row[3]), row[4]))
            for row in self.db.execute(SQL["epochs"])
        ]

    def saved(self) -> After:
        seq, epoch, digest = self.db.execute(SQL["saved"]).fetchone()
        return After(epoch, int(seq), digest)

    def note(self, name: str) -> bytes | None:
        row = self.db.execute(SQL["note"], (name,)).fetchone()
        return bytes(row[0]) if row else None

    def aggregates(self) -> Iterator[tuple[str, str, bytes]]:
        """Shelf, id and value of everything that is saved."""
        for shelf, key, value in self.db.execute(SQL["all_aggregates"]):
            yield shelf, key, unpacked(bytes(value), f"{shelf}/{key}")


@contextmanager
def open_journal(path: Path) -> Iterator[JournalFile]:
    """Raises FileNotFoundError when there is no journal, JournalDamaged when SQLite cannot read it, also within."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no journal at {path}")
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        ) as db:
            db.execute("PRAGMA query_only = ON")
            db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
            yield JournalFile(db)
    except sqlite3.Error as error:
        raise JournalDamaged(f"{path}: {getattr(error, 'sqlite_errorname', 'SQLite')}: {error}") from error
