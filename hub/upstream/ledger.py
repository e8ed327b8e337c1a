"""What the cloud has acknowledged, added up per business day by the rule of the cloud's totals. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Final

import msgspec
from msgspec import Struct, field

from hub.domain.entries import NO_HASH, Entry, head
from hub.domain.facts import After

# How a type moves the day's total. sale.completed alone counts as a sale.
SIGNS: Final = {
    "storehub.sale.completed.v1": 1,
    "storehub.sale.voided.v1": -1,
    "storehub.sale.refunded.v1": -1,
}
SALE: Final = "storehub.sale.completed.v1"
CLOCK: Final = "storehub.clock.corrected.v1"
# Corrected ranges kept; an entry older than all of them is hardly ever put into its hole now.
CORRECTED_MAX: Final = 1000
RECOVERED: Final = "storehub.entry.recovered.v1"
# Business days kept: a day is compared while it changes, and entries of older days come in rarely.
DAYS_MAX: Final = 14


class Day(Struct):
    """One business day. partial: some of its entries were never added up here, so it cannot be compared.

    first_seq: of the first entry that was added up; 0 when that was before it was kept.
    """

    entries: int = 0
    sales: int = 0
    total: int = 0
    last_seq: int = 0
    hash: str = NO_HASH
    partial: bool = False
    first_seq: int = 0

    def add(self, tally: Tally) -> None:
        if not self.entries or tally.seq < self.first_seq:
            self.first_seq = tally.seq
        self.entries += 1
        self.sales += tally.effect.sales
        self.total += tally.effect.amount
        if tally.seq > self.last_seq:
            self.last_seq, self.hash = tally.seq, tally.hash


class Corrected(Struct, frozen=True):
    """Entries whose business date was corrected, by the entry at `by`."""

    by: int
    first_seq: int
    last_seq: int
    old_business_date: str
    new_business_date: str


class _Glance(Struct, gc=False):
    # Only what the sums need; the parser skips the rest.
    type: str
    businessdate: str
    data: msgspec.Raw = msgspec.Raw(b"{}")
    prevhash: str = ""


class _Amount(Struct, gc=False):
    total: int = 0


class _Recovered(Struct, gc=False):
    entry: str = ""
    counted: bool = True


class _Range(Struct, gc=False):
    first_seq: int
    last_seq: int
    old_business_date: str
    new_business_date: str


class _Clock(Struct, gc=False):
    corrections: list[_Range] = field(default_factory=list)


_glance = msgspec.json.Decoder(_Glance).decode
_amount = msgspec.json.Decoder(_Amount).decode
_recovered = msgspec.json.Decoder(_Recovered).decode
_clock = msgspec.json.Decoder(_Clock).decode


class Effect(Struct, frozen=True, gc=False):
    """How one entry moves the sums of its day, and the running total of the store."""

    business_date: str
    sales: int = 0
    amount: int = 0
    running: int = 0
    corrects: tuple[_Range, ...] = ()


class Tally(Struct, frozen=True, gc=False):
    """What the sums need of an entry: its bytes may be dropped once this is known."""

    epoch: str
    seq: int
    hash: str
    effect: Effect


# Of the others no more than the head is looked at.
_WITH_DATA: Final = {*SIGNS, RECOVERED, CLOCK}
# Bytes that are no entry move nothing, of a day without a name: the cloud will refuse them, not we.
_NO_ENTRY: Final = _Glance("", "")


def _seen(raw: bytes) -> _Glance:
    with suppress(msgspec.MsgspecError):
        seen = _glance(head(raw))
        if seen.type not in _WITH_DATA:
            return seen
    with suppress(msgspec.MsgspecError):
        return _glance(raw)
    return _NO_ENTRY


def _effect(seen: _Glance) -> Effect:
    try:
        if seen.type == RECOVERED:
            # The cloud's totals pass over what came back; the hub's running total counts it again.
            back = _recovered(seen.data)
            running = _effect(_seen(back.entry.encode())).running if back.counted else 0
            return Effect(seen.businessdate, running=running)
        if seen.type == CLOCK:
            return Effect(seen.businessdate, corrects=_ranges(seen.data))
        sign = SIGNS.get(seen.type, 0)
        amount = sign * _amount(seen.data).total if sign else 0
    except msgspec.MsgspecError:
        return Effect("")
    return Effect(seen.businessdate, int(seen.type == SALE), amount, amount)


def _ranges(data: msgspec.Raw) -> tuple[_Range, ...]:
    """What a clock.corrected moves to other days."""
    try:
        listed = _clock(data).corrections
    except msgspec.MsgspecError:
        return ()
    return tuple(one for one in listed if one.old_business_date != one.new_business_date)


def effect_of(raw: bytes) -> Effect:
    return _effect(_seen(raw))


def tally_of(entry: Entry) -> Tally:
    return Tally(entry.epoch, entry.seq, entry.hash, effect_of(entry.raw))


def tallies_of(row: Sequence[Entry]) -> list[Tally]:
    """Of entries in their order: one whose next one is there is hashed already, as that names its hash.

    What it names in vain, because bytes are damaged, the cloud will not take either: it hashes all that comes.
    """
    seen = [_seen(entry.raw) for entry in row]
    hashes = [
        said.prevhash if said.prevhash and after.seq == entry.seq + 1 else entry.hash
        for entry, after, said in zip(row, row[1:], seen[1:], strict=False)
    ]
    hashes.append(row[-1].hash)
    return [
        Tally(entry.epoch, entry.seq, known, _effect(one))
        for entry, known, one in zip(row, hashes, seen, strict=True)
    ]


class Ledger(Struct):
    """Sums up to and with the entry at `at`. amount: the store's running total, as the hub counts it."""

    at: After = After("", 0, NO_HASH)
    amount: int = 0
    days: dict[str, Day] = field(default_factory=dict)
    # The newest day that was dropped: a day up to it that turns up again starts in the middle.
    dropped: str = ""
    # False when it did not begin with the store's first entry.
    whole: bool = True
    # What was passed over and is still to be counted. Kept with the sums: the quarantine is saved at other moments.
    holes: list[int] = field(default_factory=list)
    # By the entry that corrects, the newest last.
    corrected: list[Corrected] = field(default_factory=list)
    # Business days that a correction touched and that are still to be counted anew.
    stale: list[str] = field(default_factory=list)

    def add(self, tally: Tally, *, hole: bool) -> str | None:
        """Count the entry after `at`; a hole only moves the position. Returns the business day that changed."""
        self.at = After(tally.epoch, tally.seq, tally.hash)
        if hole:
            self.holes.append(tally.seq)
            return None
        return self._count(tally)

    def fill(self, tally: Tally) -> str | None:
        """Count an entry that had been passed over as a hole, once. Returns the business day to compare again."""
        if tally.seq in self.holes:
            self.holes.remove(tally.seq)
            return self._count(tally)
        # Counted before the cloud lost its memory and refused it: now the cloud counts it again too.
        return self.date_of(tally) if tally.seq <= self.at.seq else None

    def date_of(self, tally: Tally) -> str:
        """The business date on which the entry counts."""
        for one in reversed(self.corrected):
            if one.first_seq <= tally.seq <= one.last_seq:
                return one.new_business_date
        return tally.effect.business_date

    def _count(self, tally: Tally) -> str:
        if tally.effect.corrects:
            self._correct(tally)
        date = self.date_of(tally)
        day = self.days.get(date)
        if day is None:
            partial = date <= self.dropped or (not self.whole and not self.days)
            day = self.days[date] = Day(partial=partial)
            if len(self.days) > DAYS_MAX:
                self._drop_oldest()
        day.add(tally)
        self.amount += tally.effect.running
        return date

    def _correct(self, tally: Tally) -> None:
        found = [
            Corrected(tally.seq, one.first_seq, one.last_seq, one.old_business_date, one.new_business_date)
            for one in tally.effect.corrects
        ]
        self.corrected = sorted([*self.corrected, *found], key=lambda one: one.by)[-CORRECTED_MAX:]
        dates = {one.old_business_date for one in found} | {one.new_business_date for one in found}
        self.stale = sorted({*self.stale, *dates})

    def recount_from(self) -> int:
        """The first entry to look at for the stale days."""
        firsts = [day.first_seq for name, day in self.days.items() if name in self.stale]
        ranges = [
            one.first_seq
            for one in self.corrected
            if one.old_business_date in self.stale or one.new_business_date in self.stale
        ]
        return min([*firsts, *ranges], default=1)

    def recounted(self, counted: dict[str, Day], *, lacking_before: int) -> None:
        """Put the stale days as they were counted anew; entries before lacking_before are no longer kept."""
        for name, day in counted.items():
            before = self.days.get(name)
            if before is not None:
                day.partial = before.partial or before.first_seq < lacking_before
            else:
                day.partial = name <= self.dropped
            if day.entries:
                self.days[name] = day
            else:
                self.days.pop(name, None)
        self.stale = [name for name in self.stale if name not in counted]
        while len(self.days) > DAYS_MAX:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        # By when a day last grew, not by its name: a clock may have named a day of 2099.
        oldest = min(self.days, key=lambda name: self.days[name].last_seq or self.at.seq)
        del self.days[oldest]
        self.dropped = max(self.dropped, oldest)

    def recent(self, count: int) -> Iterable[tuple[str, Day]]:
        """The days that grew last, newest first."""
        return sorted(self.days.items(), key=lambda item: -item[1].last_seq)[:count]
