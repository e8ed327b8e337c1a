"""Day reports when a part of one day turns out to be another's: sums are taken off there and added here."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hub.domain.fact import Fact
from hub.domain.facts_clock import ClockCorrected, DayJoined, DayLeft, DayShare
from hub.domain.figures import NOTHING, Figures, Tally, TaxTotal, TenderTotal
from hub.domain.report_sums import CountTotal, DayReport, SettlementSum
from hub.domain.state import Meta

_NOT_MOVED = ("settlements", "closings", "late")


def halves(fact: ClockCorrected, meta: Meta) -> tuple[tuple[Fact, Meta], ...]:
    """What the correction is to each day's report."""
    found: list[tuple[Fact, Meta]] = []
    for share in fact.days:
        found.append((DayLeft(share), replace(meta, business_date=share.from_)))
        found.append((DayJoined(share), replace(meta, business_date=share.to)))
    return tuple(found)


def left(report: DayReport, fact: DayLeft, meta: Meta) -> None:
    share = fact.share
    _add(report, _with_hours(share), -1)
    gone = [_counted(one) for one in share.report.settlements]
    kept = []
    for one in report.settlements:
        if _counted(one) in gone:
            gone.remove(_counted(one))
        else:
            kept.append(one)
    report.settlements = kept
    if report.closed and share.from_ != share.to:
        moved = late_of(share.report)
        late = left_late(Tally(report.late.count, report.late.total), moved)
        report.late = CountTotal(late.count, late.total)


def _counted(one: SettlementSum) -> tuple[str, int, int, int]:
    """What tells it from others: numbers begin anew each day, so one that came from another day may have the same."""
    return one.register_id, one.number, one.expected, one.counted


def joined(report: DayReport, fact: DayJoined, meta: Meta) -> None:
    share = fact.share
    _add(report, share.report, 1)
    report.settlements = [*report.settlements, *deepcopy(share.report.settlements)]
    if report.closed and share.from_ != share.to:
        moved = late_of(share.report)
        report.late.count += moved.count
        report.late.total += moved.total


def late_of(report: DayReport) -> Tally:
    """What these figures are to a day that was closed before they came."""
    count = report.sales.count + report.voids.count + report.refunds.count
    return Tally(count, report.sales.total - report.voids.total - report.refunds.total)


def left_late(late: Tally, moved: Tally) -> Tally:
    """The late tally of a closed day that loses figures: what came late goes; what its closing had counted is missing
    from now on, and that is as late.
    """
    if not moved.count:
        return late
    if late.count >= moved.count:
        return Tally(late.count - moved.count, late.total - moved.total)
    return Tally(late.count + moved.count, late.total - moved.total)


def figures_of(report: DayReport) -> Figures:
    """The same sums as the state keeps them."""
    return Figures(
        sales=Tally(report.sales.count, report.sales.total),
        voids=Tally(report.voids.count, report.voids.total),
        refunds=Tally(report.refunds.count, report.refunds.total),
        net=report.sales.total - report.voids.total - report.refunds.total,
        taxes=tuple(
            TaxTotal(row.tax_class, row.rate, row.included, row.taxable, row.tax)
            for row in report.taxes.values()
        ),
        tenders=tuple(
            TenderTotal(method, row.name, row.kind, row.count, row.amount)
            for method, row in report.tenders.items()
        ),
    )


def combined(mine: Figures, theirs: Figures, sign: int) -> Figures:
    """The figures with theirs added (sign 1) or taken off (-1)."""
    return Figures(
        sales=_tally(mine.sales, theirs.sales, sign),
        voids=_tally(mine.voids, theirs.voids, sign),
        refunds=_tally(mine.refunds, theirs.refunds, sign),
        net=mine.net + sign * theirs.net,
        taxes=_taxes(mine.taxes, theirs.taxes, sign),
        tenders=tenders(mine.tenders, theirs.tenders, sign),
    )


def tenders(
    mine: tuple[TenderTotal, ...], theirs: tuple[TenderTotal, ...], sign: int
) -> tuple[TenderTotal, ...]:
    rows = {row.method: row for row in mine}
    for more in theirs:
        row = rows.get(more.method) or TenderTotal(more.method, more.name, more.kind)
        rows[more.method] = replace(
            row, count=row.count + sign * more.count, amount=row.amount + sign * more.amount
        )
    return tuple(row for row in rows.values() if row.count or row.amount)


def _taxes(mine: tuple[TaxTotal, ...], theirs: tuple[TaxTotal, ...], sign: int) -> tuple[TaxTotal, ...]:
    rows = {(row.tax_class, row.rate, row.included): row for row in mine}
    for more in theirs:
        key = (more.tax_class, more.rate, more.included)
        row = rows.get(key) or TaxTotal(*key)
        rows[key] = replace(row, taxable=row.taxable + sign * more.taxable, tax=row.tax + sign * more.tax)
    return tuple(row for row in rows.values() if row.taxable or row.tax)


def _tally(mine: Tally, theirs: Tally, sign: int) -> Tally:
    total = Tally(mine.count + sign * theirs.count, mine.total + sign * theirs.total)
    return total if total.count or total.total else NOTHING


def _with_hours(share: DayShare) -> DayReport:
    return replace(share.report, hours=share.hours)


def _add(mine: Struct, theirs: Struct, sign: int) -> None:
    """Add or take off the numbers, those within included; what comes to nothing is gone."""
    for name in theirs.__struct_fields__:
        if name in _NOT_MOVED:
            continue
        value = getattr(theirs, name)
        if isinstance(value, Struct):
            _add(getattr(mine, name), value, sign)
        elif isinstance(value, dict):
            setattr(mine, name, _rows(getattr(mine, name), value, sign))
        elif isinstance(value, int) and not isinstance(value, bool):
            setattr(mine, name, getattr(mine, name) + sign * value)


def _rows(mine: dict[Any, Any], theirs: dict[Any, Any], sign: int) -> dict[Any, Any]:
    rows = dict(mine)
    for key, value in theirs.items():
        if key not in rows:
            rows[key] = deepcopy(value)
            _add(rows[key], value, -1)
        _add(rows[key], value, sign)
        if not any(
            getattr(rows[key], name)
            for name in rows[key].__struct_fields__
            if type(getattr(rows[key], name)) is int
        ):
            del rows[key]
    return rows
