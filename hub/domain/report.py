"""The day report: a running sum over the facts of one business date.

`sales` are all that were completed; voids and refunds stand beside them, and `net` is what is left. Taxes, tenders,
products and categories are net as well, so that the cash in them is the cash in the drawer. Hours, devices, staff and
discounts are of completed sales. An order costs a few additions, whatever the day has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from msgspec.structs import replace

from hub.domain import report_later
from hub.domain.evolve import fact_of, meta_of
from hub.domain.facts import (
    CheckAborted,
    EntryRecovered,
    Fact,
    LinesVoided,
    OrderPlaced,
    SaleCompleted,
    SaleRefunded,
    SaleVoided,
)
from hub.domain.facts_clock import ClockCorrected, DayJoined, DayLeft
from hub.domain.facts_day import DayClosed, DrawerMoved, RegisterCounted, RegisterSettled
from hub.domain.reckoning import SaleLine, TaxRow
from hub.domain.recovered import brought
from hub.domain.recovered import counted as all_counted
from hub.domain.report_moves import halves, joined, left
from hub.domain.report_sums import (
    CategorySum,
    Closing,
    CountTotal,
    DayReport,
    DeviceSum,
    ProductSum,
    SettlementSum,
    TaxSum,
)
from hub.domain.sale import RefundedLine
from hub.domain.state import Meta

# Facts that name their business day themselves.
_OF_A_DATE: Final = frozenset({DrawerMoved, RegisterCounted, RegisterSettled, DayClosed})
# What may count otherwise than as itself on the day of its entry.
_ELSEWHERE: Final = _OF_A_DATE | {EntryRecovered, ClockCorrected}


def fold(report: DayReport, fact: Fact, meta: Meta) -> None:
    """Count a fact of the report's day. Facts that no figure depends on are passed over."""
    count = _COUNTS.get(type(fact))
    if count is not None:
        count(report, fact, meta)


def counted(fact: Fact, meta: Meta) -> tuple[Fact, Meta] | None:
    """The fact to count and its day: a recovered entry counts as itself, on its own day.

    What is about another day than the one it was made on (a drawer settled the morning after) counts on that.
    """
    if not isinstance(fact, EntryRecovered):
        if type(fact) in _OF_A_DATE and (date := fact.date) != meta.business_date:  # type: ignore[attr-defined]
            return fact, replace(meta, business_date=date)
        return fact, meta
    found, inner = brought(fact)
    lost = fact_of(inner.type, bytes(inner.data)) if all_counted(found) else None
    return None if lost is None else counted(lost, meta_of(inner))


def shares(fact: Fact, meta: Meta) -> tuple[tuple[Fact, Meta], ...]:
    """What the fact is to the reports of days: nothing, or one thing, or what a correction of the clock moves."""
    if type(fact) not in _ELSEWHERE:
        return ((fact, meta),)
    if isinstance(fact, ClockCorrected):
        return halves(fact, meta)
    shown = counted(fact, meta)
    return () if shown is None else (shown,)


def _order(report: DayReport, fact: OrderPlaced, meta: Meta) -> None:
    report.orders += 1
    device = report.devices.get(meta.device_id)
    if device is None:
        device = report.devices[meta.device_id] = DeviceSum()
    device.orders += 1
    if meta.staff_id is not None:
        report.staff.setdefault(meta.staff_id, DeviceSum()).orders += 1


def _completed(report: DayReport, fact: SaleCompleted, meta: Meta) -> None:
    report.sales.add(fact.total)
    _taxes(report, fact.taxes, 1)
    report_later.add_tenders(report.tenders, fact.tenders, 1)
    report_later.paid_with(report, fact.tenders)
    _products(report, ((line, line.net) for line in fact.lines), 1)
    report.hours.setdefault(_hour(fact, meta), CountTotal()).add(fact.total)
    device = report.devices.setdefault(meta.device_id, DeviceSum())
    device.sales += 1
    device.total += fact.total
    if meta.staff_id is not None:
        staff = report.staff.setdefault(meta.staff_id, DeviceSum())
        staff.sales += 1
        staff.total += fact.total
    if fact.discount:
        report.discounts.add(fact.discount)
    _guests(report, fact, 1)
    _late(report, fact.total)


