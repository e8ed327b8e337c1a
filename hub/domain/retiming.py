"""What a right time means for entries that had a wrong one, worked out entry by entry. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from hub.domain.commands_clock import CorrectClock
from hub.domain.entries import Envelope
from hub.domain.evolve import fact_of, meta_of
from hub.domain.evolve_things import shifted
from hub.domain.fact import Fact
from hub.domain.facts import (
    EntryRecovered,
    SaleCompleted,
    SaleRefunded,
    SaleVoided,
)
from hub.domain.facts_clock import Correction, DayShare, DrawerShare, Thing
from hub.domain.facts_credit import (
    AccountPaid,
    AccountReversed,
    PaymentFailed,
    PaymentSettled,
)
from hub.domain.facts_day import DayClosed, DrawerMoved, RegisterCounted, RegisterSettled
from hub.domain.facts_layaway import LayawayCancelled, LayawayOpened
from hub.domain.facts_receipt import ReceiptIssued
from hub.domain.facts_sale import NumbersReserved
from hub.domain.figures import Tenders, add_tenders
from hub.domain.numbering import NumberDay, NumberRange
from hub.domain.numbers import parsed
from hub.domain.report import fold
from hub.domain.report_sums import DayReport
from hub.domain.retiming_things import things_of, visitor_of
from hub.domain.sale import Tender

# Less is no correction: it is how well a clock is known.
SAME_MS: Final = 2000
# What rounding to milliseconds and a clock that is slewed may differ by within one range.
RUN_MS: Final = 50
# Entries (and what carries a time), and ranges, that one clock.corrected lists: it must pass the cloud's 256 KiB.
ENTRIES_AT_ONCE: Final = 500
RANGES_AT_ONCE: Final = 200
_OF_A_DATE: Final = (DrawerMoved, RegisterCounted, RegisterSettled)


class _Drawer(Struct):
    float_: int = 0
    cash_in: int = 0
    cash_out: int = 0
    openings: int = 0
    counts: int = 0
    tenders: Tenders = ()
    settled: list[int] = field(default_factory=list)


class _Share(Struct):
    given: DayReport
    gone: DayReport
    drawers: dict[str, _Drawer] = field(default_factory=dict)
    numbers: NumberDay = NumberDay("")


class Retiming:
    """Takes entries in order with the time that they were really made; gives the command that corrects them.

    at: RFC 3339 and business date of a moment. day_of: the business date of a time that a device named.
    """

    def __init__(self, at: Callable[[float], tuple[str, str]], day_of: Callable[[str], str | None]) -> None:
        self._at = at
        self._day_of = day_of
        self._ranges: list[Correction] = []
        self._shares: dict[tuple[str, str], _Share] = {}
        self._things: list[Thing] = []
        self._count = 0
        # Customers whose points moved in corrected entries.
        self._visitors: set[str] = set()

    @property
    def full(self) -> bool:
        return self._count >= ENTRIES_AT_ONCE or len(self._ranges) >= RANGES_AT_ONCE

    def take(self, source: str, upto_seq: int) -> CorrectClock | None:
        """What has gathered, and begin anew; None when nothing was wrong."""
        ranges, self._ranges = self._ranges, []
        shares, self._shares = self._shares, {}
        things, self._things = self._things, []
        self._count = 0
        if not ranges and not things:
            return None
        days = tuple(_share(old, new, share) for (old, new), share in shares.items())
        return CorrectClock(
            source=source, upto_seq=upto_seq, corrections=tuple(ranges), days=days, things=tuple(things)
        )

    def add(
        self, envelope: Envelope, *, unix_s: float, was_date: str, was_shift_ms: int, exact: bool = True
    ) -> None:
        """was_date, was_shift_ms: what earlier corrections said of this entry; its own, and 0, when none did."""
        shift_ms = round((unix_s - datetime.fromisoformat(envelope.time).timestamp()) * 1000)
        right = abs(shift_ms - was_shift_ms) <= SAME_MS
        if right and not self._visitors:
            return
        fact = fact_of(envelope.type, bytes(envelope.data))
        if right:
            if (visitor := visitor_of(fact)) in self._visitors:
                # They were here again: that day counts, though an earlier visit seemed to be of it and was not.
                self._things.append(Thing("customer", str(visitor), 0, was_date, was=was_date))
                self._count += 1
            return
        time, date = self._at(unix_s)
        if isinstance(fact, SaleCompleted) and fact.taken is not None:
            own = self._day_of(fact.taken.at)
            if own is not None and own < date:
                date = own
        self._list(envelope, was_date, date, time, shift_ms, exact)
        if fact is None or isinstance(fact, (EntryRecovered, DayClosed)):
            return
        meta = meta_of(envelope)
        had = shifted(meta.time, was_shift_ms)
        by_ms = shift_ms - was_shift_ms
        if isinstance(fact, _OF_A_DATE) and fact.date != envelope.businessdate:
            # It says itself which day it is about.
            self._move(things_of(fact, by_ms, was_date, fact.date, had, envelope.seq))
            return
        share = self._shares.get((was_date, date))
        if share is None:
            share = self._shares[was_date, date] = _Share(
                DayReport(business_date=date), DayReport(business_date=date)
            )
        fold(share.gone, fact, replace(meta, time=had))
        fold(share.given, fact, replace(meta, time=time, business_date=date))
        _draw(share.drawers, fact, envelope.seq)
        for part in _handed_out(fact):
            share.numbers = share.numbers.with_range(part)
        self._move(things_of(fact, by_ms, was_date, date, had, envelope.seq))

    def _move(self, things: list[Thing]) -> None:
        self._things += things
        self._visitors.update(thing.id for thing in things if thing.kind == "customer")
        self._count += len(things)

    def _list(self, envelope: Envelope, old: str, new: str, time: str, shift_ms: int, exact: bool) -> None:
        self._count += 1
        last = self._ranges[-1] if self._ranges else None
        if (
            last is not None
            and last.last_seq + 1 == envelope.seq
            and (last.old_business_date, last.new_business_date, last.boot_id, last.exact)
            == (old, new, envelope.bootid, exact)
            and abs(last.shift_ms - shift_ms) <= RUN_MS
        ):
            self._ranges[-1] = replace(last, last_seq=envelope.seq)
            return
        self._ranges.append(
            Correction(
                first_seq=envelope.seq,
                last_seq=envelope.seq,
                old_business_date=old,
                new_business_date=new,
                old_time=envelope.time,
                new_time=time,
                shift_ms=shift_ms,
                boot_id=envelope.bootid,
                exact=exact,
            )
        )


def _share(old: str, new: str, share: _Share) -> DayShare:
    """Of a day that stays the same only the hours move, and when a drawer was settled."""
    moved = DayReport(business_date=new, hours=share.given.hours, settlements=share.given.settlements)
    report = share.given if old != new else moved
    drawers = (
        ()
        if old == new
        else tuple(
            DrawerShare(
                register_id=register_id,
                float_=drawer.float_,
                cash_in=drawer.cash_in,
                cash_out=drawer.cash_out,
                openings=drawer.openings,
                counts=drawer.counts,
                tenders=drawer.tenders,
                settled=tuple(drawer.settled),
            )
            for register_id, drawer in share.drawers.items()
        )
    )
    numbers = () if old == new else share.numbers.ranges
    return DayShare(
        from_=old, to=new, report=report, hours=share.gone.hours, drawers=drawers, numbers=numbers
    )


def _handed_out(fact: Fact) -> Iterator[NumberRange]:
    """The numbers that this entry gave out, if they were not of a block."""
    match fact:
        case NumbersReserved():
            yield NumberRange(fact.series, fact.first, fact.last, fact.register_id)
            return
        case SaleCompleted() | AccountPaid():
            written = [fact.receipt_no]
        case SaleRefunded():
            written = [fact.refund_no]
        case LayawayOpened():
            written = [fact.deposit_no or ""]
        case ReceiptIssued():
            written = [receipt.formal_no for receipt in fact.receipts]
        case _:
            return
    for number in map(parsed, written):
        if number is not None:
            yield NumberRange(number[0], number[1], number[1])


def _draw(drawers: dict[str, _Drawer], fact: Fact, seq: int) -> None:
    """What the fact put into a register's present run, or took out; a settlement takes it all but the counts."""
    if isinstance(fact, DrawerMoved):
        drawer = drawers.setdefault(fact.register_id, _Drawer())
        match fact.kind:
            case "float":
                drawer.float_ += fact.amount
            case "in":
                drawer.cash_in += fact.amount
            case "out":
                drawer.cash_out += fact.amount
            case "open":
                drawer.openings += 1
    elif isinstance(fact, RegisterCounted):
        drawers.setdefault(fact.register_id, _Drawer()).counts += 1
    elif isinstance(fact, RegisterSettled):
        before = drawers.get(fact.register_id) or _Drawer()
        drawers[fact.register_id] = _Drawer(counts=before.counts, settled=[*before.settled, seq])
    elif isinstance(fact, PaymentSettled):
        _pay(drawers, fact.taken_off_at, fact.taken_off, -1)
        _pay(drawers, fact.register_id, fact.tenders, 1)
    elif isinstance(fact, PaymentFailed):
        _pay(drawers, fact.register_id, fact.taken_off, -1)
    elif isinstance(fact, (SaleCompleted, AccountPaid, LayawayOpened)):
        _pay(drawers, fact.register_id, fact.tenders, 1)
    elif isinstance(fact, (SaleVoided, SaleRefunded, AccountReversed, LayawayCancelled)):
        _pay(drawers, fact.register_id, fact.tenders, -1)


def _pay(drawers: dict[str, _Drawer], register_id: str, tenders: tuple[Tender, ...], sign: int) -> None:
    if tenders and register_id:
        drawer = drawers.setdefault(register_id, _Drawer())
        drawer.tenders = add_tenders(drawer.tenders, tenders, sign)
