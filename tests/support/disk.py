"""A disk in memory, and the hub's store on it: what is committed stays there, and commits fail as a test asks.

The journal and the keeper pass the same suite as those over SQLite (tests/contract).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from hub.domain.entries import NO_HASH, Entry
from hub.domain.facts import After
from hub.domain.report_sums import DayReport
from hub.domain.state import State
from hub.ports import EpochStart, StoreError
from hub.store.statestore import SHELVES, aged
from tests.support.memory import MemoryJournal

# lost: the commit failed and nothing is there. kept: it failed, and yet everything is there. full: no space.
Fault = Literal["ok", "lost", "kept", "full"]


@dataclass
class Disk:
    """What survives the hub's death."""

    entries: list[Entry] = field(default_factory=list)
    dropped: int = 0
    epochs: list[EpochStart] = field(default_factory=list)
    notes: dict[str, bytes] = field(default_factory=dict)
    aggregates: dict[tuple[str, str], tuple[bool, str | None, bytes]] = field(default_factory=dict)
    reports: dict[str, bytes] = field(default_factory=dict)
    requests: set[tuple[int, int]] = field(default_factory=set)
    saved: After = field(default_factory=lambda: After("", 0, NO_HASH))


async def _at_once() -> None:
    await asyncio.sleep(0)


class DiskJournal(MemoryJournal):
    """ports.JournalWriter and ports.Notes over a Disk.

    faults: what happens to the next commits. reopen_faults, other_faults: True lets the next reopen, or the next
    transaction that is no commit of entries, fail. gate: commits wait for it. sync: how long the disk takes.
    """

    def __init__(self, disk: Disk, *, sync: Callable[[], Awaitable[None]] = _at_once) -> None:
        super().__init__()
        self.disk = disk
        self.faults: deque[Fault] = deque()
        self.reopen_faults: deque[bool] = deque()
        self.other_faults: deque[bool] = deque()
        self.gate = asyncio.Event()
        self.gate.set()
        self.appends = 0
        self._sync = sync
        self._doubtful = False
        self._read()

    def _read(self) -> None:
        self._entries = list(self.disk.entries)
        self._epochs = list(self.disk.epochs)
        self._dropped = self.disk.dropped
        if self._entries:
            self._dropped = self._entries[0].seq - 1

    async def open(self) -> None:
        self._read()

    async def close(self) -> None:
        """Nothing is held open."""

    async def append(self, group: Sequence[Entry], *, opens: EpochStart | None = None) -> None:
        self.appends += 1
        await self.gate.wait()
        await self._sync()
        if self._doubtful:
            raise StoreError("a commit failed: reopen first")
        if group[0].seq != self.position.seq + 1:
            raise StoreError(f"entry {group[0].seq} is there already, or leaves a gap")
        fault = self.faults.popleft() if self.faults else "ok"
        if fault in ("ok", "kept"):
            self._write(group, opens)
        if fault != "ok":
            self._doubtful = True
            raise StoreError(f"made to fail: {fault}", full=fault == "full")
        self.grow(group, opens=opens)

    def _write(self, group: Sequence[Entry], opens: EpochStart | None) -> None:
        if opens is not None:
            self.disk.epochs.append(opens)
        self.disk.entries.extend(group)

    def check_disk(self) -> None:
        """Raises StoreError when a transaction fails."""
        if self._doubtful or (self.other_faults and self.other_faults.popleft()):
            raise StoreError("made to fail: another transaction")

    async def reopen(self) -> None:
        await self._sync()
        if self.reopen_faults and self.reopen_faults.popleft():
            raise StoreError("made to fail: reopen")
        self._doubtful = False
        self._read()
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    async def remove_before(self, seq: int) -> None:
        await self._sync()
        self.check_disk()
        self.prune(seq)
        self.disk.entries, self.disk.epochs, self.disk.dropped = (
            list(self._entries),
            list(self._epochs),
            self._dropped,
        )
        self.disk.requests = {(number, at) for number, at in self.disk.requests if at >= seq}

    async def checkpoint(self, *, idle: bool) -> None:
        """There is no WAL."""

    async def get(self, name: str) -> bytes | None:
        await asyncio.sleep(0)
        return self.disk.notes.get(name)

    async def put(self, name: str, value: bytes) -> None:
        await self._sync()
        self.check_disk()
        self.disk.notes[name] = value


