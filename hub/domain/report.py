"""The day report: a running sum over the facts of one business date.

`sales` are all that were completed; voids and refunds stand beside them, and `net` is what is left. Taxes, tenders and
products are net as well, so that the cash in them is the cash in the drawer. Hours and devices are of completed sales.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.domain import entries
from hub.domain.evolve import fact_of, meta_of
from hub.domain.facts import EntryRecovered, Fact, OrderPlaced, SaleCompleted, SaleRefunded, SaleVoided
from hub.domain.facts_credit import PaymentFailed, PaymentSettled
from hub.domain.menu import TenderKind
from hub.domain.reckoning import TaxRow
from hub.domain.sale import Tender
from hub.domain.state import Meta
from hub.domain.tax import RateClass


class TaxSum(Struct):
    """taxable holds the tax when it is included in the prices (see reckoning.TaxRow)."""

    tax_class: RateClass
    rate: str | None
    included: bool
    taxable: int = 0
    tax: int = 0


class TenderSum(Struct):
    name: str
    kind: TenderKind
    count: int = 0
    amount: int = 0


class ProductSum(Struct):
    """amount: after discounts."""

    name: str
    quantity: int = 0
    amount: int = 0


class CountTotal(Struct):
    count: int = 0
    total: int = 0

    def add(self, total: int) -> None:
        self.count += 1
        self.total += total


class DeviceSum(Struct):
    orders: int = 0
    sales: int = 0
    total: int = 0


class DayReport(Struct, kw_only=True):
    """Mutable, and serialisable as it is. view() gives the answer's shape."""

    business_date: str
    closed: bool = False
    orders: int = 0
    sales: CountTotal = msgspec.field(default_factory=CountTotal)
    voids: CountTotal = msgspec.field(default_factory=CountTotal)
    refunds: CountTotal = msgspec.field(default_factory=CountTotal)
    taxes: dict[str, TaxSum] = {}
    tenders: dict[str, TenderSum] = {}
    products: dict[str, ProductSum] = {}
    hours: dict[int, CountTotal] = {}
    devices: dict[str, DeviceSum] = {}


def fold(report: DayReport, fact: Fact, meta: Meta) -> None:
    """Count a fact of the report's day. Facts that no figure depends on are passed over."""
    count = _COUNTS.get(type(fact))
    if count is not None:
        count(report, fact, meta)


def counted(fact: Fact, meta: Meta) -> tuple[Fact, Meta] | None:
    """The fact to count and its day: a recovered entry counts as itself, on its own day."""
    if not isinstance(fact, EntryRecovered):
        return fact, meta
    if not fact.counted:
        return None
    inner = entries.read(fact.entry.encode())
    lost = fact_of(inner.type, bytes(inner.data))
    return None if lost is None else (lost, meta_of(inner))


def _order(report: DayReport, fact: OrderPlaced, meta: Meta) -> None:
    report.orders += 1
    device = report.devices.get(meta.device_id)
    if device is None:
        device = report.devices[meta.device_id] = DeviceSum()
    device.orders += 1


def _completed(report: DayReport, fact: SaleCompleted, meta: Meta) -> None:
    report.sales.add(fact.total)
    _taxes(report, fact.taxes, 1)
    _tenders(report, fact.tenders, 1)
    _products(report, ((line.product_id, line.name, line.quantity, line.net) for line in fact.lines), 1)
    report.hours.setdefault(_hour(fact, meta), CountTotal()).add(fact.total)
    device = report.devices.setdefault(meta.device_id, DeviceSum())
    device.sales += 1
    device.total += fact.total


def _voided(report: DayReport, fact: SaleVoided, meta: Meta) -> None:
    report.voids.add(fact.total)
    _given_back(report, fact)


def _refunded(report: DayReport, fact: SaleRefunded, meta: Meta) -> None:
    report.refunds.add(fact.total)
    _given_back(report, fact)


def _given_back(report: DayReport, fact: SaleVoided | SaleRefunded) -> None:
    _taxes(report, fact.taxes, -1)
    _tenders(report, fact.tenders, -1)
    _products(report, ((line.product_id, line.name, line.quantity, line.amount) for line in fact.lines), -1)


def _settled(report: DayReport, fact: PaymentSettled, meta: Meta) -> None:
    _tenders(report, fact.taken_off, -1)
    _tenders(report, fact.tenders, 1)


def _failed(report: DayReport, fact: PaymentFailed, meta: Meta) -> None:
    _tenders(report, fact.taken_off, -1)


def _taxes(report: DayReport, rows: Iterable[TaxRow], sign: int) -> None:
    for row in rows:
        key = f"{row.tax_class}|{row.rate}|{row.included}"
        total = report.taxes.setdefault(key, TaxSum(row.tax_class, row.rate, row.included))
        total.taxable += sign * row.taxable
        total.tax += sign * row.tax


def _tenders(report: DayReport, tenders: Iterable[Tender], sign: int) -> None:
    for tender in tenders:
        total = report.tenders.setdefault(tender.method, TenderSum(tender.name, tender.kind))
        total.count += 1
        total.amount += sign * tender.amount


def _products(report: DayReport, lines: Iterable[tuple[str, str, int, int]], sign: int) -> None:
    for product_id, name, quantity, amount in lines:
        total = report.products.setdefault(product_id, ProductSum(name))
        total.quantity += sign * quantity
        total.amount += sign * amount


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
    PaymentSettled: _settled,
    PaymentFailed: _failed,
}


def view(report: DayReport) -> dict[str, Any]:
    """The body of GET /v1/reports/days/{business_date}."""
    net = report.sales.total - report.voids.total - report.refunds.total
    return {
        "business_date": report.business_date,
        "closed": report.closed,
        "orders": {"count": report.orders},
        "sales": _count_total(report.sales),
        "voids": _count_total(report.voids),
        "refunds": _count_total(report.refunds),
        "net": {"total": net},
        "taxes": [msgspec.to_builtins(row) for _, row in sorted(report.taxes.items())],
        "tenders": [
            {"method": method, **msgspec.to_builtins(total)}
            for method, total in sorted(report.tenders.items())
        ],
        "products": [
            {"product_id": product_id, **msgspec.to_builtins(total)}
            for product_id, total in sorted(report.products.items())
        ],
        "hours": [{"hour": hour, **_count_total(total)} for hour, total in sorted(report.hours.items())],
        "devices": [
            {"device_id": device_id, **msgspec.to_builtins(total)}
            for device_id, total in sorted(report.devices.items())
        ],
    }


def _count_total(value: CountTotal) -> dict[str, int]:
    return {"count": value.count, "total": value.total}
