"""What follows the journal, kept before an update and put back after one that failed.

    python -m hub.update.tables keep DATA FILE      while the hub runs
    python -m hub.update.tables restore DATA FILE   while none runs

Only tables that are made from the entries are put back: the state, the answered requests, and how far they had come.
Entries, epochs, notes and customers' keys stay as they are, so what was accepted meanwhile is kept, and the old version
makes its state of it as after a power cut (docs/update.md).
"""

from __future__ import annotations

import os
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

from hub.datadir import DataDir, DataDirError
from hub.released import sync_folder

# As they stand in hub/store/migrations.
DERIVED: Final = ("aggregates", "requests", "saved")
# Made from the answered requests alone, in a form that is a version's own affair.
DERIVED_NOTES: Final = ("request_filter",)


class TablesError(Exception):
    """The tables cannot be kept or put back; the message says why."""


def keep(data: Path, target: Path) -> int:
    """Copy the derived tables as of one moment; the entry they are as of. Raises TablesError, OSError."""
    draft = target.with_suffix(".new")
    draft.unlink(missing_ok=True)
    journal = (data / "journal.db").resolve()
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.close(handle)
    try:
        with closing(sqlite3.connect(draft, isolation_level=None, uri=True)) as db:
            # The copy is made anew at every update and synced at its end: it needs no journal of its own.
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("ATTACH ? AS hub", (f"{journal.as_uri()}?mode=ro",))
            db.execute("BEGIN")
            for table in DERIVED:
                row = db.execute("SELECT sql FROM hub.sqlite_master WHERE name = ?", (table,)).fetchone()
                if row is None:
                    raise TablesError(f"the journal has no table {table}")
                db.execute(row[0])
                # A table's own name stands in the statement that made it: nothing else gets in here.
                db.execute(f"INSERT INTO main.{table} SELECT * FROM hub.{table}")  # noqa: S608
            seq = int(db.execute("SELECT seq FROM main.saved").fetchone()[0])
            db.execute("COMMIT")
        _sync(draft)
        os.replace(draft, target)
        sync_folder(target.parent)
    except sqlite3.Error as error:
        raise TablesError(f"the tables cannot be copied: {error}") from error
    finally:
        draft.unlink(missing_ok=True)
    return seq


def restore(data: Path, source: Path) -> int:
    """Put the derived tables back; the entry they are as of. Doing it again changes nothing. Raises TablesError."""
    folder = DataDir(data)
    if not source.is_file():
        raise TablesError(f"{source} is not there: nothing was kept before the update")
    try:
        if not folder.lock():
            raise TablesError(f"a hub runs in {data}: stop it first")
    except DataDirError as error:
        raise TablesError(str(error)) from error
    try:
        with closing(sqlite3.connect(folder.journal, isolation_level=None, uri=True)) as db:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA wal_autocheckpoint = 0")
            db.execute("ATTACH ? AS kept", (f"{source.resolve().as_uri()}?mode=ro",))
            seq = int(db.execute("SELECT seq FROM kept.saved").fetchone()[0])
            first = int(db.execute("SELECT ifnull(min(seq), 1) FROM entries").fetchone()[0])
            if first > seq + 1:
                raise TablesError(
                    f"entries up to {first - 1} were removed since, and the tables were kept as of entry {seq}"
                )
            db.execute("BEGIN IMMEDIATE")
            for table in DERIVED:
                columns = ", ".join(row[1] for row in db.execute(f"PRAGMA kept.table_info({table})"))
                # Columns that a newer version added stay, with their defaults.
                db.execute(f"DELETE FROM main.{table}")  # noqa: S608
                db.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM kept.{table}")  # noqa: S608
            db.executemany("DELETE FROM main.notes WHERE name = ?", [(name,) for name in DERIVED_NOTES])
            db.execute("COMMIT")
            return seq
    except sqlite3.Error as error:
        raise TablesError(f"the tables cannot be put back: {error}") from error
    finally:
        folder.unlock()


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def main(arguments: list[str]) -> int:
    what, data, file = arguments
    try:
        print({"keep": keep, "restore": restore}[what](Path(data), Path(file)))
    except (TablesError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
