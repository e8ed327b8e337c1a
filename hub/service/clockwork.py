"""Keeps the clock: follows NTP, notices steps, and corrects the past once the right time is known (docs/time.md)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import datetime
from math import inf
from typing import Final

import msgspec
from msgspec import Struct

from hub.clock import SAME_S, Before, BoxClock
from hub.domain import entries
from hub.domain.entries import Envelope
from hub.domain.errors import HubError
from hub.domain.evolve_clock import Retimed, retimed
from hub.domain.retiming import Retiming
from hub.ports import JournalReader, Notes, StoreError
from hub.service.hub import Core

log = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 1.0
NOTE: Final = "clock"
# Written down about this often while entries come: a start looks through no more than these.
NOTE_EVERY_S: Final = 600.0
# A page takes a millisecond, and as the right time mostly comes with the cloud, orders and the replay want the same
# loop and the same disk then: they have it for two thirds of the time.
PAGE: Final = 50
PAGE_BYTES: Final = 256 * 1024
REST_S: Final = 0.002
# Entries count milliseconds: what is as near to a difference that matters is looked at one by one.
SURELY_S: Final = 0.01


class Known(Struct):
    """sure_seq: up to here every entry is right, or corrected. boot_first: the first entry of that boot.

    offset_s: by which wall and monotonic time differed, as was believed when this was written.
    """

    sure_seq: int = 0
    boot_id: str = ""
    boot_first: int = 0
    known_unix_s: float = 0.0
    offset_s: float = 0.0


class Moment(Struct, gc=False):
    """What an entry says of its time."""

    seq: int
    time: str
    bootid: str = ""
    monotonicms: str = "0"
    timetrusted: bool = False


_moment = msgspec.json.Decoder(Moment).decode


class Boot(Struct):
    """A boot's entries that are looked at. offset_s: wall less monotonic time, once it is known.

    least_s, most_s: what its entries took that for, at least and at most.
    """

    boot_id: str
    first: Moment
    last: Moment
    offset_s: float | None = None
    exact: bool = True
    least_s: float = inf
    most_s: float = -inf

    def took_for(self, offset_s: float) -> None:
        self.least_s, self.most_s = min(self.least_s, offset_s), max(self.most_s, offset_s)

    @property
    def right(self) -> bool:
        """Whether each of its entries has the right time as it stands. Nearly always: then none is read again."""
        if self.offset_s is None:
            return False
        return max(self.offset_s - self.least_s, self.most_s - self.offset_s) < SAME_S - SURELY_S


async def before_of(journal: JournalReader, notes: Notes, boot: str) -> Before:
    """What the journal remembers of the time. Raises StoreError."""
    known = await _known(notes)
    last = await journal.at(journal.position.seq) if journal.position.seq else None
    if last is None:
        return Before(known_unix_s=known.known_unix_s)
    try:
        envelope = entries.read(last.raw)
        return Before(
            unix_s=_unix(envelope),
            monotonic_ms=int(envelope.monotonicms),
            trusted=envelope.timetrusted,
            same_boot=envelope.bootid == boot,
            known_unix_s=known.known_unix_s,
        )
    except ValueError as error:
        raise StoreError(f"the last entry is damaged: {error}", damaged=True) from error


async def _known(notes: Notes) -> Known:
    raw = await notes.get(NOTE)
    try:
        return Known() if raw is None else msgspec.json.decode(raw, type=Known)
    except msgspec.MsgspecError:
        return Known()


class ClockWork:
    """boot: the id of this boot, as the entries of this life carry it."""

    def __init__(self, core: Core, notes: Notes, clock: BoxClock, *, boot: str) -> None:
        self._core = core
        self._notes = notes
        self._clock = clock
        self._boot = boot
        self._turn: int | None = None
        self._noted_s = clock.monotonic()
        self._sure_seq: int | None = None

    @property
    def unsure_entries(self) -> int:
        """How many entries are looked at when the right time comes: what was made since it was last known, at most."""
        if self._clock.trusted or self._sure_seq is None:
            return 0
        return max(0, self._core.writer.settled.seq - self._sure_seq)

    async def run(self) -> None:
        while True:
            try:
                await self.tend()
            except (StoreError, HubError) as error:
                log.warning("the times of earlier entries could not be corrected, trying again: %s", error)
            except Exception:
                log.exception("the clock could not be tended")
            await asyncio.sleep(LOOK_EVERY_S)

    async def tend(self) -> None:
        """Look once; correct what has to be. Raises StoreError or HubError: then do it again."""
        self._clock.look()
        if not self._clock.trusted:
            if self._sure_seq is None:
                self._sure_seq = (await _known(self._notes)).sure_seq
            return
        if self._turn != self._clock.turns:
            await self._correct()
        elif self._clock.monotonic() - self._noted_s >= NOTE_EVERY_S:
            known = await _known(self._notes)
            await self._note(known.boot_first, self._core.writer.settled.seq)

    async def _correct(self) -> None:
        clock, writer = self._clock, self._core.writer
        turn, offset_s = clock.turns, clock.offset_s
        # Every stamp with the wrong time is in a group by now: stamping and adding are one step.
        if (pending := writer.pending()) is not None:
            await pending.over()
        if writer.trouble is not None:
            return
        upto = writer.settled.seq
        known = await _known(self._notes)
        mine = known.boot_id == self._boot
        first = max(known.sure_seq + 1, self._core.journal.first_seq)
        boots = await self._boots(first, upto)
        told = (
            offset_s
            if mine
            else next((boot.offset_s for boot in boots if boot.boot_id == known.boot_id), None)
        )
        if told is not None and known.boot_id and abs(told - known.offset_s) > SAME_S:
            # What was believed when these were looked at was wrong itself.
            first = max(min(first, known.boot_first), self._core.journal.first_seq)
            boots = await self._boots(first, upto)
        boot_first = (
            known.boot_first
            if mine
            else next((boot.first.seq for boot in boots if boot.boot_id == self._boot), upto + 1)
        )
        await self._place(boots, first, offset_s)
        corrected = 0
        if not (self._core.state.corrections.empty and all(boot.right for boot in boots)):
            corrected = await self._retime(boots, first, upto)
        if clock.turns == turn:
            self._turn = turn
            await self._note(boot_first, upto)
        if corrected:
            log.warning("the right time is known (%s): %d entries are corrected", clock.source, corrected)

    async def _boots(self, first: int, upto: int) -> list[Boot]:
        """The boots of these entries, in order; their own clocks where they came to know the time."""
        boots: list[Boot] = []
        async for raw in self._entries(first, upto):
            moment = _moment(entries.head(raw))
            if not boots or boots[-1].boot_id != moment.bootid:
                boots.append(Boot(moment.bootid, moment, moment))
            boot = boots[-1]
            boot.last = moment
            took = _unix(moment) - _monotonic(moment)
            boot.took_for(took)
            if moment.timetrusted:
                boot.offset_s = took
        return boots

    async def _place(self, boots: list[Boot], first: int, offset_s: float) -> None:
        """Give every boot an offset: its own, ours, or one that fits between what came before and after."""
        for boot in boots:
            if boot.boot_id == self._boot:
                boot.offset_s = offset_s
        low = await self._time_before(first)
        lows = []
        for boot in boots:
            lows.append(low)
            if boot.offset_s is not None:
                low = max(low, _monotonic(boot.last) + boot.offset_s)
        high = self._clock.unix_s() - self._clock.monotonic() if not boots else offset_s
        for place in range(len(boots) - 1, -1, -1):
            boot = boots[place]
            if boot.offset_s is None:
                boot.exact = False
                # What it said of itself stands, as far as that can be.
                own = _unix(boot.last) - _monotonic(boot.last)
                own = max(own, lows[place] - _monotonic(boot.first))
                boot.offset_s = min(own, high - _monotonic(boot.last))
            # The machine was started before any of its entries was made.
            high = boot.offset_s

    async def _time_before(self, first: int) -> float:
        """When the last entry before these was made, as far as that is known."""
        entry = await self._core.journal.at(first - 1) if first > self._core.journal.first_seq else None
        if entry is None:
            return (await _known(self._notes)).known_unix_s
        envelope = entries.read(entry.raw)
        was = self._was(envelope.seq)
        return _unix(envelope) + (0 if was is None else was.shift_ms / 1000)

    async def _retime(self, boots: list[Boot], first: int, upto: int) -> int:
        """Order the corrections; how many entries they list."""
        work = Retiming(self._clock.at, self._clock.business_date)
        rest = iter(boots)
        boot = next(rest, None)
        corrected = 0
        async for raw in self._entries(first, upto):
            envelope = entries.read(raw)
            while boot is not None and envelope.seq > boot.last.seq:
                boot = next(rest, None)
            if boot is None or boot.offset_s is None:
                break
            was = self._was(envelope.seq)
            work.add(
                envelope,
                unix_s=_monotonic(envelope) + boot.offset_s,
                was_date=envelope.businessdate if was is None else was.business_date,
                was_shift_ms=0 if was is None else was.shift_ms,
                exact=boot.exact,
            )
            if work.full:
                corrected += await self._order(work, envelope.seq)
        return corrected + await self._order(work, upto)

    async def _order(self, work: Retiming, upto: int) -> int:
        command = work.take(self._clock.source, upto)
        if command is None:
            return 0
        await self._core.desk.order(command)
        return sum(one.last_seq - one.first_seq + 1 for one in command.corrections)

    def _was(self, seq: int) -> Retimed | None:
        corrections = self._core.state.corrections
        return None if corrections.empty else retimed(corrections, seq)

    async def _entries(self, first: int, upto: int) -> AsyncIterator[bytes]:
        """In pages, with a rest after each."""
        seq = first - 1
        while seq < upto:
            found = await self._core.journal.after(seq, count_max=min(PAGE, upto - seq), bytes_max=PAGE_BYTES)
            if not found:
                return
            for entry in found:
                yield entry.raw
            seq = found[-1].seq
            await asyncio.sleep(REST_S)

    async def _note(self, boot_first: int, sure_seq: int) -> None:
        self._noted_s = self._clock.monotonic()
        known = Known(sure_seq, self._boot, boot_first, self._clock.unix_s(), self._clock.offset_s)
        await self._notes.put(NOTE, msgspec.json.encode(known))
        self._sure_seq = sure_seq


def _unix(said: Moment | Envelope) -> float:
    return datetime.fromisoformat(said.time).timestamp()


def _monotonic(said: Moment | Envelope) -> float:
    return int(said.monotonicms) / 1000
