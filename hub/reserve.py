"""Space that is kept so that a full disk does not stop the sales: a file of zeros, given back when there is no other.

Looked at every two seconds. In this order: scraps of a repair go and the WAL is cut off; what may wait is refused
(hub/service/sparing.py) and the reserve is given back; when that is used up too, writes fail, and the writer refuses
all. When there is room again, the reserve is laid in again first.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Literal

from hub.ports import StoreError
from hub.service.hub import Core
from hub.store.journal import Journal
from hub.store.look import SCRAPS

log = logging.getLogger(__name__)

EVERY_S: Final = 2.0
# With less than this free besides the reserve, the disk counts as nearly full.
LOW_BYTES: Final = 16 * 1024 * 1024
# So much more must be free again before the reserve is taken back: else the two would take turns.
AGAIN_BYTES: Final = 16 * 1024 * 1024
MIB: Final = 1024 * 1024


class Reserve:
    """bytes 0: none is kept, and only the early refusal is left."""

    def __init__(self, folder: Path, bytes_: int) -> None:
        self._path = folder / "reserve.bin"
        self.bytes = bytes_

    @property
    def kept_bytes(self) -> int:
        with suppress(OSError):
            return self._path.stat().st_size
        return 0

    def free_bytes(self) -> int | None:
        """None when the disk does not say."""
        try:
            disk = os.statvfs(self._path.parent)
        except OSError:
            return None
        return disk.f_bavail * disk.f_frsize

    def journal_bytes(self) -> int | None:
        """What the journal takes; None when the disk does not say."""
        try:
            return sum(file.stat().st_size for file in self._path.parent.glob("journal.db*"))
        except OSError:
            return None

    def lay_in(self) -> bool:
        """Take the space. False when it cannot be had."""
        if self.kept_bytes == self.bytes:
            return True
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            return False
        try:
            os.ftruncate(handle, 0)
            try:
                os.posix_fallocate(handle, 0, max(self.bytes, 1))
            except OSError as error:
                if error.errno == errno.ENOSPC:
                    raise
                # A file system that cannot promise space: it is written, as a hole in a file keeps nothing.
                for start in range(0, self.bytes, MIB):
                    os.pwrite(handle, bytes(min(MIB, self.bytes - start)), start)
            os.ftruncate(handle, self.bytes)
            os.fsync(handle)
        except OSError as error:
            log.debug("no space can be kept in reserve: %s", error)
            self.give_back()
            return False
        finally:
            os.close(handle)
        return self.kept_bytes == self.bytes

    def give_back(self) -> bool:
        """Whether there was anything to give."""
        had = self.kept_bytes > 0
        with suppress(OSError):
            self._path.unlink()
        return had

    def make_room(self) -> None:
        """Before the journal is opened: SQLite wants some pages even for reading."""
        free = self.free_bytes()
        if free is not None and free < MIB and self.give_back():
            log.error("the disk is full: the space kept in reserve is given back")


class DiskWatch:
    """state `fine`; `low`: what may wait is refused; `full`: nothing can be written."""

    def __init__(self, reserve: Reserve, core: Core, journal: Journal) -> None:
        self._reserve = reserve
        self._core = core
        self._journal = journal

    @property
    def state(self) -> Literal["fine", "low", "full"]:
        trouble = self._core.writer.trouble
        if trouble is not None and trouble.state == "full":
            return "full"
        return "low" if self._core.writer.sparing else "fine"

    @property
    def reserve_bytes(self) -> int:
        """What is kept now."""
        return self._reserve.kept_bytes

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        """Look once, and do what has to be done."""
        reserve, writer = self._reserve, self._core.writer
        free = reserve.free_bytes()
        if free is None:
            return
        if free < LOW_BYTES or self.state == "full":
            if not writer.sparing:
                log.error("the disk is nearly full (%d MB): only orders and money are taken", free // MIB)
                writer.sparing = True
                await self._tidy()
            if reserve.give_back():
                log.error("the space kept in reserve is given back")
        elif free >= LOW_BYTES + AGAIN_BYTES + (reserve.bytes - reserve.kept_bytes):
            # In a thread: a card may take seconds for it.
            kept = reserve.kept_bytes == reserve.bytes or await asyncio.to_thread(reserve.lay_in)
            if writer.sparing and (kept or free >= 2 * reserve.bytes):
                log.warning("the disk has room again: everything is taken")
                writer.sparing = False
        elif reserve.kept_bytes < reserve.bytes and not writer.sparing:
            # It was given back before a restart: what is free now is what is left of it.
            log.error("there is no room for the space in reserve: only orders and money are taken")
            writer.sparing = True

    async def _tidy(self) -> None:
        for name in SCRAPS:
            with suppress(OSError):
                self._journal.path.with_name(name).unlink(missing_ok=True)
        if self._core.writer.trouble is None:
            with suppress(StoreError):
                await self._journal.cut_wal()

    def storage(self) -> dict[str, Any]:
        """Space on the journal's disk, and for how many days it lasts at the pace of the last days."""
        said = {"state": self.state, "reserve_bytes": self.reserve_bytes}
        free, used = self._reserve.free_bytes(), self._reserve.journal_bytes()
        if free is None or used is None:
            return {"free_bytes": 0, "journal_bytes": 0, "days_left": None, **said}
        kept = self._journal.position.seq - self._journal.first_seq + 1
        a_day = self._core.entries_a_day * (used / kept if kept > 0 else 4000)
        return {
            "free_bytes": free,
            "journal_bytes": used,
            "days_left": min(int(free / max(a_day, 1)), 9999),
            **said,
        }