def _voided(report: DayReport, fact: SaleVoided, meta: Meta) -> None:
    report.voids.add(fact.total)
    _guests(report, fact, -1)
    report_later.voided_with(report, fact)
    _given_back(report, fact)


def _refunded(report: DayReport, fact: SaleRefunded, meta: Meta) -> None:
    report.refunds.add(fact.total)
    _given_back(report, fact)


def _given_back(report: DayReport, fact: SaleVoided | SaleRefunded) -> None:
    _late(report, -fact.total)
    _taxes(report, fact.taxes, -1)
    report_later.add_tenders(report.tenders, fact.tenders, -1)
    report_later.off_account(report, fact.tenders)
    _products(report, ((line, line.amount) for line in fact.lines), -1)


def _taxes(report: DayReport, rows: Iterable[TaxRow], sign: int) -> None:
    for row in rows:
        key = f"{row.tax_class}|{row.rate}|{row.included}"
        total = report.taxes.setdefault(key, TaxSum(row.tax_class, row.rate, row.included))
        total.taxable += sign * row.taxable
        total.tax += sign * row.tax


def _products(report: DayReport, lines: Iterable[tuple[SaleLine | RefundedLine, int]], sign: int) -> None:
    for line, amount in lines:
        total = report.products.setdefault(line.product_id, ProductSum(line.name))
        total.quantity += sign * line.quantity
        total.amount += sign * amount
        category = report.categories.setdefault(line.category_id, CategorySum())
        category.quantity += sign * line.quantity
        category.amount += sign * amount


def _guests(report: DayReport, fact: SaleCompleted | SaleVoided, sign: int) -> None:
    if fact.check_id is not None:
        report.guests.guests += sign * fact.guests
        report.guests.parties += sign
        report.guests.total += sign * fact.total


def _late(report: DayReport, amount: int) -> None:
    if report.closed:
        report.late.add(amount)


def _lines_voided(report: DayReport, fact: LinesVoided, meta: Meta) -> None:
    report.line_voids.count += 1
    for line in fact.lines:
        report.line_voids.quantity += line.quantity
        report.line_voids.amount += line.amount


def _aborted(report: DayReport, fact: CheckAborted, meta: Meta) -> None:
    report.aborts.add(fact.check_total)


def _drawer(report: DayReport, fact: DrawerMoved, meta: Meta) -> None:
    moves = report.drawer
    match fact.kind:
        case "float":
            moves.floats += fact.amount
        case "in":
            moves.cash_in += fact.amount
        case "out":
            moves.cash_out += fact.amount
        case "open":
            moves.openings += 1


def _settled(report: DayReport, fact: RegisterSettled, meta: Meta) -> None:
    report.settlements.append(
        SettlementSum(fact.register_id, fact.number, meta.time, fact.expected, fact.counted, fact.unsent)
    )


def _day_closed(report: DayReport, fact: DayClosed, meta: Meta) -> None:
    report.closed = True
    totals = fact.totals
    report.closings.append(
        Closing(
            revision=fact.revision,
            at=meta.time,
            by=fact.by,
            sales=totals.sales.count,
            total=totals.sales.total,
            net=totals.net,
            unsent=fact.unsent,
            open_checks=len(fact.open_checks),
        )
    )


def _hour(fact: SaleCompleted, meta: Meta) -> int:
    """The hour of the store's clock at which the guest paid."""
    if fact.taken is None:
        return int(meta.time[11:13])
    zone = datetime.fromisoformat(meta.time).tzinfo
    return datetime.fromisoformat(fact.taken.at).astimezone(zone).hour


_COUNTS: Final[dict[type[Fact], Callable[[DayReport, Any, Meta], None]]] = {
    OrderPlaced: _order,
    SaleCompleted: _completed,
    SaleVoided: _voided,
    SaleRefunded: _refunded,
    LinesVoided: _lines_voided,
    CheckAborted: _aborted,
    DrawerMoved: _drawer,
    RegisterSettled: _settled,
    DayClosed: _day_closed,
    **report_later.COUNTS,
    DayLeft: left,
    DayJoined: joined,
}
