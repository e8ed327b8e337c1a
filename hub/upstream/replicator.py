"""The replicator: asks the cloud where it stands and sends what follows, one batch at a time, until told to stop."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from hub.domain.facts import After
from hub.ports import Announcer, Clock, JournalReader
from hub.upstream.answers import Conflict, Position, Refusal, TooLarge
from hub.upstream.batches import Batch, Packer
from hub.upstream.client import Answer, CloudClient
from hub.upstream.history import History, liar
from hub.upstream.keeper import Keeper
from hub.upstream.ledger import Tally
from hub.upstream.link import LinkMonitor
from hub.upstream.outcomes import Signal, Trouble
from hub.upstream.pace import PaceSettings
from hub.upstream.quarantine import Quarantine
from hub.upstream.reconcile import Reconciler
from hub.upstream.retry import Patience
from hub.upstream.sizing import BatchSizer, pause_s
from hub.upstream.timing import Timing
from hub.upstream.under_way import Answered, UnderWay
from hub.upstream.waits import Waits

log = logging.getLogger(__name__)

# CONTRACT section 9: five refusals in a row are no bad entries but a bad set-up.
REFUSALS_MAX: Final = 5
# Kept, shown and told to the cloud.
REASON_MAX: Final = 500
TURNS_MAX: Final = 3
# So many at once are a replay, which is compared when it is done; fewer wait for the minute.
REPLAY_ENTRIES: Final = 100
# Large batches under way at the same time, one behind the other.
AT_ONCE_MAX: Final = 2
# What was acknowledged and not counted yet is counted in stretches, so that new entries never wait for it.
CATCH_UP_AT_ONCE: Final = 10_000


class Replicator:
    """`run` never returns by itself. Everything it knows of the cloud it learns again after any doubt."""

    def __init__(
        self,
        *,
        client: CloudClient,
        journal: JournalReader,
        history: History,
        keeper: Keeper,
        quarantine: Quarantine,
        reconciler: Reconciler,
        packer: Packer,
        monitor: LinkMonitor,
        announcer: Announcer,
        clock: Clock,
        pace: PaceSettings,
        lan_busy: Callable[[], float],
        timing: Timing,
        settle: Callable[[], None] = lambda: None,
    ) -> None:
        self._client = client
        self._journal = journal
        self._history = history
        self._keeper = keeper
        self._quarantine = quarantine
        self._reconciler = reconciler
        self._packer = packer
        self._monitor = monitor
        self._announcer = announcer
        self._clock = clock
        self._pace = pace
        self._lan_busy = lan_busy
        self._timing = timing
        self._settle = settle
        self._sizer = BatchSizer(pace)
        self._position: After | None = None
        self._try: RetryCallState | None = None
        self._waits = Waits(monitor, clock)
        self.nudge = self._waits.nudge
        self.doubt = self._waits.doubt
        self._refused_in_a_row: list[int] = []
        self._rejected = False
        # How often the cloud has sent us elsewhere since it last came further than ever.
        self._turns = 0
        self._furthest = 0
        self._told_seq = 0
        # The end of a batch whose attempt ran out of time.
        self._doubtful_seq = 0
        # This cloud does not take a batch that comes while it looks at the one before it.
        self._in_line = False

    async def run(self) -> None:
        # tenacity keeps the count of failed tries; progress sets it back.
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(Trouble),
            wait=Patience(self._timing),
            sleep=self._waits.rest,
            reraise=True,
        ):
            with attempt:
                self._try = attempt.retry_state
                try:
                    await self._session()
                except Trouble as trouble:
                    self._monitor.trouble(trouble)
                    log.debug("cloud: %s", trouble.reason)
                    raise

    async def _session(self) -> None:
        """From one cursor on until trouble."""
        self._in_line = False
        await self._where_the_cloud_stands()
        await self._keeper.catch_up(entries_max=CATCH_UP_AT_ONCE)
        replayed = True
        while True:
            replayed = await self._drain() >= REPLAY_ENTRIES or replayed
            await self._fill_holes()
            counted = await self._keeper.catch_up(entries_max=CATCH_UP_AT_ONCE)
            if not counted or self._journal.position.seq > self._at.seq:
                continue
            if self._reconciler.due(drained_replay=replayed):
                await self._reconciler.compare()
                if not self._keeper.changed:
                    self._settle()
            replayed = False
            await self._keeper.save()
            await self._idle()

    @property
    def _at(self) -> After:
        assert self._position is not None, "asked for before the cloud was"  # noqa: S101
        return self._position

    async def _where_the_cloud_stands(self) -> None:
        before = self._keeper.acked.seq
        claim, answer = await self._client.cursor()
        await self._checked(claim.as_after())
        self._heard(answer)
        if self._at.seq < self._doubtful_seq:
            self._sizer.timed_out()
        self._doubtful_seq = 0
        await self._history.fetch_lost()
        if self._at.seq > before or self._journal.position.seq <= self._at.seq:
            self._progressed()

    async def _checked(self, claim: After) -> None:
        """Take the claimed cursor when it is ours; else where the cloud stands after it was told where we part."""
        if not await self._history.believes(claim):
            claim = await self._history.part_ways(claim)
        await self._accept(claim)

    async def _accept(self, at: After) -> None:
        """Take a believed cursor as the cloud's position."""
        acked = self._keeper.acked
        if at.seq < acked.seq:
            log.warning("the cloud went back from %d to %d: sending again from there", acked.seq, at.seq)
            await self._quarantine.cloud_went_back(at.seq)
        if at != acked:
            self._keeper.moved(at, self._clock.stamp().time)
        self._quarantine.unsure(at.seq)
        self._position = at
        self._further(at.seq)
        self._tell(at)

    async def _turn_to(self, claim: After) -> None:
        """Go on from where the cloud says, at once; but one that sends us to and fro is a trouble like any other."""
        self._turns += 1
        if self._turns > TURNS_MAX:
            self._turns = 0
            raise Trouble(Signal.BUSY, f"no-progress: the cloud sends us to and fro, now to {claim.seq}")
        await self._checked(claim)

    async def _drain(self) -> int:
        """Send until nothing is left. Returns how many entries were sent."""
        ready: Batch | None = None
        counted: list[Tally] = []
        sent = 0
        with UnderWay(self._client.send) as under_way:
            while True:
                if not under_way:
                    ready = await self._what_follows(ready)
                    if ready is None:
                        await self._keeper.add(counted)
                        return sent
                    under_way.send(ready)
                    ready = None
                # While it is under way: count the one before it, and make the next one ready, or send that too.
                await self._keeper.add(counted)
                counted = []
                await self._keeper.save()
                if ready is None:
                    ready = await self._read(under_way.last.last.seq)
                if ready is not None and self._goes_ahead(under_way, ready):
                    under_way.send(ready)
                    ready = await self._read(ready.last.seq)
                answered = await self._answer(under_way)
                batch = answered.batch
                if answered.ahead and not answered.taken:
                    # The cloud may have looked at it before it had the one in front: so this says nothing yet.
                    self._in_line = True
                    ready = batch
                else:
                    sent += len(batch.tallies)
                    counted = await self._outcome(batch, answered.said, answered.facts)
                if self._at != batch.last:
                    under_way.give_up()
                await self._make_room(batch, answered.facts)

    async def _what_follows(self, ready: Batch | None) -> Batch | None:
        """The batch behind what the cloud has, with its epoch announced: `ready`, if it is that one."""
        while True:
            at = self._at
            if ready is None or ready.first_seq != at.seq + 1:
                ready = await self._read(at.seq)
            if ready is None or ready.epoch == at.epoch:
                return ready
            moved = await self._history.announce(ready.epoch, at)
            if moved == at:
                return ready
            await self._turn_to(moved)

    def _goes_ahead(self, under_way: UnderWay, ready: Batch) -> bool:
        """Whether a batch is sent before the one in front of it is answered: only large ones, at full pace.

        Then the cloud has work while answer and next batch travel. Small ones rather gather while they wait.
        """
        return (
            not self._in_line
            and len(under_way) < AT_ONCE_MAX
            and ready.epoch == under_way.last.epoch
            and self._pace.entries_per_s_max is None
            and self._pace.heeded(self._lan_busy()) == 0
            and self._sizer.is_large(entries=len(under_way.last.tallies), raw_bytes=under_way.last.raw_bytes)
        )

    async def _answer(self, under_way: UnderWay) -> Answered:
        last_seq = under_way.first.last.seq
        try:
            return await under_way.answer()
        except Trouble as trouble:
            # Too much for the line, or stored with the answer lost? The cursor will tell.
            self._doubtful_seq = last_seq if trouble.timed_out else 0
            raise

    async def _read(self, seq: int) -> Batch | None:
        busy = self._lan_busy()
        count, size = self._sizer.limits(busy)
        return await self._packer.after(
            seq,
            count_max=count,
            bytes_max=size,
            tight=self._sizer.slow_line,
            beside=self._pace.heeded(busy),
        )

    async def _make_room(self, batch: Batch, facts: Answer) -> None:
        rest = pause_s(self._pace, busy=self._lan_busy(), took_s=facts.took_s, entries=len(batch.tallies))
        if rest > 0:
            await asyncio.sleep(rest)

    async def _outcome(
        self, batch: Batch, answer: Position | Conflict | Refusal | TooLarge, facts: Answer
    ) -> list[Tally]:
        """Go where the answer leads. Returns the entries that are acknowledged now."""
        match answer:
            case Position():
                self._sizer.delivered(
                    entries=len(batch.tallies), raw_bytes=batch.raw_bytes, took_s=facts.took_s
                )
                return await self._acknowledged(batch, answer.as_after(), facts)
            case Conflict():
                return await self._conflict(batch, answer, facts)
            case TooLarge():
                return await self._too_large(batch, facts)
            case Refusal():
                return await self._refused(batch, answer.seq, answer.reason, facts)

    async def _acknowledged(self, batch: Batch, claim: After, facts: Answer) -> list[Tally]:
        before = self._at
        if claim != batch.last and not await self._history.believes(claim):
            raise liar(f"{claim.epoch}:{claim.seq} was acknowledged, which is not in this journal")
        if claim == before:
            raise Trouble(Signal.BUSY, "no-progress: the cloud answers well and keeps nothing")
        self._heard(facts)
        if claim.seq < before.seq:
            await self._turn_to(claim)
            return []
        self._refused_in_a_row = []
        self._progressed()
        self._monitor.signal(Signal.ACCEPTED)
        await self._taken_after_all(batch.first_seq, claim.seq)
        if self._rejected:
            # The set-up is mended: what it refused before it was found out is tried again too.
            self._rejected = False
            self._quarantine.want(None)
        await self._accept(claim)
        return [one for one in batch.tallies if one.seq <= claim.seq]

    async def _taken_after_all(self, low: int, high: int) -> None:
        """The cloud may now take an entry that it refused before it lost its memory, or its operator mended it."""
        for one in await self._quarantine.accepted(low, high) if len(self._quarantine) else ():
            entry = await self._journal.at(one.seq)
            if entry is not None:
                self._keeper.fill(entry)

    async def _conflict(self, batch: Batch, conflict: Conflict, facts: Answer) -> list[Tally]:
        before = self._at
        if conflict.at != before:
            await self._turn_to(conflict.at)
            self._heard(facts)
            return [one for one in batch.tallies if before.seq < one.seq <= self._at.seq]
        # It stands where we thought and yet takes nothing: it may have forgotten the epoch.
        await self._history.announce(batch.epoch, before)
        raise Trouble(Signal.BUSY, f"conflict: the cloud takes nothing after {before.seq}: {conflict.words}")

    async def _too_large(self, batch: Batch, facts: Answer) -> list[Tally]:
        if len(batch.tallies) > 1:
            self._sizer.too_large(batch.raw_bytes)
            return []
        return await self._refused(batch, batch.first_seq, "too large for the cloud (413)", facts)

    async def _refused(self, batch: Batch, seq: int, reason: str, facts: Answer) -> list[Tally]:
        """Set the entry aside, unless it is the fifth in a row."""
        reason = reason[:REASON_MAX]
        entry = await self._journal.at(seq) if batch.holds(seq) else None
        if entry is None:
            raise liar(f"entry {seq} was refused, which was not sent")
        self._heard(facts)
        row = self._refused_in_a_row
        if seq not in row:
            self._refused_in_a_row = row = [*row, seq] if row and row[-1] == seq - 1 else [seq]
        if len(row) >= REFUSALS_MAX:
            self._rejected = True
            raise Trouble(
                Signal.REJECTED, f"rejected: {len(row)} entries in a row were refused, last {seq}: {reason}"
            )
        await self._quarantine.set_aside(entry, reason, self._clock.stamp().time)
        answer, facts = await self._client.quarantine(entry.epoch, seq, entry.hash, reason)
        claim = answer.at if isinstance(answer, Conflict) else answer.as_after()
        if not await self._history.believes(claim):
            raise liar("the cursor after setting an entry aside is not in this journal")
        if isinstance(answer, Conflict) or claim.seq < seq:
            await self._accept(claim)
            raise Trouble(Signal.BUSY, f"conflict: the cloud does not pass over {seq}")
        await self._quarantine.recorded(entry.epoch, seq)
        self._heard(facts)
        self._progressed()
        await self._accept(claim)
        return [one for one in batch.tallies if one.seq <= claim.seq]

    async def _fill_holes(self) -> None:
        """Try again what a person wants tried."""
        while (one := self._quarantine.next_wanted(self._at.seq)) is not None:
            entry = await self._journal.at(one.seq)
            if entry is None or entry.hash != one.hash:
                await self._quarantine.refused_again(one, "this box no longer has the entry", one.at)
                continue
            try:
                outcome, reason, facts = await self._client.fill(one.epoch, one.seq, entry.raw)
            except Trouble as trouble:
                if trouble.signal is not Signal.BUSY or trouble.retry_after_s is not None:
                    raise
                # An answer about this entry, whatever it is, and no reason to hold up the others.
                await self._quarantine.refused_again(one, trouble.reason, self._clock.stamp().time)
                continue
            self._heard(facts)
            if outcome == "there":
                await self._quarantine.filled(one)
                self._keeper.fill(entry)
            else:
                await self._quarantine.refused_again(one, reason, self._clock.stamp().time)

    def _heard(self, facts: Answer) -> None:
        self._monitor.answered(facts.took_s, facts.sent_bytes)
        self._client.trust(facts)

    def _progressed(self) -> None:
        """Only progress forgets earlier failures: a cloud that answers and takes nothing must not be hammered."""
        if self._try is not None:
            self._try.attempt_number = 1

    def _further(self, seq: int) -> None:
        if seq > self._furthest:
            self._furthest, self._turns = seq, 0

    def _tell(self, at: After) -> None:
        if at.seq > 0 and at.seq != self._told_seq:
            self._told_seq = at.seq
            self._announcer.announce("synced", {"epoch": at.epoch, "seq": at.seq})

    async def _idle(self) -> None:
        """Wait for an entry, a wish or a doubt; without any, probe."""
        if await self._waits.idle(self._journal.wait_beyond(self._at.seq), at_most_s=self._timing.probe_s):
            return
        before = self._at
        await self._where_the_cloud_stands()
        if self._at != before:
            log.info("the cloud stands at %d, not %d", self._at.seq, before.seq)
