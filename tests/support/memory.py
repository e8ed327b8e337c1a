"""The upstream's ports in memory: a journal, notes, an office, an announcer, a clock. Fakes that behave.

The journal and the notes pass the same suite as those over SQLite (tests/contract).
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_right
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from hub.domain.commands import Command, RecoverEntry
from hub.domain.entries import NO_HASH, Chain, Entry, Origin, Stamp
from hub.domain.facts import After, EntryRecovered, Fact, ForeignRecorded
from hub.ports import EpochStart


class MemoryJournal:
    """hub.ports.JournalReader, and a way to append."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._dropped = 0
        self._epochs: list[EpochStart] = []
        self._grown = asyncio.Event()

    # -- ports.JournalReader ------------------------------------------------------------------------------------

    @property
    def position(self) -> After:
        if not self._entries:
            return After("", 0, NO_HASH)
        last = self._entries[-1]
        return After(last.epoch, last.seq, last.hash)

    @property
    def first_seq(self) -> int:
        return self._dropped + 1

    def epochs(self) -> Sequence[EpochStart]:
        return self._epochs

    async def after(self, seq: int, *, count_max: int, bytes_max: int) -> list[Entry]:
        await asyncio.sleep(0)
        start = max(seq - self._dropped, 0)
        found = self._entries[start : start + count_max]
        taken: list[Entry] = []
        size = 0
        for entry in found:
            size += len(entry.raw)
            if taken and (size > bytes_max or entry.epoch != taken[0].epoch):
                break
            taken.append(entry)
        return taken

    async def at(self, seq: int) -> Entry | None:
        await asyncio.sleep(0)
        index = seq - self._dropped - 1
        return self._entries[index] if 0 <= index < len(self._entries) else None

    async def wait_beyond(self, seq: int) -> None:
        while self.position.seq <= seq:
            await self._grown.wait()

    # -- writing ------------------------------------------------------------------------------------------------

    def grow(self, group: Sequence[Entry], *, opens: EpochStart | None = None) -> None:
        if opens is not None:
            self._epochs.append(opens)
        self._entries.extend(group)
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()

    def shorten(self, seq: int) -> None:
        """Lose everything after seq, as a damaged disk does."""
        del self._entries[seq - self._dropped :]
        self._epochs = [start for start in self._epochs if start.first_seq <= seq]

    def prune(self, first_seq: int) -> None:
        """Keep entries from first_seq on."""
        del self._entries[: first_seq - self._dropped - 1]
        self._dropped = first_seq - 1
        starts = [start.first_seq for start in self._epochs]
        del self._epochs[: max(0, bisect_right(starts, first_seq) - 1)]

    @property
    def all(self) -> Sequence[Entry]:
        return self._entries


class SaleMade(Fact, frozen=True, kw_only=True):
    """As much of a sale as the day's totals need. kind: completed, voided or refunded."""

    kind: str
    total: int
    note: str = ""

    def subject(self) -> str:
        return "sales/s-1"

    def entry_type(self) -> str:
        return f"storehub.sale.{self.kind}.v1"


class Store:
    """A journal being written: epochs, facts and sales of a store that has just begun."""

    def __init__(self, journal: MemoryJournal, *, hub_id: str = "h1") -> None:
        self.journal = journal
        self._hub_id = hub_id
        self.sales_total = 0
        self._starts = 0
        self._chain: Chain
        self._clock = MemoryClock()

    def start(self, epoch: str | None = None) -> str:
        """Open an epoch with its first entry."""
        self._starts += 1
        epoch = epoch or f"{self._starts:016x}"
        after = self.journal.position
        self._chain = Chain(
            source=f"/stores/s1/hubs/{self._hub_id}",
            boot_id="b1",
            epoch=epoch,
            seq=after.seq,
            head=after.hash,
        )
        fact = ForeignRecorded(
            type="x.test.started", about=None, data=msgspec.Raw(b'{"after":%d}' % after.seq)
        )
        entry = self._entry(fact)
        self.journal.grow([entry], opens=EpochStart(epoch, entry.seq, after))
        return epoch

    def facts(
        self, count: int, *, size: int = 200, date: str = "2026-08-01", type_: str = "x.test.fact"
    ) -> None:
        data = msgspec.Raw(b'{"words":"%s"}' % (b"w" * size))
        fact = ForeignRecorded(type=type_, about=None, data=data)
        self.journal.grow([self._entry(fact, date) for _ in range(count)])

    def sale(self, total: int, *, kind: str = "completed", date: str = "2026-08-01") -> None:
        self.sales_total += total if kind == "completed" else -total
        self.journal.grow([self._entry(SaleMade(kind=kind, total=total), date)])

    def add(self, fact: Fact) -> int:
        self.journal.grow([self._entry(fact)])
        return self.journal.position.seq

    def _entry(self, fact: Fact, date: str = "2026-08-01") -> Entry:
        stamp = msgspec.structs.replace(self._clock.stamp(), business_date=date)
        return self._chain.append(fact, stamp, Origin("d1"))[0]


class MemoryNotes:
    """hub.ports.Notes. `writes` counts what would have cost a sync; `fail` is raised instead of writing."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.writes = 0
        self.fail: Exception | None = None

    async def get(self, name: str) -> bytes | None:
        await asyncio.sleep(0)
        return self.kept.get(name)

    async def put(self, name: str, value: bytes) -> None:
        await asyncio.sleep(0)
        if self.fail is not None:
            raise self.fail
        self.writes += 1
        self.kept[name] = value


class MemoryOffice:
    """hub.ports.Office: keeps what was ordered; takes lost entries back into the store's journal, once each."""

    def __init__(self, store: Store | None = None) -> None:
        self.ordered: list[Command] = []
        self._store = store
        self._back: set[tuple[str, int]] = set()
        self.refuse: list[Exception] = []

    async def order(self, command: Command, *, target: str = "") -> int:
        await asyncio.sleep(0)
        if self.refuse:
            raise self.refuse.pop(0)
        self.ordered.append(command)
        if isinstance(command, RecoverEntry) and self._store is not None:
            if (command.epoch, command.seq) in self._back:
                return 0
            self._back.add((command.epoch, command.seq))
            return self._store.add(
                EntryRecovered(
                    epoch=command.epoch,
                    seq=command.seq,
                    hash=command.hash,
                    entry=command.entry,
                    source="cloud",
                )
            )
        return 1


class MemoryAnnouncer:
    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []

    def announce(self, event: str, data: dict[str, Any]) -> None:
        self.said.append((event, data))

    def of(self, event: str) -> list[dict[str, Any]]:
        return [data for name, data in self.said if name == event]


class MemoryClock:
    """The machine's time; `trusted` and what the cloud said of it are open to tests."""

    def __init__(self) -> None:
        self.trusted = True
        self.told: list[tuple[float, str]] = []
        self.supposed_s: list[float] = []
        self.off_s = 0.0

    def stamp(self) -> Stamp:
        now = time.time() + self.off_s
        when = datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")
        return Stamp(when, now, "2026-08-01", int(time.monotonic() * 1000), self.trusted)

    def monotonic(self) -> float:
        return time.monotonic()

    def heard(self, unix_s: float, source: str) -> None:
        self.told.append((unix_s, source))

    def supposed(self, unix_s: float) -> None:
        self.supposed_s.append(unix_s)
