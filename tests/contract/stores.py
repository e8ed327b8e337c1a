"""The two stores behind one handle, and entries to put on them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from hub.domain.entries import NO_HASH, Chain, Entry, Origin
from hub.domain.facts import After, ForeignRecorded
from hub.ports import EpochStart
from hub.store.statestore import StateStore
from tests.support.core import FaultyJournal, TestClock
from tests.support.disk import Disk, DiskJournal, DiskKeeper


class Store:
    """`journal` and `keeper` of the present opening. reopened(): the same disk, after a restart of the program."""

    def __init__(self, make: Callable[[], tuple[Any, Any]]) -> None:
        self._make = make
        self.journal: Any
        self.keeper: Any
        self._clock = TestClock()

    async def open(self) -> None:
        self.journal, self.keeper = self._make()
        await self.journal.open()

    async def close(self) -> None:
        await self.journal.close()

    async def reopened(self) -> None:
        await self.close()
        await self.open()

    # -- entries ------------------------------------------------------------------------------------------------

    def opening(self, epoch: str) -> EpochStart:
        after = self.journal.position
        return EpochStart(epoch, after.seq + 1, after)

    def made(self, count: int, *, epoch: str | None = None, size: int = 10) -> list[Entry]:
        """Entries that follow the journal's last one."""
        after: After = self.journal.position
        chain = Chain(
            source="/s", boot_id="b", epoch=epoch or after.epoch, seq=after.seq, head=after.hash or NO_HASH
        )
        fact = ForeignRecorded(type="x.t.fact", about=None, data=msgspec.Raw(b'"%b"' % (b"w" * size)))
        return [chain.append(fact, self._clock.stamp(), Origin("d1"))[0] for _ in range(count)]

    async def begin(self, epoch: str = "e" * 16, count: int = 1, **more: Any) -> list[Entry]:
        """Open an epoch with `count` entries."""
        group = self.made(count, epoch=epoch, **more)
        await self.journal.append(group, opens=self.opening(epoch))
        return group

    async def grow(self, count: int = 1, **more: Any) -> list[Entry]:
        group = self.made(count, **more)
        await self.journal.append(group)
        return group


def memory() -> Store:
    disk = Disk()

    def make() -> tuple[Any, Any]:
        journal = DiskJournal(disk)
        return journal, DiskKeeper(journal)

    return Store(make)


def sqlite(path: Path) -> Store:
    def make() -> tuple[Any, Any]:
        journal = FaultyJournal(path)
        return journal, StateStore(journal)

    return Store(make)
