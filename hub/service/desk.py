"""Where requests arrive: recognised, decided, kept, answered."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from hub.domain import entries
from hub.domain.check import Check
from hub.domain.commands import Command, RecoverEntry
from hub.domain.commands_clock import CorrectClock
from hub.domain.commands_customer import OfCustomer, OfPerson
from hub.domain.decide import decide
from hub.domain.decide.at import At
from hub.domain.decide.taken import plausible
from hub.domain.device import HUB_ID, Device
from hub.domain.entries import Envelope, Origin, Stamp
from hub.domain.errors import HubError, IdempotencyKeyReused, NotReady, OutcomeUnknown, StorageFull
from hub.domain.evolve import fact_of, meta_of
from hub.domain.facts import ForeignRecorded
from hub.domain.needs import (
    DRAWER_COMMANDS,
    TARGETS,
    Need,
    customer_missing,
    drawer_needs,
    fact_needs,
    retiming_needs,
)
from hub.domain.permissions import session_at
from hub.domain.recovered import first_made
from hub.domain.state import State
from hub.ports import Clock, JournalReader, StateKeeper, StoreError
from hub.service.cold import Cold
from hub.service.requests import Requests, fingerprint, request_hash
from hub.service.sealing import KINDS as SEALED_KINDS
from hub.service.sealing import Ready, Sealing
from hub.service.sparing import may_wait
from hub.service.writer import Group, Writer

# The box itself, for commands that come from the cloud, the command line or its own clock.
HUB = Device(device_id=HUB_ID, name="hub", role="manager", token_hash="", paired_at="")

# A maker's own fact may be any JSON value: it is not mixed with the hub's words in the answer.
NOT_SHOWN: Final = b"{}"
# A command's fields have an order, and mappings get one: equal commands have equal bytes.
_canonical = msgspec.json.Encoder(order="deterministic").encode


class Answer(Struct, gc=False):
    """body: JSON. seq: the last entry of the write. replayed: this is the first answer, given again."""

    body: bytes
    seq: int
    replayed: bool = False


class Request(Struct, gc=False):
    """A write as it was asked.

    path: with the ids in it, as the device sent it (it is part of what a key stands for).
    """

    device: Device
    key: str
    method: str
    path: str
    command: Command
    target: str = ""
    version: int | None = None


class Taken(Struct, gc=False):
    """A write that was decided: the last entry's seq and data.

    It does not know the group that keeps it, which knows who waits for its answer: what the garbage collector does not
    see must not be part of a ring.
    """

    seq: int
    data: bytes | memoryview
    stamp: Stamp

    def answer(self) -> Answer:
        """Only once the group is kept."""
        stamp = self.stamp
        body = entries.answer(
            self.data, seq=self.seq, business_date=stamp.business_date, accepted_at=stamp.time
        )
        return Answer(body, self.seq)


class Desk:
    def __init__(
        self,
        *,
        state: State,
        writer: Writer,
        journal: JournalReader,
        keeper: StateKeeper,
        cold: Cold,
        requests: Requests,
        clock: Clock,
        mint: Callable[[], str],
        online: Callable[[], bool],
        unsent: Callable[[], int] = int,
        sealing: Sealing | None = None,
    ) -> None:
        self._state = state
        self._writer = writer
        self._journal = journal
        self._keeper = keeper
        self._ended = cold
        self._requests = requests
        self._clock = clock
        self._mint = mint
        self._online = online
        self._unsent = unsent
        self._sealing = sealing
        # The requests being answered now, by device and key: a second one waits for the first.
        # Nobody waits for nearly all of them: those have no future.
        self._running: dict[tuple[str, str], asyncio.Future[None] | None] = {}

    def at_once(self, request: Request, answered: Callable[[Answer | HubError], None]) -> bool:
        """Decide now, and call `answered` when the commit is over; False when nothing has happened: submit() it.

        Nearly every write is new, allowed, and about what stands in memory. It then needs no task of its own,
        which is a fifth of an order's processor time.
        """
        name = (request.device.device_id, request.key)
        found = fingerprint(*name)
        if (
            name in self._running
            or type(request.command) in SEALED_KINDS
            or self._requests.recent(found)
            or self._requests.filter.may_hold(found)
            or self._cold(request.command, request.target, request.device)
        ):
            return False
        try:
            taken, group = self._take(request, _digest(request), found)
        except HubError:
            return False

        def over(failure: HubError | None) -> None:
            self._release(name)
            answered(taken.answer() if failure is None else failure)

        self._running[name] = None
        group.then(over)
        return True

    async def submit(self, request: Request) -> Answer:
        """The answer, once every entry of it is on stable storage.

        Raises HubError. Only what was kept is remembered: a refused request may be sent again with the same key.
        """
        name = (request.device.device_id, request.key)
        while name in self._running:
            await self._end_of(name)
        self._running[name] = None
        under_way = None
        try:
            return await self._answer(request)
        except asyncio.CancelledError:
            # The device hung up, but its entries may be on their way to the disk: whoever asks again waits for them.
            under_way = self._writer.pending()
            raise
        except StoreError as error:
            raise NotReady(reason=str(error), retry_after_s=1) from error
        finally:
            if under_way is None:
                self._release(name)
            else:
                under_way.over().add_done_callback(lambda _: self._release(name))

    async def _end_of(self, name: tuple[str, str]) -> None:
        running = self._running[name]
        if running is None:
            running = self._running[name] = asyncio.get_running_loop().create_future()
        # Shielded: one that hangs up must not end the waiting of the others.
        await asyncio.shield(running)

    def _release(self, name: tuple[str, str]) -> None:
        if (waited_for := self._running.pop(name)) is not None:
            waited_for.set_result(None)

    async def _answer(self, request: Request) -> Answer:
        digest = _digest(request)
        found = fingerprint(request.device.device_id, request.key)
        await self._bring(request.command, request.target, request.device)
        # A recent request stands in memory until the table has it, so one of the two always knows it.
        seqs = self._requests.recent(found)
        if self._requests.filter.may_hold(found):
            seqs = (*seqs, *await self._keeper.requests_of(found), *self._requests.recent(found))
        for seq in dict.fromkeys(seqs):
            first = await self._first_answer(request, digest, seq)
            if first is not None:
                await self._writer.copied(first.seq)
                await self._followed(request.command)
                return first
        ready = await self._ready(request.command, request.target)
        if ready is not None and ready.digest is not None:
            digest = ready.digest
        await self._bring(request.command, request.target, request.device, ready)
        try:
            taken, group = self._take(request, digest, found, ready)
        except HubError:
            # It may rest on decisions that are not on disk yet: refuse only what they, too, would have refused.
            if (seen := self._writer.pending()) is not None:
                await seen.kept()
            raise
        await group.kept()
        await self._followed(request.command)
        return taken.answer()

    async def _ready(self, command: Command, target: str) -> Ready | None:
        if self._sealing is None or type(command) not in SEALED_KINDS:
            return None
        return await self._sealing.ready(command, target)

    async def _followed(self, command: Command) -> None:
        """Whoever was registered can be found, and who was forgotten is, before anyone is told so."""
        if self._sealing is not None and type(command) in SEALED_KINDS:
            await self._sealing.follow()

    def _take(
        self, request: Request, digest: str, found: int, ready: Ready | None = None
    ) -> tuple[Taken, Group]:
        """Decide, and hand the facts to the writer. No pause in here: what a failed commit left could turn up in it."""
        self._writer.check_open()
        self._writer.check_copied()
        if self._writer.sparing and may_wait(request.command):
            raise StorageFull(retry_after_s=60)
        stamp = self._stamp(request.command)
        at = At(
            stamp, request.device, self._mint, request.target, request.version, self._online(), self._unsent
        )
        command = request.command if ready is None else ready.sealed()
        facts = decide(self._state, command, at)
        origin = Origin(request.device.device_id, _staff_of(self._state, request, stamp), request.key, digest)
        entry, data, group = self._writer.add(facts, stamp, origin, found)
        shown = NOT_SHOWN if isinstance(facts[-1], ForeignRecorded) else data
        return Taken(entry.seq, shown, stamp), group

    def _stamp(self, command: Command) -> Stamp:
        """Now; on the business day on which it was made, for a sale that a device took without the hub."""
        stamp = self._clock.stamp()
        taken = getattr(command, "taken", None)
        if taken is None:
            return stamp
        day = self._clock.business_date(taken.at)
        if day is not None and not plausible(taken.at, stamp.unix_s):
            return stamp
        # A device's clock may be wrong: a sale is never of a day that has not come.
        return replace(stamp, business_date=day) if day is not None and day < stamp.business_date else stamp

    async def _first_answer(self, request: Request, digest: str, seq: int) -> Answer | None:
        """The first answer again, if the entry at seq is that of this very key."""
        entry = await self._journal.at(seq)
        if entry is None:
            if self._journal.first_seq <= seq <= self._journal.position.seq:
                # In a hole (docs/repair.md): it had its effect, and the answer is not back yet.
                raise OutcomeUnknown(retry_after_s=5)
            return None
        envelope = first_made(entries.read(entry.raw))
        if envelope.deviceid != request.device.device_id or envelope.idempotencykey != request.key:
            return None
        if isinstance(request.command, OfPerson) and self._sealing is not None:
            # Hashed with the customer's key. Of one who was forgotten since, nothing is left to compare.
            known = await self._sealing.digest(envelope, request.command)
            digest = str(envelope.requesthash) if known is None else known
        if envelope.requesthash != digest:
            raise IdempotencyKeyReused
        return Answer(_answer_of(envelope), envelope.seq, replayed=True)

    async def _bring(self, command: Command, target: str, device: Device, ready: Ready | None = None) -> None:
        """Bring back to memory what the command names and what of it has ended: to be decided without a pause."""

        def needs() -> list[Need]:
            # What is brought names more: a day its drawers, a sale the one it was paid into and its customer.
            found = self._cold(command, target, device)
            if isinstance(command, (RecoverEntry, CorrectClock)):
                found += recovered_needs(command)
            return found if ready is None else [*found, *ready.needs()]

        await self._ended.bring(needs)

    def _cold(self, command: Command, target: str, device: Device) -> list[Need]:
        """What the command names and memory does not hold: it may have ended long ago, or never have been."""
        state, found = self._state, []
        check_id = getattr(command, "check_id", None)
        if check_id and state.checks.get(check_id) is None:
            found.append(("checks", check_id))
        customer_id = getattr(command, "customer_id", None)
        if customer_id and (lacking := customer_missing(state, customer_id)) is not None:
            found.append(("customers", lacking))
        if target and isinstance(command, OfCustomer):
            if (lacking := customer_missing(state, target)) is not None:
                found.append(("customers", lacking))
        elif target:
            if state.checks.get(target) is None:
                found.append(("checks", target))
            sale = state.sales.get(target)
            if sale is None:
                found.append(("sales", target))
            elif sale.customer_id and (lacking := customer_missing(state, sale.customer_id)) is not None:
                found.append(("customers", lacking))
            shelf = TARGETS.get(type(command))
            if shelf is not None and getattr(state, shelf).get(target) is None:
                found.append((shelf, target))
        if type(command) in DRAWER_COMMANDS:
            day = self._stamp(command).business_date
            for shelf, key in drawer_needs(state, command, target, device, day):
                if getattr(state, shelf).get(key) is None:
                    found.append((shelf, key))
        return found

    async def order(self, command: Command, *, target: str = "") -> int:
        """A command of the box itself (ports.Office).

        The seq of its last entry once it is on disk, 0 when there was none.
        """
        if not isinstance(command, RecoverEntry) or (lost := lost_in(command)) is None:
            return await self._order(command, target)
        at = await self._journal.at(lost.seq)
        if at is not None and at.epoch == lost.epoch:
            # It is here, and comes again within an entry that had brought it back elsewhere.
            return await self._order(replace(command, answered_again=True), target)
        if lost.idempotencykey is None:
            return await self._order(command, target)
        name = lost.deviceid, lost.idempotencykey
        # The device may be asking again with the lost entry's key at this very moment.
        while name in self._running:
            await self._end_of(name)
        self._running[name] = None
        try:
            again = await self._answered(*name)
            return await self._order(replace(command, answered_again=again), target)
        finally:
            self._release(name)

    async def _order(self, command: Command, target: str) -> int:
        await self._bring(command, target, HUB)
        ready = await self._ready(command, target)
        await self._bring(command, target, HUB, ready)
        self._writer.check_open()
        if self._writer.sparing and may_wait(command):
            raise StorageFull(retry_after_s=60)
        stamp = self._clock.stamp()
        at = At(stamp, HUB, self._mint, target, None, self._online(), self._unsent)
        facts = decide(self._state, command if ready is None else ready.sealed(), at)
        if not facts:
            # It was done already, perhaps by a decision that is not on disk yet.
            if (seen := self._writer.pending()) is not None:
                await seen.kept()
            return 0
        entry, _, group = self._writer.add(facts, stamp, Origin(HUB.device_id))
        await group.kept()
        await self._followed(command)
        return entry.seq

    async def _answered(self, device_id: str, key: str) -> bool:
        """Whether an entry of this journal answers the request."""
        found = fingerprint(device_id, key)
        for seq in (*await self._keeper.requests_of(found), *self._requests.recent(found)):
            entry = await self._journal.at(seq)
            if entry is not None:
                known = first_made(entries.read(entry.raw))
                if (known.deviceid, known.idempotencykey) == (device_id, key):
                    return True
        return False

    def check(self, check_id: str) -> Check | None:
        return self._state.checks.committed.get(check_id)


def _staff_of(state: State, request: Request, stamp: Stamp) -> str | None:
    """Who does it: whom the command names, else who is signed in at the device."""
    if request.command.staff_id is not None:
        return request.command.staff_id
    session = session_at(state, request.device.device_id, stamp.unix_s)
    return None if session is None else session.staff_id


def _digest(request: Request) -> str:
    return request_hash(f"{request.method} {request.path}", _canonical(request.command))


def lost_in(command: RecoverEntry) -> Envelope | None:
    """The entry that comes back, as it was made at first; None when it is no entry."""
    try:
        return first_made(entries.read(command.entry.encode()))
    except msgspec.MsgspecError:
        return None


def recovered_needs(command: RecoverEntry | CorrectClock) -> list[Need]:
    """What the lost entry's fact changes, or the right time."""
    if isinstance(command, CorrectClock):
        return list(retiming_needs(command))
    lost = lost_in(command)
    fact = None if lost is None else fact_of(lost.type, bytes(lost.data))
    return [] if lost is None or fact is None else list(fact_needs(fact, meta_of(lost)))


def _answer_of(envelope: Envelope) -> bytes:
    return entries.answer(
        bytes(envelope.data) if envelope.type.startswith("storehub.") else NOT_SHOWN,
        seq=envelope.seq,
        business_date=envelope.businessdate,
        accepted_at=envelope.time,
    )
