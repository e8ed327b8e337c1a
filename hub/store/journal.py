"""The journal on disk: append with one commit, read after a cursor, wait for more."""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final

import aiosqlite

from hub.domain import entries
from hub.domain.entries import NO_HASH, Entry
from hub.domain.facts import After
from hub.ports import EpochStart, StoreError
from hub.store.connection import (
    BUSY_MS,
    PAGE_BYTES,
    close,
    open_reader,
    open_still,
    open_writer,
    store_error,
)
from hub.store.queries import SQL

# Followers that are up to date (the live feed) read from memory. Sized for some seconds of the busiest evening.
RECENT_MAX: Final = 1024
# Rows a query of the journal gives back at once.
READ_ROWS: Final = 256
# The WAL is moved into the database when nobody waits, or at the latest at this size: a start reads all of it, and
# commits wait meanwhile. With 16 MiB at once they did so for 47 ms, and the slowest orders of 64 clients with them.
WAL_BYTES_MAX: Final = 4 * 1024 * 1024
WAL_BYTES_IDLE: Final = 1024 * 1024

# aiosqlite's words for a connection that was closed, or never opened, are a ValueError.
ERRORS: Final = (sqlite3.Error, ValueError)


class Journal:
    """One writing connection, one reading connection. Implements ports.JournalReader and ports.Notes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._writer: aiosqlite.Connection
        self._reader: aiosqlite.Connection
        self._recent: deque[Entry] = deque(maxlen=RECENT_MAX)
        self._epochs: list[EpochStart] = []
        self._position = After("", 0, NO_HASH)
        self._first_seq = 1
        self._grown = asyncio.Event()
        # About what the WAL holds that the database does not.
        self._unmoved_bytes = 0
        # What was read and cannot be right, as it was seen first: for whoever can repair it.
        self.damage = ""
        self.damaged = asyncio.Event()
        self.known_damage: set[str] = set()
        # One transaction at a time on the writing connection.
        self._turn = asyncio.Lock()

    async def __aenter__(self) -> Journal:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def open(self, *, patient: bool = False) -> None:
        """Open and find the last entry. Raises StoreError.

        patient: on a disk that takes nothing now only for reading; writing fails until reopen() succeeds.
        """
        open_it = open_reader
        try:
            self._writer = await open_writer(self.path)
        except StoreError as error:
            if not (patient and error.disk and self.path.exists()):
                raise
            # Never opened: whatever is asked of it fails.
            self._writer, open_it = aiosqlite.connect(self.path), open_still
        try:
            self._reader = await open_it(self.path)
        except BaseException:
            await close(self._writer)
            raise
        try:
            await self._find_end()
        except BaseException:
            await self.close()
            raise
        # What a life before left there: a box that is cut off again and again would read a longer WAL each time.
        with suppress(OSError):
            self._unmoved_bytes = self.path.with_name(f"{self.path.name}-wal").stat().st_size

    async def read_epochs(self) -> None:
        """Again, after entries were put into the journal's middle. Raises StoreError."""
        self._epochs = [
            EpochStart(str(row[0]), int(row[1]), After(str(row[2]), int(row[3]), str(row[4])))
            for row in await self.rows("epochs")
        ]

    async def _find_end(self) -> None:
        self._recent.clear()
        await self.read_epochs()
        last = await self.rows("last")
        if last:
            raw = bytes(last[0][1])
            self._position = After(self.epoch_of(int(last[0][0])), int(last[0][0]), entries.hash_of(raw))
        first = await self.rows("first_seq")
        self._first_seq = int(first[0][0] or 1)

    async def close(self) -> None:
        try:
            await close(self._reader)
        finally:
            await close(self._writer)

    async def reopen(self) -> None:
        """After a failed commit: see what is really there, and make it durable before anything is built on it.

        Frames whose sync failed may stand in the page cache only; the truncating checkpoint writes and
        syncs them anew or fails.
        """
        async with self._turn:
            with suppress(*ERRORS):
                await close(self._writer)
            self._writer = await open_writer(self.path)
            # The old reader goes last. Without any connection SQLite would have to make its shared memory anew, which
            # a full disk refuses: then nothing could be read either, though nothing is wrong with it.
            reader, self._reader = self._reader, await open_reader(self.path)
            with suppress(*ERRORS):
                await close(reader)
            try:
                async with self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)") as cursor:
                    row = await cursor.fetchone()
            except ERRORS as error:
                raise store_error(error) from error
            if row is None or row[0] != 0:
                raise StoreError("the WAL could not be moved into the database")
            # Only now: followers may send what they see.
            await self._find_end()
            self._wake()

    # -- writing ------------------------------------------------------------------------------------------------

    async def append(self, group: Sequence[Entry], *, opens: EpochStart | None = None) -> None:
        """Commit the entries; when this returns they are on stable storage.

        Raises StoreError when the commit failed: whether they are kept is then unknown until reopen().
        """
        group_of = _packed(group)
        async with self._turn:
            try:
                if opens is None:
                    await self._writer.execute(SQL["append"], group_of)
                else:
                    await self._append_epoch(opens, group_of)
            except ERRORS as error:
                await self._roll_back()
                raise store_error(error) from error
        self._unmoved_bytes += sum(len(entry.raw) for entry in group) + PAGE_BYTES
        if opens is not None:
            self._epochs.append(opens)
        self.publish(group)

    async def _append_epoch(self, opens: EpochStart, group: dict[str, object]) -> None:
        after = opens.after
        await self._writer.execute("BEGIN IMMEDIATE")
        await self._writer.execute(
            SQL["open_epoch"], (opens.first_seq, opens.epoch, after.epoch, after.seq, after.hash)
        )
        await self._writer.execute(SQL["append"], group)
        await self._writer.execute("COMMIT")

    def publish(self, group: Sequence[Entry]) -> None:
        """Let followers see entries that are on disk."""
        last = group[-1]
        self._recent.extend(group)
        self._position = After(last.epoch, last.seq, last.hash)
        self._wake()

    def _wake(self) -> None:
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    async def _roll_back(self) -> None:
        with suppress(*ERRORS):
            await self._writer.execute("ROLLBACK")

    async def transact(self, work: Iterable[tuple[str, Sequence[Sequence[object]]]]) -> None:
        """Run named statements, each over many rows, in one transaction.

        Raises StoreError, and then nothing is done.
        """
        async with self._turn:
            try:
                await self._writer.execute("BEGIN IMMEDIATE")
                for name, rows in work:
                    await self._writer.executemany(SQL[name], rows)
                    self._unmoved_bytes += PAGE_BYTES * len(rows)
                await self._writer.execute("COMMIT")
            except ERRORS as error:
                await self._roll_back()
                raise store_error(error) from error
            except asyncio.CancelledError:
                # What was begun must not ride in the next one's commit.
                await self._roll_back()
                raise

    async def shred(self, name: str, rows: Sequence[Sequence[object]]) -> None:
        """Run a deleting statement so that what was deleted stands nowhere in the file. Raises StoreError.

        Older copies of its page in the WAL are cut off with it; while a long reader (a backup) holds them, that waits
        until the WAL begins anew.
        """
        async with self._turn:
            try:
                await self._writer.execute("PRAGMA secure_delete = ON")
                await self._writer.execute("BEGIN IMMEDIATE")
                await self._writer.executemany(SQL[name], rows)
                await self._writer.execute("COMMIT")
                # Without waiting: orders stand behind this.
                await self._writer.execute("PRAGMA busy_timeout = 0")
                await self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except ERRORS as error:
                await self._roll_back()
                raise store_error(error) from error
            finally:
                with suppress(*ERRORS):
                    await self._writer.execute("PRAGMA secure_delete = OFF")
                    await self._writer.execute(f"PRAGMA busy_timeout = {BUSY_MS}")

    async def remove_before(self, seq: int) -> None:
        """Forget entries, and the requests they answered, before seq. Only for entries that the cloud has."""
        await self.transact(
            [("drop_entries", [(seq,)]), ("drop_requests", [(seq,)]), ("drop_epochs", [(seq,)])]
        )
        self._first_seq = seq
        while len(self._epochs) > 1 and self._epochs[1].first_seq <= seq:
            self._epochs.pop(0)

    async def cut_wal(self) -> None:
        """Move all of the WAL into the database and give its space back. Raises StoreError."""
        async with self._turn:
            try:
                await self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except ERRORS as error:
                raise store_error(error) from error

    async def checkpoint(self, *, idle: bool) -> None:
        """Move the WAL into the database when it is worth it.

        Only ever on the writing connection. Raises StoreError.
        """
        if self._unmoved_bytes < (WAL_BYTES_IDLE if idle else WAL_BYTES_MAX):
            return
        async with self._turn:
            try:
                async with self._writer.execute("PRAGMA wal_checkpoint(PASSIVE)") as cursor:
                    row = await cursor.fetchone()
            except ERRORS as error:
                raise store_error(error) from error
        # A reader in an old transaction may have kept some of it back: then the next round does.
        if row is not None and row[1] == row[2]:
            self._unmoved_bytes = 0

    # -- reading ------------------------------------------------------------------------------------------------

    @property
    def position(self) -> After:
        return self._position

    @property
    def first_seq(self) -> int:
        return self._first_seq

    def epochs(self) -> Sequence[EpochStart]:
        return self._epochs

    def epoch_of(self, seq: int) -> str:
        """The epoch that the entry at seq belongs to; '' before the first."""
        return next((start.epoch for start in reversed(self._epochs) if start.first_seq <= seq), "")

    async def after(self, seq: int, *, count_max: int, bytes_max: int) -> list[Entry]:
        last = self._position.seq
        seq = max(seq, self._first_seq - 1)
        if seq >= last:
            return []
        recent = self._recent
        if recent and recent[0].seq <= seq + 1:
            start = seq + 1 - recent[0].seq
            found = [recent[i] for i in range(start, min(start + count_max, len(recent)))]
        else:
            epoch_end = next((e.first_seq - 1 for e in self._epochs if e.first_seq > seq + 1), last)
            epoch = self.epoch_of(seq + 1)
            found = []
            until, size = min(seq + count_max, epoch_end, last), 0
            # Page by page: a thousand facts of 32 KB are not taken to memory for the first few of them.
            while seq < until and size <= bytes_max:
                rows = await self.rows("between", (seq, min(seq + READ_ROWS, until)))
                found += [Entry(int(row[0]), epoch, row[1]) for row in rows]
                size += sum(len(row[1]) for row in rows)
                seq += READ_ROWS
        taken: list[Entry] = []
        size = 0
        for entry in found:
            size += len(entry.raw)
            if taken and (size > bytes_max or entry.epoch != taken[0].epoch):
                break
            taken.append(entry)
        return taken

    async def at(self, seq: int) -> Entry | None:
        if seq > self._position.seq:
            return None
        rows = await self.rows("entry", (seq,))
        if not rows:
            return None
        return Entry(seq, self.epoch_of(seq), bytes(rows[0][0]))

    async def wait_beyond(self, seq: int) -> None:
        while self._position.seq <= seq:
            await self._grown.wait()

    async def rows(self, name: str, parameters: Sequence[object] = ()) -> list[sqlite3.Row]:
        """All rows of a named query, on the reading connection. Raises StoreError."""
        try:
            return list(await self._reader.execute_fetchall(SQL[name], parameters))
        except ERRORS as error:
            seen = store_error(error)
            if seen.damaged:
                self.tell_damage(str(seen))
            raise seen from error

    def tell_damage(self, what: str) -> None:
        """Something read from this journal is not what was written."""
        if not self.damage and what not in self.known_damage:
            self.damage = what
            self.damaged.set()

    # -- notes --------------------------------------------------------------------------------------------------

    async def get(self, name: str) -> bytes | None:
        rows = await self.rows("note", (name,))
        return bytes(rows[0][0]) if rows else None

    async def put(self, name: str, value: bytes) -> None:
        await self.transact([("put_note", [(name, value)])])

    async def alive(self) -> None:
        """Return when the writing connection's thread answers: it does not when a sync hangs."""
        async with self._turn:
            await self._writer.execute("SELECT 1")


def _packed(group: Sequence[Entry]) -> dict[str, object]:
    """The parameters of the `append` statement."""
    spans = []
    start = 1
    for entry in group:
        size = len(entry.raw)
        spans.append(f"[{start},{size}]")
        start += size
    return {
        "first_seq": group[0].seq,
        "raw": b"".join([entry.raw for entry in group]),
        "spans": f"[{','.join(spans)}]",
    }


def check_chain(found: Iterable[Entry], *, after: str) -> Entry | None:
    """The first entry that does not follow the one before it (`after`: the hash before the first); None when all do."""
    previous = after
    for entry in found:
        envelope = entries.read(entry.raw)
        if envelope.prevhash != previous or envelope.seq != entry.seq:
            return entry
        previous = entry.hash
    return None
