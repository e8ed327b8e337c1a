"""The one writer: decided facts become entries, entries share a commit, and only then is anyone answered.

While a group is on its way to the disk the next one gathers; so that there is something to decide meanwhile, a
group sets off before everyone who asks is in it. If a commit fails, the outcome of that group and
of the one decided on top of it is unknown: none is told "failed", the journal is opened again and read, and
writing goes on from what it holds.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, Literal

from msgspec import Struct

from hub.domain import entries
from hub.domain.entries import Chain, Entry, Envelope, Origin, Stamp
from hub.domain.errors import HubError, Internal, NotReady, OutcomeUnknown, StorageFull, Superseded
from hub.domain.evolve import evolve, fact_of, meta_of
from hub.domain.facts import After, EntryRecovered, Fact
from hub.domain.recovered import brought, counted
from hub.domain.state import Meta, State
from hub.ports import EpochStart, JournalWriter, StoreError
from hub.service.copies import Copies
from hub.service.reports import Reports
from hub.service.requests import Requests, fingerprint

log = logging.getLogger(__name__)

# Between attempts to open a failed journal again.
REOPEN_WAIT_S_MIN: Final = 0.2
REOPEN_WAIT_S_MAX: Final = 5.0
# Reading a request that has arrived takes two turns of the loop.
QUIET_TURNS: Final = 3
# So that a flood cannot put off its own answers for ever.
GROUP_ENTRIES_MAX: Final = 512
# A group sets off with this share of those who are likely to ask: the others are decided while the disk works. Where
# fewer ask than that, all of them are waited for.
SETS_OFF_WITH: Final = 3 / 4
CROWD: Final = 16
JournalState = Literal["writable", "reopening", "full", "closed", "standby", "superseded"]


class Trouble(Struct, frozen=True):
    state: JournalState
    since: float
    reason: str


class Group:
    """Commands that share a commit."""

    __slots__ = ("_failure", "_over", "_waiters", "base", "entries", "facts", "opens", "requests")

    def __init__(self, base: After) -> None:
        self.base = base
        self.entries: list[Entry] = []
        self.facts: list[tuple[Fact, Meta]] = []
        self.requests: list[tuple[int, int]] = []
        self.opens: EpochStart | None = None
        self._waiters: list[Callable[[HubError | None], None]] = []
        self._over = False
        self._failure: HubError | None = None

    async def kept(self) -> None:
        """Return when the group is on stable storage. Raises OutcomeUnknown when its commit failed."""
        if not self._over:
            await self.over()
        if self._failure is not None:
            raise self._failure

    def over(self) -> asyncio.Future[None]:
        """Done when the commit has ended, well or not.

        A future for each: a device that hangs up takes nobody with it.
        """
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._over:
            waiter.set_result(None)
        else:
            self.then(lambda failure: None if waiter.done() else waiter.set_result(None))
        return waiter

    def then(self, call: Callable[[HubError | None], None]) -> None:
        """Call when the commit has ended: with None, or with what kept() would raise. Not for a group that is over."""
        self._waiters.append(call)

    def finish(self, failure: HubError | None = None) -> None:
        self._over, self._failure = True, failure
        # Let go of them: they know the group, and a ring of objects would wait for the garbage collector.
        waiters, self._waiters = self._waiters, []
        for call in waiters:
            try:
                call(failure)
            except Exception:
                # One answer that cannot be given must not keep the others from theirs.
                log.exception("nobody could be told that a commit is over")


class Writer:
    def __init__(
        self,
        *,
        state: State,
        journal: JournalWriter,
        chain: Chain,
        requests: Requests,
        reports: Reports,
        fetch: Callable[[Envelope], Awaitable[None]],
        committed: Callable[[Sequence[tuple[Fact, Meta]]], None] = lambda facts: None,
        copies: Copies | None = None,
    ) -> None:
        """fetch: brings to memory what an entry changes. copies: what an acknowledgement waits for; None: nothing."""
        self._fetch = fetch
        self._copies = copies
        self._state = state
        self._journal = journal
        self._chain = chain
        self._requests = requests
        self._reports = reports
        self._committed = committed
        self._wake = asyncio.Event()
        self._open = Group(self._head())
        self._flying: Group | None = None
        self._flying_since = 0.0
        self._closing = False
        self.trouble: Trouble | None = None
        # The disk is nearly full: what may wait is refused (hub/service/sparing.py).
        self.sparing = False
        # Adds what must come first, until that is kept: the entry that opens this life's epoch.
        self.opening: Callable[[], None] | None = None
        self.opened = asyncio.Event()
        # Entries committed since the state was last saved.
        self.unsaved = 0
        # The last entry that the committed state has seen.
        self.settled = self._head()
        # Entries with which the next group sets off, if they come to so many.
        self._enough = GROUP_ENTRIES_MAX

    def _head(self) -> After:
        return After(self._chain.epoch, self._chain.seq, self._chain.hash)

    # -- deciding -----------------------------------------------------------------------------------------------

    def check_open(self) -> None:
        """Raises NotReady, StorageFull or Superseded when nothing can be accepted now."""
        if self.trouble is not None:
            if self.trouble.state == "superseded":
                raise Superseded
            if self.trouble.state == "full":
                raise StorageFull(retry_after_s=5)
            raise NotReady(reason=self.trouble.reason, retry_after_s=1)

    def check_copied(self) -> None:
        """Raises NotReady when devices' requests must not be accepted because the second copy is not there."""
        if self._copies is not None:
            self._copies.check()

    async def copied(self, seq: int) -> None:
        """Return when an answer that rests on this entry may be given. Raises OutcomeUnknown."""
        if self._copies is not None and (failure := await self._copies.kept(seq)) is not None:
            raise failure

    def add(
        self, facts: Sequence[Fact], stamp: Stamp, origin: Origin, request: int | None = None
    ) -> tuple[Entry, memoryview, Group]:
        """Append the facts of one command to the open group; its last entry, that entry's data, and the
        group to wait for.

        The idempotency key goes on the last entry: the one that answers. request: the fingerprint of its request.
        """
        if not facts:
            raise ValueError("a command without facts is not kept")
        group = self._open
        try:
            if len(facts) > 1:
                silent = Origin(origin.device_id, origin.staff_id)
                for fact in facts[:-1]:
                    self._append(group, fact, stamp, silent)
            entry, data = self._append(group, facts[-1], stamp, origin)
        except Exception as error:
            # A defect in the rules must not leave half a command in the draft: this group's decisions are taken back.
            log.exception("a decided fact could not be applied; the open group is taken back")
            self._take_back(group)
            raise Internal from error
        if request is not None:
            group.requests.append((request, entry.seq))
        if isinstance(facts[-1], EntryRecovered):
            group.requests.extend(recovered_request(facts[-1], entry.seq))
        self._wake.set()
        return entry, data, group

    def _append(self, group: Group, fact: Fact, stamp: Stamp, origin: Origin) -> tuple[Entry, memoryview]:
        entry, data = self._chain.append(fact, stamp, origin)
        meta = Meta(
            entry.seq, entry.epoch, stamp.time, stamp.business_date, origin.device_id, origin.staff_id
        )
        evolve(self._state, fact, meta)
        group.entries.append(entry)
        group.facts.append((fact, meta))
        return entry, data

    def open_epoch(self, start: EpochStart) -> None:
        """The next group opens this epoch: its first entry must be the hub.started that add() gets next."""
        self._chain.rewind(epoch=start.epoch, seq=start.first_seq - 1, head=start.after.hash)
        self._open = Group(start.after)
        self._open.opens = start
        self.settled = start.after

    def followed(self, head: After, count: int) -> None:
        """`count` entries were taken over from another box, up to head: what follows begins there."""
        self._chain.rewind(epoch=head.epoch, seq=head.seq, head=head.hash)
        self._open = Group(head)
        self.unsaved += count
        self.settled = head

    @property
    def sets_off(self) -> bool:
        """Whether the open group is about to: what need not be in it is better decided afterwards."""
        return self._flying is None and len(self._open.entries) >= self._enough

    def pending(self) -> Group | None:
        """The newest group that a decision made now has seen and that is not on disk yet."""
        return self._open if self._open.entries else self._flying

    def _take_back(self, group: Group) -> None:
        self._state.discard_open()
        self._chain.rewind(epoch=group.base.epoch, seq=group.base.seq, head=group.base.hash)
        self._open = Group(group.base)
        self._open.opens = group.opens
        group.finish(NotReady(reason="taken back", retry_after_s=1))

    # -- committing ---------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Commit group after group until close(). Cancel only after close() has returned."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            if not self._open.entries:
                if self._closing:
                    return
                continue
            await self._gather()
            if not self._open.entries:
                continue
            group, self._open = self._open, Group(self._head())
            self._flying, self._flying_since = group, time.monotonic()
            self._state.seal()
            failure: HubError | None = None
            try:
                await self._journal.append(group.entries, opens=group.opens)
                if self._copies is not None and group.requests:
                    # Kept on this disk, but a device hears of it only when the second copy has it too.
                    failure = await self._copies.kept(group.entries[-1].seq)
            except StoreError as error:
                await self._recover(group, error)
                continue
            finally:
                self._flying = None
            self._settle(group)
            asking = len(group.entries) + len(self._open.entries)
            few = asking < CROWD
            self._enough = GROUP_ENTRIES_MAX if few else min(GROUP_ENTRIES_MAX, int(SETS_OFF_WITH * asking))
            if group.opens is not None:
                self.opening = None
                self.opened.set()
            group.finish(failure)
            if self._open.entries or self._closing:
                self._wake.set()

    async def _gather(self) -> None:
        """Let everyone who stands at the door come in before it closes: turn the loop until the group stops growing.

        A lone order waits for three empty turns, some microseconds; sixty-four share a commit instead of
        queuing for several.
        """
        size, still = len(self._open.entries), 0
        while still < QUIET_TURNS and size < self._enough:
            await asyncio.sleep(0)
            grown = len(self._open.entries)
            still = still + 1 if grown == size else 0
            size = grown

    def _settle(self, group: Group) -> None:
        self._state.settle()
        for pair in group.requests:
            self._requests.note(*pair)
        last = group.entries[-1]
        self.unsaved += len(group.entries)
        self.settled = After(last.epoch, last.seq, last.hash)
        self._tell(group.facts)

    def _tell(self, facts: Sequence[tuple[Fact, Meta]]) -> None:
        try:
            self._reports.fold(facts)
            self._committed(facts)
        except Exception:
            # What only serves reading must not end the one task that keeps orders.
            log.exception("a committed fact could not be passed on")

    async def close(self) -> None:
        """Finish and answer the last group."""
        self._closing = True
        last = self.pending()
        self._wake.set()
        if last is not None:
            with suppress(HubError):
                await last.kept()
        self.trouble = Trouble("closed", time.time(), "the hub is stopping")

    def stuck_s(self) -> float:
        """How long the commit under way has been under way."""
        return time.monotonic() - self._flying_since if self._flying is not None else 0.0

    # -- after a failed commit ----------------------------------------------------------------------------------

    async def _recover(self, group: Group, error: StoreError) -> None:
        """Nobody knows whether the group is on disk: find out, then go on from there."""
        log.error("a commit failed, %d entries have an unknown outcome: %s", len(group.entries), error)
        base = group.base
        wait_s = REOPEN_WAIT_S_MIN
        # The commit is over. A disk in error is not a committer that hangs: see stuck_s().
        self._flying = None
        self._enter(error)
        lost, self._open = self._open, Group(base)
        self._state.discard()
        for waiting in (group, lost):
            waiting.finish(OutcomeUnknown(retry_after_s=1))
        while True:
            try:
                await self._journal.reopen()
                await self._read_back(base)
                base = self._head()
                await self._journal.put("probe", b"%d" % time.time_ns())
                break
            except StoreError as again:
                self._enter(again)
                log.warning("the journal cannot be written, next attempt in %.1f s: %s", wait_s, again)
                await asyncio.sleep(wait_s)
                wait_s = min(wait_s * 2, REOPEN_WAIT_S_MAX)
                if self._closing:
                    return
        self.trouble = None
        if self.opening is not None:
            self.opening()
        log.warning("the journal is writable again after seq %d", self._chain.seq)

    def _enter(self, error: StoreError) -> None:
        since = self.trouble.since if self.trouble is not None else time.time()
        self.trouble = Trouble("full" if error.full else "reopening", since, str(error))

    async def _read_back(self, base: After) -> None:
        """Take in what the failed commit left on disk after all. Raises StoreError when it does not fit the chain."""
        if self._journal.position.seq < base.seq:
            raise StoreError("the journal is shorter than what was committed: entries are lost")
        seq, head = base.seq, base.hash
        facts: list[tuple[Fact, Meta]] = []
        # An attempt before this one may have come half way.
        self._state.discard_open()
        while found := await self._journal.after(seq, count_max=500, bytes_max=4 << 20):
            for entry in found:
                envelope = entries.read(entry.raw)
                if envelope.prevhash != head:
                    raise StoreError(f"entry {entry.seq} does not follow the one before it")
                await self._fetch(envelope)
                apply(self._state, self._requests, facts, entry, envelope)
                seq, head = entry.seq, entry.hash
        self._state.seal()
        self._state.settle()
        self.unsaved += seq - base.seq
        self._chain.rewind(epoch=self._journal.position.epoch or base.epoch, seq=seq, head=head)
        self._open = Group(self._head())
        self.settled = self._head()
        self._tell(facts)


def apply(
    state: State, requests: Requests, facts: list[tuple[Fact, Meta]], entry: Entry, envelope: Envelope
) -> None:
    """Evolve the state's draft with an entry that was read from the journal; its fact goes to `facts`."""
    requests.note_entry(envelope, seq=entry.seq)
    fact = fact_of(envelope.type, bytes(envelope.data))
    if fact is None:
        return
    meta = meta_of(envelope)
    evolve(state, fact, meta)
    facts.append((fact, meta))
    if isinstance(fact, EntryRecovered):
        for pair in recovered_request(fact, entry.seq):
            requests.note(*pair)


def recovered_request(fact: EntryRecovered, seq: int) -> list[tuple[int, int]]:
    """The request that the lost entry had answered: from now on the recovery at seq answers it."""
    found, lost = brought(fact)
    if lost.idempotencykey is None or not counted(found):
        return []
    return [(fingerprint(lost.deviceid, lost.idempotencykey), seq)]
