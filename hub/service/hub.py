"""The hub without its doors: journal, state and writer, started and stopped as one."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime
from string import digits
from typing import Final
from zlib import crc32

import msgspec
from msgspec import Struct

from hub.domain import entries
from hub.domain.entries import Chain, Entry, Envelope, Origin
from hub.domain.errors import HubError
from hub.domain.evolve import fact_of, meta_of
from hub.domain.evolve_clock import retimed
from hub.domain.evolve_things import shifted
from hub.domain.facts import After, Fact, HubStarted
from hub.domain.needs import fact_needs
from hub.domain.state import Meta, State
from hub.ports import Clock, EpochStart, JournalWriter, KeyKeeper, StateKeeper, StoreError
from hub.service.cold import Cold
from hub.service.copies import Copies
from hub.service.customers import Customers
from hub.service.desk import HUB, Desk
from hub.service.reports import Reports
from hub.service.requests import Requests
from hub.service.saving import UNSAVED_MAX, Saver
from hub.service.sealing import Sealing
from hub.service.writer import Trouble, Writer, apply

log = logging.getLogger(__name__)

# Tables that are made again from the whole journal are saved on the way: what has ended need not stay in memory.
TAIL_MAX: Final = 3 * UNSAVED_MAX
# Starts that know how far the journal had come.
SAME_SERIES: Final = ("start", "repair")
# Check numbers that are left out when it is not known which were given: more than a store opens while a copy lags.
CHECK_NO_GAP: Final = 100


class Identity(Struct, frozen=True):
    """hub_id belongs to the store and moves to a new box; box names the machine."""

    hub_id: str
    store_id: str
    store_name: str
    box: str
    version: str

    @property
    def source(self) -> str:
        return f"/stores/{self.store_id}/hubs/{self.hub_id}"


class Behind(Struct, frozen=True):
    """A witness knows of entries that this journal does not have."""

    witness: str
    epoch: str
    seq: int


class Core:
    """Everything between a request and the disk."""

    def __init__(
        self,
        *,
        identity: Identity,
        journal: JournalWriter,
        keeper: StateKeeper,
        clock: Clock,
        mint: Callable[[], str],
        online: Callable[[], bool],
        unsent: Callable[[], int] = int,
        on_committed: Callable[[Sequence[tuple[Fact, Meta]]], None] = lambda facts: None,
        keys: KeyKeeper | None = None,
        copies: Copies | None = None,
    ) -> None:
        self._copies = copies
        self.identity = identity
        self.journal = journal
        self.keeper = keeper
        self.clock = clock
        self.state = State()
        self.cold = Cold(self.state, keeper)
        self.requests = Requests()
        self.reports = Reports()
        self.behind: Behind | None = None
        self._mint = mint
        self._online = online
        self._unsent = unsent
        self._on_committed = on_committed
        self.customers = None if keys is None else Customers(state=self.state, keeper=keeper, keys=keys)
        self._tasks: list[asyncio.Task[None]] = []
        # About how many entries the store makes a day: until some days were seen, those of a busy one.
        self.entries_a_day = 3000
        self.saver: Saver
        self.writer: Writer
        self.desk: Desk

    async def start(
        self,
        *,
        epoch: str,
        boot: str,
        reason: str = "start",
        witness: After | None = None,
        patient: bool = False,
    ) -> None:
        """Load the state, check the chain from the last known-good entry, and open a new epoch on disk.

        patient: a disk that takes nothing now is no reason not to serve what is there. The epoch is then opened, before
        anything else is taken, as soon as the disk takes it. Raises StoreError when the journal cannot be read or its
        chain is broken.
        """
        head = await self._load()
        if witness is not None and self._unknown(witness):
            self.behind = Behind("high-water mark", witness.epoch, witness.seq)
            reason = "loss"
            log.error(
                "the journal ends at %d, but it had come to %d: entries are lost", head.seq, witness.seq
            )
        self._wire(head, boot)
        # What this start had to read counts: a box that is cut off again and again would read more each time.
        self.writer.unsaved = head.seq - self.saver.seq
        self._tasks.append(asyncio.create_task(self.writer.run(), name="writer"))
        self.writer.opening = lambda: self._add_epoch(epoch, reason)
        self.writer.opening()
        try:
            await self._epoch_kept(patient=patient)
        except BaseException:
            self._tasks.pop().cancel()
            raise
        await self._begin_upkeep()

    async def attend(self, trouble: Trouble, *, boot: str) -> None:
        """Load the state and accept nothing, for this reason: a standby, or a box whose place another has taken.

        Nothing is written to the journal but what take_in() is given. Raises StoreError.
        """
        self._wire(await self._load(), boot)
        self.writer.trouble = trouble
        await self._begin_upkeep()

    async def _begin_upkeep(self) -> None:
        filtered = await self.saver.load_filter()
        self._tasks.append(asyncio.create_task(self.saver.run(self.writer, self.cold), name="saver"))
        if not filtered:
            self._tasks.append(asyncio.create_task(self.saver.fill_filter(), name="request filter"))
        if self.customers is not None:
            self._tasks.append(asyncio.create_task(self.customers.run(), name="customers"))

    async def take_in(self, group: Sequence[Entry], opens: EpochStart | None) -> None:
        """Append entries of the primary, which follow the last one, and let the state follow. Raises StoreError.

        After an error: reopen the journal, then catch_up().
        """
        await self.journal.append(group, opens=opens)
        await self.catch_up()

    async def catch_up(self) -> None:
        """Evolve the state with what the journal has beyond it. Raises StoreError."""
        # What an attempt that broke off had begun.
        self.state.discard_open()

        def settled(facts: Sequence[tuple[Fact, Meta]], head: After) -> None:
            self.writer.followed(head, head.seq - self.writer.settled.seq)
            self._committed(facts)

        await self._read_tail(self.writer.settled, settled)

    async def _load(self) -> After:
        saved = await self.keeper.load(self.state)
        days, loaded = await self.keeper.reports()
        self.reports = Reports(days, loaded)
        self.saver = Saver(
            state=self.state,
            journal=self.journal,
            keeper=self.keeper,
            requests=self.requests,
            reports=self.reports,
            clock=self.clock,
            seq=saved.seq,
        )
        return await self._read_tail(saved)

    def _wire(self, head: After, boot: str) -> None:
        chain = Chain(
            source=self.identity.source, boot_id=boot, epoch=head.epoch, seq=head.seq, head=head.hash
        )
        self.writer = Writer(
            state=self.state,
            journal=self.journal,
            chain=chain,
            requests=self.requests,
            reports=self.reports,
            committed=self._committed,
            copies=self._copies,
            fetch=self._fetch_for,
        )
        self.desk = Desk(
            state=self.state,
            writer=self.writer,
            journal=self.journal,
            keeper=self.keeper,
            cold=self.cold,
            requests=self.requests,
            clock=self.clock,
            mint=self._mint,
            online=self._online,
            unsent=self._unsent,
            sealing=None
            if self.customers is None
            else Sealing(state=self.state, keeper=self.keeper, customers=self.customers, mint=self._mint),
        )

    def _committed(self, facts: Sequence[tuple[Fact, Meta]]) -> None:
        if self.customers is not None:
            self.customers.committed(facts)
        self._on_committed(facts)

    def _add_epoch(self, epoch: str, reason: str) -> None:
        """The next group opens the epoch, unless a failed commit did so after all."""
        head = self.writer.settled
        if head.epoch == epoch:
            self.writer.opened.set()
            return
        self.writer.open_epoch(EpochStart(epoch, head.seq + 1, head))
        stamp = self.clock.stamp()
        new = reason not in SAME_SERIES
        started = HubStarted(
            version=self.identity.version,
            box=self.identity.box,
            after=head,
            receipt_series=next_series(self.state.settings.get("receipt_series"), new=new, epoch=epoch),
            reason=reason,
            check_no_after=self._check_no_gap(stamp.business_date) if new else 0,
        )
        self.writer.add([started], stamp, Origin(HUB.device_id))

    def _check_no_gap(self, date: str) -> int:
        """Beyond any number that a lost check of today may have had: the next hundred but one."""
        last = self.state.counters.get(f"check_no:{date}") or 0
        return (last // CHECK_NO_GAP + 2) * CHECK_NO_GAP

    async def _epoch_kept(self, *, patient: bool) -> None:
        group = self.writer.pending()
        try:
            if group is not None:
                await group.kept()
        except HubError as error:
            trouble = self.writer.trouble
            words = trouble.reason if trouble is not None else str(error)
            if patient and trouble is not None and trouble.state in ("full", "reopening"):
                log.error("the disk takes nothing, so only what is there is served: %s", words)
                return
            raise StoreError(
                f"the first entry could not be written: {words}",
                full=trouble is not None and trouble.state == "full",
            ) from error

    async def stop(self) -> None:
        """Finish and answer the last commit, save the state. The journal stays open."""
        await self.writer.close()
        with suppress(StoreError):
            await self.saver.stop(self.writer)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _fetch_for(self, envelope: Envelope) -> None:
        """Bring back what the entry changes: it had left memory when the state was saved."""
        fact = fact_of(envelope.type, bytes(envelope.data))
        if fact is not None:
            await self.cold.bring(lambda: fact_needs(fact, meta_of(envelope)))

    async def _read_tail(
        self,
        saved: After,
        settled: Callable[[Sequence[tuple[Fact, Meta]], After], None] = lambda facts, head: None,
    ) -> After:
        """Evolve the state with what was committed after the last save; the last entry.

        settled: called after each stretch, with where the state then stands.
        """
        seq, head, epoch = saved.seq, saved.hash, saved.epoch
        while found := await self.journal.after(seq, count_max=1000, bytes_max=8 << 20):
            facts: list[tuple[Fact, Meta]] = []
            for entry in found:
                envelope = _read(entry)
                if envelope.prevhash != head or envelope.seq != seq + 1:
                    raise StoreError(
                        f"the journal is damaged at entry {entry.seq}: the chain does not hold", damaged=True
                    )
                try:
                    await self._fetch_for(envelope)
                    apply(self.state, self.requests, facts, entry, envelope)
                except StoreError:
                    raise
                except Exception as error:
                    # Only the next entry tells whether this one is what was written.
                    raise StoreError(f"entry {entry.seq} fits nothing: {error!r}", damaged=True) from error
                seq, head, epoch = entry.seq, entry.hash, entry.epoch
            self.state.seal()
            self.state.settle()
            self.reports.fold(facts)
            settled(facts, After(epoch, seq, head))
            if seq - self.saver.seq >= TAIL_MAX:
                await self.saver.save_as_read(After(epoch, seq, head))
        return After(epoch, seq, head)

    def _unknown(self, position: After) -> bool:
        """Whether this journal cannot have been at that position."""
        known = {start.epoch: start for start in self.journal.epochs()}
        if position.seq == 0:
            return False
        if position.epoch not in known:
            return position.seq > self.journal.position.seq or not known
        return position.seq > self.last_of(position.epoch)

    def last_of(self, epoch: str) -> int:
        """The last seq of an epoch; 0 for one that is not known."""
        starts = list(self.journal.epochs())
        for index, start in enumerate(starts):
            if start.epoch == epoch:
                return (
                    starts[index + 1].first_seq - 1 if index + 1 < len(starts) else self.journal.position.seq
                )
        return 0

    def right_time(self, *, seq: int, epoch: str, at: str, business_date: str) -> tuple[str, str]:
        """When an entry was made, and on which business day, by what is known now."""
        corrections = self.state.corrections
        if corrections.empty:
            return at, business_date
        held = [start.epoch for start in self.journal.epochs() if start.first_seq <= seq]
        # One that came back has its seq from an epoch whose own end was lost: another entry stands there now.
        known = retimed(corrections, seq) if held and held[-1] == epoch else None
        return (at, business_date) if known is None else (shifted(at, known.shift_ms), known.business_date)

    @property
    def alive(self) -> bool:
        """Whether the writer's task still runs: one that ended by a defect must not look healthy."""
        return bool(self._tasks) and not self._tasks[0].done()

    async def save(self) -> None:
        """Save the state as of the last committed entry. Raises StoreError."""
        await self.saver.save(self.writer)


def _read(entry: Entry) -> Envelope:
    try:
        return entries.read(entry.raw)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreError(f"the journal is damaged at entry {entry.seq}: {error}", damaged=True) from error


def next_series(series: str | None, *, new: bool, epoch: str) -> str:
    """Receipt numbers go on in a new series (A, B4711, C0815, … Z…, AA…) where the old one's end is not known for sure.

    The digits are the epoch's: a copy that is older than a series knows nothing of it, and would begin it again.
    """
    if series is None:
        return "A"
    return f"{_letter_after(series.rstrip(digits))}{crc32(epoch.encode()) % 10_000:04}" if new else series


def _letter_after(letters: str) -> str:
    if not letters:
        return "A"
    if letters[-1] != "Z":
        return letters[:-1] + chr(ord(letters[-1]) + 1)
    return _letter_after(letters[:-1]) + "A"


def unix_of(time_text: str) -> float:
    return datetime.fromisoformat(time_text).timestamp()