class DiskKeeper:
    """ports.StateKeeper over the same Disk. Values go through their bytes, as they do on a real one."""

    def __init__(self, journal: DiskJournal) -> None:
        self._journal = journal
        self._disk = journal.disk

    async def load(self, state: State) -> After:
        await asyncio.sleep(0)
        shelves = {shelf.name: shelf for shelf in state.shelves()}
        for (name, key), (live, _, raw) in self._disk.aggregates.items():
            if live:
                shelves[name].load(key, _decoded(name, raw))
        return self._disk.saved

    async def fetch(self, state: State, shelf: str, keys: Sequence[str]) -> None:
        await asyncio.sleep(0)
        for key in keys:
            found = self._disk.aggregates.get((shelf, key))
            if found is not None:
                getattr(state, shelf).load(key, _decoded(shelf, found[2]))

    async def save(
        self,
        state: State,
        *,
        requests: Sequence[tuple[int, int]],
        reports: Sequence[DayReport],
        position: After,
        today: str,
    ) -> None:
        puts: dict[tuple[str, str], tuple[bool, str | None, bytes]] = {}
        drops: list[tuple[str, str]] = []
        written: list[tuple[Any, set[str]]] = []
        days = {report.business_date: msgspec.json.encode(report) for report in reports}
        for shelf in state.shelves():
            kept = SHELVES[shelf.name]
            keys, shelf.dirty = shelf.dirty | aged(shelf, today), set()
            written.append((shelf, keys))
            for key in keys:
                value = shelf.committed.get(key)
                if value is None:
                    drops.append((shelf.name, key))
                else:
                    puts[shelf.name, key] = (
                        kept.live(value, today),
                        kept.day(value),
                        msgspec.json.encode(value),
                    )
        try:
            await self._journal._sync()
            self._journal.check_disk()
        except BaseException:
            for shelf, keys in written:
                shelf.dirty |= keys
            raise
        self._disk.aggregates.update(puts)
        for place in drops:
            self._disk.aggregates.pop(place, None)
        self._disk.reports.update(days)
        self._disk.requests.update(requests)
        self._disk.saved = position
        for shelf, keys in written:
            for key in keys:
                value = shelf.committed.get(key)
                if value is not None and not SHELVES[shelf.name].live(value, today):
                    shelf.forget(key)

    async def reports(self) -> tuple[list[str], list[DayReport]]:
        days = sorted(self._disk.reports, reverse=True)
        newest = [await self.report(day) for day in days[:3]]
        return days, [report for report in newest if report is not None]

    async def report(self, date: str) -> DayReport | None:
        await asyncio.sleep(0)
        raw = self._disk.reports.get(date)
        return None if raw is None else msgspec.json.decode(raw, type=DayReport)

    async def read_many(self, shelf: str, keys: Sequence[str]) -> list[Any]:
        await asyncio.sleep(0)
        found = (self._disk.aggregates.get((shelf, key)) for key in keys)
        return [_decoded(shelf, row[2]) for row in found if row is not None]

    async def of_shelf(self, shelf: str, *, after: str, limit: int) -> list[Any]:
        await asyncio.sleep(0)
        keys = sorted(key for name, key in self._disk.aggregates if name == shelf and key > after)
        return [_decoded(shelf, self._disk.aggregates[shelf, key][2]) for key in keys[:limit]]

    async def requests_of(self, fingerprint: int) -> list[int]:
        await asyncio.sleep(0)
        return sorted(seq for number, seq in self._disk.requests if number == fingerprint)

    async def requests_after(self, fingerprint: int, seq: int, *, limit: int) -> list[tuple[int, int]]:
        await asyncio.sleep(0)
        return sorted(pair for pair in self._disk.requests if pair > (fingerprint, seq))[:limit]


def _decoded(shelf: str, raw: bytes) -> Any:
    return msgspec.json.decode(raw, type=SHELVES[shelf].type)
