"""What the cloud has acknowledged, added up per business day by the rule of the cloud's totals. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct, field

from hub.domain.entries import NO_HASH, Entry
from hub.domain.facts import After

# How a type moves the day's total. sale.completed alone counts as a sale.
SIGNS: Final = {
    "storehub.sale.completed.v1": 1,
    "storehub.sale.voided.v1": -1,
    "storehub.sale.refunded.v1": -1,
}
SALE: Final = "storehub.sale.completed.v1"
RECOVERED: Final = "storehub.entry.recovered.v1"
# Business days kept: a day is compared while it changes, and entries of older days come in rarely.
DAYS_MAX: Final = 14


class Day(Struct):
    """One business day. partial: some of its entries were never added up here, so it cannot be compared."""

    entries: int = 0
    sales: int = 0
    total: int = 0
    last_seq: int = 0
    hash: str = NO_HASH
    partial: bool = False


class _Glance(Struct, gc=False):
    # Only what the sums need; the parser skips the rest.
    type: str
    businessdate: str
    data: msgspec.Raw


class _Amount(Struct, gc=False):
    total: int = 0


class _Recovered(Struct, gc=False):
    entry: str = ""


_glance = msgspec.json.Decoder(_Glance).decode
_amount = msgspec.json.Decoder(_Amount).decode
_recovered = msgspec.json.Decoder(_Recovered).decode


class Effect(Struct, frozen=True):
    """How one entry moves the sums of its day, and the running total of the store."""

    business_date: str
    sales: int = 0
    amount: int = 0
    running: int = 0


def effect_of(raw: bytes) -> Effect:
    """Bytes that are no entry move nothing, of a day without a name: the cloud will refuse them, not we."""
    try:
        seen = _glance(raw)
        if seen.type == RECOVERED:
            # The cloud's totals pass over what came back; the hub's running total counts it again.
            return Effect(seen.businessdate, running=effect_of(_recovered(seen.data).entry.encode()).running)
        sign = SIGNS.get(seen.type, 0)
        amount = sign * _amount(seen.data).total if sign else 0
    except msgspec.MsgspecError:
        return Effect("")
    return Effect(seen.businessdate, int(seen.type == SALE), amount, amount)


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

    def add(self, entry: Entry, *, hole: bool) -> str | None:
        """Count the entry after `at`; a hole only moves the position. Returns the business day that changed."""
        self.at = After(entry.epoch, entry.seq, entry.hash)
        if hole:
            self.holes.append(entry.seq)
            return None
        return self._count(entry)

    def fill(self, entry: Entry) -> str | None:
        """Count an entry that had been passed over as a hole, once. Returns the business day to compare again."""
        if entry.seq in self.holes:
            self.holes.remove(entry.seq)
            return self._count(entry)
        # Counted before the cloud lost its memory and refused it: now the cloud counts it again too.
        return effect_of(entry.raw).business_date if entry.seq <= self.at.seq else None

    def _count(self, entry: Entry) -> str:
        effect = effect_of(entry.raw)
        day = self.days.get(effect.business_date)
        if day is None:
            partial = effect.business_date <= self.dropped or (not self.whole and not self.days)
            day = self.days[effect.business_date] = Day(partial=partial)
            if len(self.days) > DAYS_MAX:
                self._drop_oldest()
        day.entries += 1
        day.sales += effect.sales
        day.total += effect.amount
        self.amount += effect.running
        if entry.seq > day.last_seq:
            day.last_seq, day.hash = entry.seq, entry.hash
        return effect.business_date

    def _drop_oldest(self) -> None:
        # By when a day last grew, not by its name: a clock may have named a day of 2099.
        oldest = min(self.days, key=lambda name: self.days[name].last_seq or self.at.seq)
        del self.days[oldest]
        self.dropped = max(self.dropped, oldest)

    def recent(self, count: int) -> Iterable[tuple[str, Day]]:
        """The days that grew last, newest first."""
        return sorted(self.days.items(), key=lambda item: -item[1].last_seq)[:count]
