"""Running sums of money by tender and tax rate, for a register and for a business day. Immutable: adding replaces."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct
from msgspec.structs import replace

from hub.domain.menu import TenderKind
from hub.domain.reckoning import TaxRow
from hub.domain.sale import Tender
from hub.domain.tax import RateClass


class Tally(Struct, frozen=True, gc=False):
    count: int = 0
    total: int = 0

    def plus(self, total: int) -> Tally:
        return Tally(self.count + 1, self.total + total)


class TenderTotal(Struct, frozen=True, gc=False):
    """count: how often it was taken or given back. amount: taken less given back."""

    method: str
    name: str
    kind: TenderKind
    count: int = 0
    amount: int = 0


class TaxTotal(Struct, frozen=True, gc=False):
    """taxable holds the tax when it is included in the prices; rate None: exempt."""

    tax_class: RateClass
    rate: str | None
    included: bool
    taxable: int = 0
    tax: int = 0


Tenders = tuple[TenderTotal, ...]
NOTHING = Tally()


class Figures(Struct, frozen=True, gc=False):
    """A day in money. net is sales less voids and refunds; taxes and tenders are net as well.

    NO_FIGURES is the day on which nothing was sold.
    """

    sales: Tally = NOTHING
    voids: Tally = NOTHING
    refunds: Tally = NOTHING
    net: int = 0
    taxes: tuple[TaxTotal, ...] = ()
    tenders: Tenders = ()


NO_FIGURES = Figures()


def add_tenders(sums: Tenders, tenders: Iterable[Tender], sign: int = 1) -> Tenders:
    """The sums with these tenders taken (sign -1: given back)."""
    rows = {row.method: row for row in sums}
    for tender in tenders:
        row = rows.get(tender.method) or TenderTotal(tender.method, tender.name, tender.kind)
        rows[tender.method] = replace(row, count=row.count + 1, amount=row.amount + sign * tender.amount)
    return tuple(rows.values())


def less_tenders(sums: Tenders, settled: Iterable[TenderTotal]) -> Tenders:
    """The sums without what was settled; a tender of which nothing is left is gone."""
    rows = {row.method: row for row in sums}
    for part in settled:
        row = rows.get(part.method) or TenderTotal(part.method, part.name, part.kind)
        rows[part.method] = replace(row, count=row.count - part.count, amount=row.amount - part.amount)
    return tuple(row for row in rows.values() if row.count or row.amount)


def cash_in(sums: Iterable[TenderTotal]) -> int:
    """What the tenders put into the drawer."""
    return sum(row.amount for row in sums if row.kind == "cash")


def add_taxes(sums: tuple[TaxTotal, ...], rows: Iterable[TaxRow], sign: int) -> tuple[TaxTotal, ...]:
    known = {(row.tax_class, row.rate, row.included): row for row in sums}
    for more in rows:
        key = (more.tax_class, more.rate, more.included)
        row = known.get(key) or TaxTotal(more.tax_class, more.rate, more.included)
        known[key] = replace(row, taxable=row.taxable + sign * more.taxable, tax=row.tax + sign * more.tax)
    return tuple(known.values())
