"""Keeps the ledger in step with what the cloud has acknowledged, and saves both now and then."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from typing import Final

from hub.domain.entries import NO_HASH, Entry
from hub.domain.facts import After
from hub.ports import JournalReader, StoreError
from hub.upstream.ledger import Day, Ledger, Tally, tallies_of, tally_of
from hub.upstream.records import PROGRESS, Progress, Records

log = logging.getLogger(__name__)

# A save costs the disk a sync and some pages, and what it says can be found again from the journal and the cloud's
# cursor: so rarely on a quiet evening, and at most once a second in a replay.
SAVE_S_MIN: Final = 1.0
SAVE_S_MAX: Final = 30.0
SAVE_ENTRIES: Final = 5000
# The event loop is shared with the devices' requests: no stretch of work on it is longer than this.
SLICE_S: Final = 0.001
CATCH_UP_ENTRIES: Final = 500
CATCH_UP_BYTES: Final = 1024 * 1024


class Keeper:
    def __init__(
        self,
        *,
        journal: JournalReader,
        records: Records,
        is_hole: Callable[[str, int], bool],
        monotonic: Callable[[], float],
    ) -> None:
        self._journal = journal
        self._records = records
        self._is_hole = is_hole
        self._monotonic = monotonic
        self.progress = Progress()
        # Business days with entries that have not been compared since.
        self.changed: set[str] = set()
        self._saved_at = monotonic()
        self._saved_seq = 0

    @property
    def ledger(self) -> Ledger:
        return self.progress.ledger

    @property
    def acked(self) -> After:
        return self.progress.acked

    async def load(self) -> None:
        progress = await self._records.load(PROGRESS, Progress)
        if progress is not None:
            self.progress = progress
        at = self.ledger.at
        if at.seq > 0:
            entry = await self._journal.at(at.seq)
            if entry is None or (entry.epoch, entry.hash) != (at.epoch, at.hash):
                log.warning(
                    "the sums end at %s:%d, which this journal does not hold: adding up again",
                    at.epoch,
                    at.seq,
                )
                self.progress.ledger = Ledger()
        acked = self.acked
        if acked.seq > self._journal.position.seq:
            self.progress.acked = After("", 0, NO_HASH)
        if self.ledger.at.seq + 1 < self._journal.first_seq:
            self.progress.ledger = _from_the_middle(self._journal.first_seq - 1, self.ledger)
        self.changed.update(row.business_date for row in self.progress.rows if row.agrees is not True)
        await self.recount()
        await self._count_filled()

    async def _count_filled(self) -> None:
        """Holes that were filled after the sums were saved."""
        for seq in list(self.ledger.holes):
            entry = await self._journal.at(seq)
            if entry is None:
                self.ledger.holes.remove(seq)
            elif not self._is_hole(entry.epoch, seq):
                self.fill(entry)

    def moved(self, to: After, at: str) -> None:
        """The cloud's cursor as it is believed now; it may have gone back."""
        self.progress.acked = to
        self.progress.acked_at = at

    async def add(self, tallies: Iterable[Tally]) -> None:
        """Count acknowledged entries, if they follow what was counted; else catch_up() will."""
        ledger = self.ledger
        began = time.perf_counter()
        for tally in tallies:
            if tally.seq == ledger.at.seq + 1:
                date = ledger.add(tally, hole=self._is_hole(tally.epoch, tally.seq))
                if date is not None:
                    self.changed.add(date)
            if time.perf_counter() - began > SLICE_S:
                await asyncio.sleep(0)
                began = time.perf_counter()
        await self.recount()

    async def recount(self) -> None:
        """Count the days anew whose entries turned out to be of other days."""
        ledger = self.ledger
        while ledger.stale and ledger is self.ledger:
            stale, at, holes = list(ledger.stale), ledger.at, list(ledger.holes)
            counted = {name: Day() for name in stale}
            begin = ledger.recount_from()
            first = max(begin, self._journal.first_seq, 1)
            seq = first - 1
            while seq < at.seq:
                count = min(CATCH_UP_ENTRIES, at.seq - seq)
                found = await self._journal.after(seq, count_max=count, bytes_max=CATCH_UP_BYTES)
                if not found:
                    break
                for entry in found:
                    seq = entry.seq
                    tally = tally_of(entry)
                    if seq not in holes and (day := counted.get(ledger.date_of(tally))) is not None:
                        day.add(tally)
                await asyncio.sleep(0)
            if (stale, at, holes) != (ledger.stale, ledger.at, ledger.holes):
                continue  # A hole was filled meanwhile.
            ledger.recounted(counted, lacking_before=first if first > begin else 0)
            empty = {name for name, day in counted.items() if not day.entries}
            self.progress.rows = [row for row in self.progress.rows if row.business_date not in empty]
            self.changed.update(stale)

    async def catch_up(self, *, entries_max: int | None = None) -> bool:
        """Count what was acknowledged and not counted yet. False when entries_max was not enough."""
        first = self.ledger.at.seq
        while self.ledger.at.seq < self.acked.seq:
            at = self.ledger.at.seq
            if entries_max is not None and at - first >= entries_max:
                return False
            count = min(CATCH_UP_ENTRIES, self.acked.seq - at)
            found = await self._journal.after(at, count_max=count, bytes_max=CATCH_UP_BYTES)
            if not found:
                return True
            if found[0].seq != at + 1:
                # What was not counted in time is no longer kept: go on behind it, and compare nothing it touches.
                self.progress.ledger = _from_the_middle(found[0].seq - 1, self.ledger)
            await self.add(tallies_of(found))
            await asyncio.sleep(0)
        return True

    def fill(self, entry: Entry) -> None:
        date = self.ledger.fill(tally_of(entry))
        if date is not None:
            self.changed.add(date)
        self.changed.update(self.ledger.stale)

    async def save(self, *, now: bool = False) -> None:
        """Save if it is time. A disk that refuses is no reason to stop sending."""
        seq = self.acked.seq
        waited = self._monotonic() - self._saved_at
        due = waited >= SAVE_S_MAX or (waited >= SAVE_S_MIN and seq - self._saved_seq >= SAVE_ENTRIES)
        if seq == self._saved_seq and not now:
            return
        if not (due or now):
            return
        self._saved_at = self._monotonic()
        try:
            await self._records.save(PROGRESS, self.progress)
        except StoreError as error:
            log.warning("progress of the replay was not saved, it will be found again: %s", error)
            return
        self._saved_seq = seq


def _from_the_middle(seq: int, before: Ledger) -> Ledger:
    return Ledger(at=After("", seq, NO_HASH), whole=False, dropped=before.dropped, corrected=before.corrected)
