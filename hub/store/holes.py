"""Entries that are known to be missing in the middle of the journal, and their way back into their place."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from hub.domain import entries
from hub.domain.entries import Entry, Envelope
from hub.domain.facts import After
from hub.ports import EpochStart, StoreError
from hub.store.journal import Journal
from hub.store.mend_plan import requests_of
from hub.store.mended import HOLES, Span

# Put back in one transaction: short enough that no order waits for it.
PIECE: Final = 500


class Hole(Struct, frozen=True):
    """All that lie from first to last are missing; those beside them are there."""

    first: int
    last: int


class Misfit(StoreError):
    """What was given follows from the entry behind the hole, but not from the one before it."""


def holes_of(note: bytes | None) -> list[Hole]:
    """As a repair noted them. A note that cannot be read has nothing to say."""
    try:
        return [Hole(*pair) for pair in msgspec.json.decode(note, type=list[tuple[int, int]])] if note else []
    except msgspec.MsgspecError:
        return []


def spans(holes: Iterable[Hole], starts: Sequence[EpochStart]) -> tuple[Span, ...]:
    """For people: with the epoch, or '' where one began somewhere in the hole."""

    def epoch_of(seq: int) -> str:
        return next((start.epoch for start in reversed(starts) if start.first_seq <= seq), "")

    named = []
    for hole in holes:
        epoch = epoch_of(hole.first - 1)
        named.append(Span(epoch if epoch == epoch_of(hole.last + 1) else "", hole.first, hole.last))
    return tuple(named)


def fitting(hole: Hole, before: Entry | None, after: Entry, given: Mapping[int, bytes]) -> dict[int, bytes]:
    """Those of the given bytes that are the missing entries, by seq.

    One is when another entry names its hash: the one behind it, back from the entry behind the hole. When they close
    the hole, the first must follow the entry before it too: else Misfit. Where some in between are nowhere, those
    before them are taken if both sides are of one epoch, whose seqs are never used twice, and they follow the chain;
    but the last of these, whose hash nobody names, is not.
    """
    proved: dict[int, bytes] = {}
    behind = entries.read(after.raw)
    wanted, seq = behind.prevhash, hole.last
    while seq >= hole.first and (raw := given.get(seq)) is not None and entries.hash_of(raw) == wanted:
        proved[seq] = raw
        wanted, seq = entries.read(raw).prevhash, seq - 1
    if before is None:
        return proved
    if seq < hole.first:
        if wanted != before.hash:
            raise Misfit(f"what was given for {hole.first} to {hole.last} does not follow {before.seq}")
        return proved
    epoch, head = entries.read(before.raw).epoch, before.hash
    if epoch != behind.epoch:
        return proved
    run: list[bytes] = []
    for at in range(hole.first, seq):
        raw = given.get(at)
        said = None if raw is None else _read(raw)
        if raw is None or said is None or (said.seq, said.epoch, said.prevhash) != (at, epoch, head):
            break
        run.append(raw)
        head = entries.hash_of(raw)
    return proved | dict(enumerate(run[:-1], hole.first))


class Holes:
    """load() first. put_back() may be called for several sources at once.

    answered(fingerprint, seq): told of every request that an entry which is back answers.
    """

    def __init__(self, journal: Journal, answered: Callable[[int, int], None]) -> None:
        self._journal = journal
        self._answered = answered
        self._turn = asyncio.Lock()
        self.known: list[Hole] = []
        self.returned = 0

    async def load(self) -> None:
        """Read the note, less what is there after all or was removed as old. Raises StoreError."""
        journal = self._journal
        missing: set[int] = set()
        for noted in holes_of(await journal.get(HOLES)):
            if noted.first > journal.first_seq:
                low, high = noted.first, min(noted.last, journal.position.seq)
                there = {int(row[0]) for row in await journal.rows("seqs_between", (low, high))}
                missing.update(seq for seq in range(low, high + 1) if seq not in there)
        self.known = _runs(missing)

    def spans(self) -> tuple[Span, ...]:
        return spans(self.known, self._journal.epochs())

    async def before(self, hole: Hole) -> After:
        """The entry before the hole. Raises StoreError."""
        entry = await self._journal.at(hole.first - 1)
        if entry is None:
            return After("", 0, entries.NO_HASH)
        return After(entries.read(entry.raw).epoch, entry.seq, entry.hash)

    async def put_back(self, given: Iterable[bytes]) -> int:
        """Put those that are missing entries into their place; how many were. Raises StoreError, Misfit."""
        by_seq = {said.seq: raw for raw in given if (said := _read(raw)) is not None}
        count = 0
        async with self._turn:
            for hole in list(self.known):
                piece = {seq: raw for seq, raw in by_seq.items() if hole.first <= seq <= hole.last}
                if piece:
                    count += await self._into(hole, piece)
        return count

    async def _into(self, hole: Hole, piece: dict[int, bytes]) -> int:
        journal = self._journal
        before, after = await journal.at(hole.first - 1), await journal.at(hole.last + 1)
        if after is None:
            # Removed as old meanwhile, with what was missing before it.
            self.known.remove(hole)
            return 0
        proved = fitting(hole, before, after, piece)
        if not proved:
            return 0
        rows = sorted(proved.items())
        left = _runs(seq for seq in range(hole.first, hole.last + 1) if seq not in proved)
        known = sorted([*(one for one in self.known if one != hole), *left], key=lambda one: one.first)
        runs = _runs(proved)
        starts = [start for run in runs for start in self._starts(run, proved, after)]
        pairs = [pair for seq, raw in rows for pair in requests_of(seq, entries.read(raw))]
        await journal.transact(
            [
                ("put_back", rows),
                ("put_request", [(msgspec.json.encode(pairs),)]),
                ("drop_epochs_within", [(run.first, run.last + 1) for run in runs]),
                (
                    "open_epoch",
                    [(one.first_seq, one.epoch, one.after.epoch, one.after.seq, one.after.hash) for one in starts],
                ),
                ("put_note", [(HOLES, msgspec.json.encode([(one.first, one.last) for one in known]))]),
            ]
        )  # fmt: skip
        for number, seq in pairs:
            self._answered(number, seq)
        self.known = known
        self.returned += len(rows)
        await journal.read_epochs()
        return len(rows)

    def _starts(self, run: Hole, proved: dict[int, bytes], after: Entry) -> list[EpochStart]:
        """The epochs that begin in a run that comes back, or with the entry behind it."""
        found: list[EpochStart] = []
        epoch = self._journal.epoch_of(run.first - 1)
        behind = [after.raw] if run.last + 1 == after.seq else []
        for said in map(entries.read, [*(proved[seq] for seq in range(run.first, run.last + 1)), *behind]):
            if said.epoch != epoch:
                found.append(EpochStart(said.epoch, said.seq, After(epoch, said.seq - 1, said.prevhash)))
            epoch = said.epoch
        return found


def _runs(seqs: Iterable[int]) -> list[Hole]:
    found: list[Hole] = []
    for seq in sorted(seqs):
        if found and found[-1].last + 1 == seq:
            found[-1] = Hole(found[-1].first, seq)
        else:
            found.append(Hole(seq, seq))
    return found


def _read(raw: bytes) -> Envelope | None:
    try:
        return entries.read(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
