"""Saves the state beside the journal now and then, and the filter of answered requests: a start then reads little."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import Final

from hub.domain.facts import After
from hub.domain.report_sums import DayReport
from hub.domain.state import State
from hub.ports import Clock, JournalWriter, StateKeeper, StoreError
from hub.service.cold import Cold
from hub.service.reports import Reports
from hub.service.requests import Requests
from hub.service.writer import Writer

log = logging.getLogger(__name__)

# The state is saved after this many entries: a start reads no more than about so many again.
UNSAVED_MAX: Final = 4096
# A quiet store saves what it has after this long. Each save writes some dozen pages, however few orders came, and a
# check that opens and ends between two saves is written once (python -m bench.wear). A start reads what is not saved:
# some hundred entries of an hour, a few milliseconds.
SAVE_QUIET_S: Final = 3600.0
FILTER_PAGE: Final = 2000
# The filter of answered requests (2 MiB) is kept after so many more: a start adds no more than about these.
FILTER_EVERY: Final = 16_384
FILTER_AT_STOP: Final = 2_048
FILTER_NOTE: Final = "request_filter"


class Saver:
    """`seq`: the state's tables hold everything up to this entry."""

    def __init__(
        self,
        *,
        state: State,
        journal: JournalWriter,
        keeper: StateKeeper,
        requests: Requests,
        reports: Reports,
        clock: Clock,
        seq: int,
    ) -> None:
        self.seq = seq
        self._state = state
        self._journal = journal
        self._keeper = keeper
        self._requests = requests
        self._reports = reports
        self._clock = clock
        self._turn = asyncio.Lock()
        self._last = time.monotonic()
        # Requests saved since the filter was kept.
        self._unkept = 0

    async def save(self, writer: Writer) -> None:
        """Save the state as of the last committed entry. Raises StoreError."""
        async with self._turn:
            reports = await self._reports.unsaved(self._keeper.report)
            # Not the journal's position: after a failed commit it may know of entries that the state has not seen.
            position, unsaved = writer.settled, writer.unsaved
            await self._save(position, reports)
            writer.unsaved -= unsaved
            await self._keep_filter(FILTER_EVERY)

    async def save_as_read(self, position: After) -> None:
        """Save a state that was read up to this entry, while nothing is committed. Raises StoreError."""
        async with self._turn:
            await self._save(position, await self._reports.unsaved(self._keeper.report))
            await self._keep_filter(FILTER_EVERY)

    async def _save(self, position: After, reports: list[DayReport]) -> None:
        # No pause before the keeper has taken what is to be written.
        requests = self._requests.unsaved()
        self._reports.saved(reports)
        try:
            await self._keeper.save(
                self._state,
                requests=requests,
                reports=reports,
                position=position,
                today=self._clock.stamp().business_date,
            )
        except BaseException:
            self._reports.not_saved(reports)
            raise
        self._requests.saved(requests)
        self._reports.forget_old()
        self.seq = position.seq
        self._last = time.monotonic()
        self._unkept += len(requests)

    async def run(self, writer: Writer, cold: Cold) -> None:
        """Save now and then, and move the WAL into the database. Ends by being cancelled."""
        quiet_at = self._journal.position.seq
        while True:
            await asyncio.sleep(0.05 if writer.unsaved else 0.5)
            seq = self._journal.position.seq
            # A commit that a slow card holds is no rest: whoever orders next would wait for the WAL's syncs as well.
            idle, quiet_at = seq == quiet_at and writer.pending() is None, seq
            late = time.monotonic() - self._last > SAVE_QUIET_S
            cold.let_go()
            try:
                if writer.unsaved >= UNSAVED_MAX or (writer.unsaved and late):
                    await self.save(writer)
                await self._journal.checkpoint(idle=idle)
            except StoreError as error:
                log.warning("the state could not be saved: %s", error)
                await asyncio.sleep(1.0)
            except Exception:
                # A start would read the whole journal again if this task ended with its first defect.
                log.exception("the state could not be saved")
                await asyncio.sleep(1.0)

    async def stop(self, writer: Writer) -> None:
        """The last save of a run. Raises StoreError."""
        await self.save(writer)
        await self._keep_filter(FILTER_AT_STOP)

    # -- the filter of answered requests --------------------------------------------------------------------------

    async def load_filter(self) -> bool:
        """Take the kept filter over and add the requests saved since; False when there is none that can be used."""
        seq = self._requests.filter.load(await self._journal.get(FILTER_NOTE))
        if seq is None:
            return False
        await self.fill_filter(seq, pause_s=0)
        return True

    async def fill_filter(self, after: int = 0, *, pause_s: float = 0.002) -> None:
        """Read the saved requests in pages, giving way to everything else in between."""
        place = (-1, after)
        while True:
            try:
                page = await self._keeper.requests_after(*place, limit=FILTER_PAGE)
            except StoreError as error:
                log.warning("the saved requests could not be read, trying again: %s", error)
                await asyncio.sleep(1.0)
                continue
            if not page:
                break
            for number, _ in page:
                self._requests.filter.add(number)
            place = page[-1]
            await asyncio.sleep(pause_s)
        self._requests.filter.complete = True

    async def _keep_filter(self, every: int) -> None:
        if self._unkept >= every and self._requests.filter.complete:
            await self._journal.put(FILTER_NOTE, self._requests.filter.dump(self.seq))
            self._unkept = 0
