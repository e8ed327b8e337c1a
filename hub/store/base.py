"""What the entries from some point on need to be a whole store: the tables as of a moment, without customers' keys.

A journal that no longer begins with its first entry cannot be made again from its entries; with a base it can. Nothing
in it says more than the entries did, so it may lie where they lie in the clear.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from hub.store.connection import PAGE_BYTES, READABLE_FROM, store_error
from hub.store.mended import HOLES
from hub.store.mended import NOTE as REPAIRS
from hub.store.queries import SQL

TABLES: Final = ("epochs", "aggregates", "requests", "saved", "keys_sent")
# Named one by one: a note may be a secret, as a pairing code is. The others are made again.
NOTES: Final = (
    READABLE_FROM, REPAIRS, HOLES,
    "repair.aside", "clock", "upstream.paused", "upstream.progress", "upstream.quarantine", "upstream.lost",
    "upstream.master",
)  # fmt: skip


def write_base(journal: Path, target: Path) -> int | None:
    """Write one, as of the last save; the seq of that entry. None when the journal is empty.

    Of the entries it has the oldest alone, which says where the kept ones begin. In one read transaction while the hub
    goes on writing. Blocks: call it in a thread. Raises StoreError, OSError.
    """
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    try:
        with closing(sqlite3.connect(target, isolation_level=None, uri=True)) as db:
            db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
            # It counts when it is complete: it needs no journal of its own.
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("PRAGMA synchronous = OFF")
            db.execute("ATTACH ? AS hub", (f"{journal.resolve().as_uri()}?mode=ro",))
            db.execute("BEGIN")
            for (statement,) in db.execute(
                "SELECT sql FROM hub.sqlite_schema WHERE sql IS NOT NULL ORDER BY type = 'table' DESC, rowid"
            ).fetchall():
                db.execute(statement)
            for table in TABLES:
                db.execute(f"INSERT INTO main.{table} SELECT * FROM hub.{table}")  # noqa: S608 - our own names
            db.execute("INSERT INTO main.entries SELECT * FROM hub.entries ORDER BY seq LIMIT 1")
            marks = ", ".join("?" * len(NOTES))
            db.execute(f"INSERT INTO main.notes SELECT * FROM hub.notes WHERE name IN ({marks})", NOTES)  # noqa: S608
            version = int(db.execute("PRAGMA hub.user_version").fetchone()[0])
            db.execute(f"PRAGMA main.user_version = {version}")
            first = db.execute(SQL["first_seq"]).fetchone()[0]
            seq = int(db.execute(SQL["saved"]).fetchone()[0])
            db.execute("COMMIT")
    except sqlite3.Error as error:
        raise store_error(error) from error
    return seq if first is not None else None


def begin_at(base: Path, seq: int, raw: bytes) -> None:
    """Make a journal of it, to append to: it begins with this entry, or with its own oldest, whichever is later.

    What the tables know of entries before that is removed; the epochs that begin after it come with the entries.
    Raises StoreError.
    """
    try:
        with closing(sqlite3.connect(base, isolation_level=None)) as db:
            db.execute("BEGIN")
            first = max(seq, int(db.execute(SQL["first_seq"]).fetchone()[0]))
            if first == seq:
                db.execute("DELETE FROM entries")
                db.execute("INSERT INTO entries (seq, raw) VALUES (?, ?)", (seq, raw))
            db.execute("DELETE FROM epochs WHERE first_seq > ?", (first,))
            db.execute(SQL["drop_epochs"], (first,))
            db.execute(SQL["drop_requests"], (first,))
            db.execute("COMMIT")
    except sqlite3.Error as error:
        raise store_error(error) from error
