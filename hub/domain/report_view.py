"""The day report as its readers see it, for one day and for a span of days."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.domain.report_sums import CountTotal, DayReport, SettlementSum

# What ids are called now; an id that is gone has no name.
Names = Mapping[str, str]
NO_NAMES: Names = {}
_BY_KEY: Final = (
    "taxes", "tenders", "products", "hours", "devices", "categories", "staff", "other_tenders",
)  # fmt: skip


def view(report: DayReport, *, categories: Names = NO_NAMES, staff: Names = NO_NAMES) -> dict[str, Any]:
    """The body of GET /v1/reports/days/{business_date}."""
    return {
        "business_date": report.business_date,
        "closed": report.closed,
        **sums(report, categories=categories, staff=staff),
        "settlements": [settlement(one) for one in report.settlements],
        "closings": msgspec.to_builtins(report.closings),
    }


def sums(report: DayReport, *, categories: Names = NO_NAMES, staff: Names = NO_NAMES) -> dict[str, Any]:
    """Everything that adds up over days."""
    return {
        "orders": {"count": report.orders},
        "sales": _count_total(report.sales),
        "voids": _count_total(report.voids),
        "refunds": _count_total(report.refunds),
        "net": {"total": net_of(report)},
        "taxes": [msgspec.to_builtins(row) for _, row in sorted(report.taxes.items())],
        "tenders": _rows("method", report.tenders),
        "products": _rows("product_id", report.products),
        "categories": _named("category_id", report.categories, categories),
        "hours": [{"hour": hour, **_count_total(total)} for hour, total in sorted(report.hours.items())],
        "devices": _rows("device_id", report.devices),
        "staff": _named("staff_id", report.staff, staff),
        "guests": guests_view(report),
        "discounts": _count_total(report.discounts),
        "line_voids": msgspec.to_builtins(report.line_voids),
        "aborts": _count_total(report.aborts),
        "late": _count_total(report.late),
        "drawer": msgspec.to_builtins(report.drawer),
        "deposits": msgspec.to_builtins(report.deposits),
        "accounts": msgspec.to_builtins(report.accounts),
        "deferred": msgspec.to_builtins(report.deferred),
        "voucher_surplus": _count_total(report.voucher_surplus),
        "other_tenders": _rows("method", report.other_tenders),
        "over_short": sum(one.counted - one.expected for one in report.settlements),
    }


def net_of(report: DayReport) -> int:
    return report.sales.total - report.voids.total - report.refunds.total


def guests_view(report: DayReport) -> dict[str, Any]:
    """per_guest (客単価) and per_party, rounded down; null when nobody was counted."""
    guests = report.guests
    return {
        "guests": guests.guests,
        "parties": guests.parties,
        "total": guests.total,
        "per_guest": guests.total // guests.guests if guests.guests > 0 else None,
        "per_party": guests.total // guests.parties if guests.parties > 0 else None,
    }


def settlement(one: SettlementSum) -> dict[str, Any]:
    return {**msgspec.to_builtins(one), "over_short": one.counted - one.expected}


def summed(reports: Iterable[DayReport]) -> DayReport:
    """The days as one. Its closings are nobody's: each day has its own."""
    total = DayReport(business_date="")
    for report in reports:
        _add(total, report)
        for name in _BY_KEY:
            mine, theirs = getattr(total, name), getattr(report, name)
            for key, value in theirs.items():
                if key in mine:
                    _add(mine[key], value)
                else:
                    mine[key] = copy(value)
        total.settlements = [*total.settlements, *report.settlements]
    return total


def _add(mine: Struct, theirs: Struct) -> None:
    """Add the numbers, those of sums within included."""
    for name in theirs.__struct_fields__:
        value = getattr(theirs, name)
        if isinstance(value, Struct):
            _add(getattr(mine, name), value)
        elif isinstance(value, int) and not isinstance(value, bool):
            setattr(mine, name, getattr(mine, name) + value)


def span_view(
    first: str, last: str, reports: list[DayReport], *, categories: Names = NO_NAMES, staff: Names = NO_NAMES
) -> dict[str, Any]:
    """The body of GET /v1/reports: the days in short, and all of them added up."""
    return {
        "from": first,
        "to": last,
        "days": [
            {
                "business_date": report.business_date,
                "closed": report.closed,
                "orders": {"count": report.orders},
                "sales": _count_total(report.sales),
                "net": {"total": net_of(report)},
                "guests": guests_view(report),
                "late": _count_total(report.late),
            }
            for report in reports
        ],
        "total": sums(summed(reports), categories=categories, staff=staff),
    }


def _rows(key: str, found: Mapping[str, Struct]) -> list[dict[str, Any]]:
    return [{key: name, **msgspec.to_builtins(total)} for name, total in sorted(found.items())]


def _named(key: str, found: Mapping[str, Struct], names: Names) -> list[dict[str, Any]]:
    return [{**row, "name": names.get(row[key], "")} for row in _rows(key, found)]


def _count_total(value: CountTotal) -> dict[str, int]:
    return {"count": value.count, "total": value.total}
