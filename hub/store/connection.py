"""Opening the database as it must be opened, and seeing that it was."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from importlib.resources import files
from pathlib import Path

import aiosqlite

from hub.ports import StoreError

# Measured (make bench, section small): a lone order of four lines writes 15 KB to the device with pages of 2 KiB, 21 KB
# with 4 KiB; sixty-four at once 9 and 12 KB each.
PAGE_BYTES = 2048
BUSY_MS = 5_000
MEMORY = "/dev/shm"  # noqa: S108 - a folder of our own is made in it
# SQLite's words for bytes that it cannot read, as against a disk that does not give them.
DAMAGED = ("SQLITE_CORRUPT", "SQLITE_NOTADB")
# And for a disk that does not do what it is asked.
DISK = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")


def store_error(error: Exception) -> StoreError:
    """SQLite's errors, mapped once."""
    name = getattr(error, "sqlite_errorname", "") or ""
    return StoreError(
        f"{name or type(error).__name__}: {error}",
        full=name.startswith("SQLITE_FULL"),
        damaged=name.startswith(DAMAGED),
        disk=name.startswith(DISK),
    )


async def open_writer(path: Path) -> aiosqlite.Connection:
    """The one connection that writes and checkpoints. Raises StoreError."""
    try:
        # Python begins no transactions of its own: a statement stands alone, or between BEGIN and COMMIT.
        db = await aiosqlite.connect(path, isolation_level=None)
    except sqlite3.Error as error:
        raise store_error(error) from error
    try:
        await db.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        await _pragma(db, "journal_mode", "WAL", "wal")
        # FULL, not NORMAL: with a WAL, NORMAL may lose the newest commits when the plug is pulled,
        # and handhelds have already been told that those orders are safe.
        await _pragma(db, "synchronous", "FULL", 2)
        # A checkpoint inside a commit would make one waiter in a thousand wait for it: Journal runs them
        # when nobody waits.
        await _pragma(db, "wal_autocheckpoint", "0", 0)
        await db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
        await db.execute("PRAGMA foreign_keys = ON")
        await _migrate(db)
    except sqlite3.Error as error:
        await close(db)
        raise store_error(error) from error
    except BaseException:
        await close(db)
        raise
    return db


async def open_reader(path: Path) -> aiosqlite.Connection:
    """A connection that only reads: it never writes and never checkpoints (the WAL-reset bug needs two that do)."""
    try:
        db = await aiosqlite.connect(f"file:{path}?mode=ro", uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise store_error(error) from error
    try:
        await db.execute("PRAGMA query_only = ON")
        await db.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    except sqlite3.Error as error:
        # Its thread would keep the program from ending.
        await close(db)
        raise store_error(error) from error
    except BaseException:
        await close(db)
        raise
    return db


async def open_still(path: Path) -> aiosqlite.Connection:
    """A reading connection on a disk that takes nothing. Raises StoreError.

    SQLite wants to make a WAL index beside the file. Where it cannot: without a WAL it needs none, and a WAL is read in
    a copy of both in the machine's memory, which goes again with the last name of its files.
    """
    try:
        db = await open_reader(path)
        if await _reads(db):
            return db
    except StoreError as error:
        if not error.disk:
            raise
    with tempfile.TemporaryDirectory(prefix="storehub-", dir=MEMORY) as folder:
        return await _opened_as(await asyncio.to_thread(_still_uri, path, Path(folder)))


def _still_uri(path: Path, folder: Path) -> str:
    wal = path.with_name(f"{path.name}-wal")
    if not wal.exists() or wal.stat().st_size == 0:
        return f"{path.resolve().as_uri()}?immutable=1"
    for name in (path, wal):
        shutil.copyfile(name, folder / name.name)
    return f"{(folder / path.name).as_uri()}?mode=rw"


async def _opened_as(uri: str) -> aiosqlite.Connection:
    try:
        db = await aiosqlite.connect(uri, uri=True, isolation_level=None)
    except sqlite3.Error as error:
        raise store_error(error) from error
    if await _reads(db):
        return db
    raise StoreError("the journal cannot be read", disk=True)


async def _reads(db: aiosqlite.Connection) -> bool:
    """Whether it can be read; it is closed when not. Raises StoreError for what is no trouble of the disk."""
    try:
        await db.execute_fetchall("SELECT count(*) FROM sqlite_schema")
        await db.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        await close(db)
        known = store_error(error)
        if known.disk:
            return False
        raise known from error
    return True


async def close(db: aiosqlite.Connection) -> None:
    """Close it to the end, also when whoever asked is cancelled: its thread would outlive the loop that it answers."""
    closing = asyncio.ensure_future(db.close())
    try:
        await asyncio.shield(closing)
    except asyncio.CancelledError:
        await asyncio.gather(closing, return_exceptions=True)
        raise


async def _pragma(db: aiosqlite.Connection, name: str, value: str, expected: object) -> None:
    """Set, and read back: a pragma that is not supported is silently ignored."""
    await db.execute(f"PRAGMA {name} = {value}")
    async with db.execute(f"PRAGMA {name}") as cursor:
        row = await cursor.fetchone()
    if row is None or row[0] != expected:
        raise StoreError(f"PRAGMA {name} is {row[0] if row else None!r}, not {expected!r}")


# A step whose file begins with this only adds: tables, indexes, columns with a default. Older programs can do without.
ADDITIVE = "-- additive"
# The note "<oldest>/<version>": the oldest version of the tables whose program may still use those of that version.
READABLE_FROM = "tables_readable_from"


async def _migrate(db: aiosqlite.Connection) -> None:
    """Bring the tables to this version's, each step in a transaction of its own (docs/adr/0007-going-back.md)."""
    async with db.execute("PRAGMA user_version") as cursor:
        row = await cursor.fetchone()
    have = int(row[0]) if row else 0
    steps = sorted(
        (step for step in files("hub.store").joinpath("migrations").iterdir() if step.name.endswith(".sql")),
        key=lambda step: step.name,
    )
    if have == len(steps):
        return
    oldest = await _readable_from(db, have)
    if have > len(steps) and oldest > len(steps):
        raise StoreError(f"the journal was written by a newer version (tables {have}, known {len(steps)})")
    for number, step in enumerate(steps, 1):
        if number > have:
            text = step.read_text(encoding="utf-8")
            oldest = oldest if text.startswith(ADDITIVE) else number
            note = (
                f"INSERT OR REPLACE INTO notes VALUES ('{READABLE_FROM}', CAST('{oldest}/{number}' AS BLOB));"  # noqa: S608 - numbers and a name of our own
            )
            await db.executescript(f"BEGIN;\n{text}\n{note}\nPRAGMA user_version = {number};\nCOMMIT;")


async def _readable_from(db: aiosqlite.Connection, have: int) -> int:
    """The oldest version that may use these tables; this one, when nothing or something else is noted of it."""
    if not have:
        return 0
    async with db.execute("SELECT value FROM notes WHERE name = ?", (READABLE_FROM,)) as cursor:
        row = await cursor.fetchone()
    oldest, _, version = bytes(row[0]).decode().partition("/") if row else ("", "", "")
    return int(oldest) if version == str(have) else have
