"""A look at a journal before anything writes to it: what SQLite would pass over without a word."""

from __future__ import annotations

import os
import sqlite3
import struct
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from hub.domain.facts import After
from hub.store.connection import DAMAGED, PAGE_BYTES
from hub.store.queries import SQL

WAL_HEAD: Final = 32
FRAME_HEAD: Final = 24
PAGE_SIZES: Final = (512, 1024, 2048, 4096, 8192)
MENDED: Final = "journal.mended.db"
MENDING: Final = "journal.mending.db"
PATCHED: Final = "journal.patched.db"
# What a repair that was cut off leaves behind.
SCRAPS: Final = (MENDING, PATCHED, f"{PATCHED}-wal", "journal.template.db")
FOLDER: Final = "damaged"
# The place of mxFrame in the WAL index: https://www.sqlite.org/walformat.html, section 2.1.
_MX_FRAME: Final = struct.Struct("@16xI")


def look(path: Path, mark: After | None) -> str:
    """What is wrong with the journal, seen without changing it; '' when nothing seems to be.

    Costs a start some milliseconds: the last entry, and what the WAL holds behind the frames that SQLite takes.
    Raises OSError.
    """
    finish(path)
    if not path.exists():
        return "the journal's file is missing" if mark is not None and mark.seq > 0 else ""
    try:
        with closing(
            sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)
        ) as db:
            row = db.execute(SQL["last"]).fetchone() if has_tables(db) else None
            taken = _frames_taken(path)
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        # A disk that does not answer is not damage: opening it says so.
        return f"{name}: {error}" if name.startswith(DAMAGED) else ""
    if taken is not None and (unread := _commits_beyond(path, taken)) > 1:
        return f"the WAL {'is' if taken else 'begins'} damaged: {unread} commits behind the damage"
    last = int(row[0]) if row else 0
    if mark is not None and mark.seq > last:
        return f"the journal ends at {last}, but it had come to {mark.seq}"
    return ""


def has_tables(db: sqlite3.Connection) -> bool:
    return bool(db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'entries'").fetchone())


def _frames_taken(path: Path) -> int | None:
    """How many frames of the WAL SQLite believed, while it has it open; None when there is no WAL index."""
    try:
        with path.with_name(path.name + "-shm").open("rb") as file:
            return int(_MX_FRAME.unpack(file.read(_MX_FRAME.size))[0])
    except (OSError, struct.error):
        return None


def _commits_beyond(path: Path, taken: int) -> int:
    """Commits in the WAL behind the frames that SQLite takes, written after the WAL last began anew.

    One may be a commit that the power cut off. A second was begun after the first had been synced: that one was whole.
    """
    try:
        with path.with_name(path.name + "-wal").open("rb") as file:
            head = file.read(WAL_HEAD)
            if len(head) < WAL_HEAD:
                return 0
            step = FRAME_HEAD + int.from_bytes(head[8:12], "big")
            if step - FRAME_HEAD not in PAGE_SIZES:
                step = FRAME_HEAD + PAGE_BYTES
            found, at, salt = 0, WAL_HEAD + taken * step, head[16:24]
            while file.seek(at) is not None and len(frame := file.read(FRAME_HEAD)) == FRAME_HEAD:
                if taken == 0 and at == WAL_HEAD:
                    salt = frame[8:16]
                found += frame[8:16] == salt and frame[4:8] != bytes(4)
                at += step
            return found
    except FileNotFoundError:
        return 0


def finish(path: Path) -> None:
    """A repair that was cut off: end it when the new journal was complete, else forget it. Raises OSError."""
    made = path.with_name(MENDED)
    if not made.exists():
        return
    if path.exists():
        drop(made)
        return
    folders = sorted((path.parent / FOLDER).iterdir(), key=lambda one: one.stat().st_mtime_ns)
    swap(path, folders[-1])


def swap(path: Path, folder: Path) -> None:
    """The damaged files go aside, the complete new one takes their place. The database goes first: see finish()."""
    for suffix in ("", "-wal"):
        with suppress(FileNotFoundError):
            os.replace(path.with_name(path.name + suffix), folder / (path.name + suffix))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    sync(folder)
    os.replace(path.with_name(MENDED), path)
    sync(path.parent)


def drop(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
