"""What a day report holds: mutable sums, serialisable as they are. New ones go to the end and have a default."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from hub.domain.menu import TenderKind
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


class CategorySum(Struct):
    quantity: int = 0
    amount: int = 0


class CountTotal(Struct):
    count: int = 0
    total: int = 0

    def add(self, total: int) -> None:
        self.count += 1
        self.total += total


class DeviceSum(Struct):
    """Of a device, and of a member of staff."""

    orders: int = 0
    sales: int = 0
    total: int = 0


class GuestSum(Struct):
    """guests: on checks that were paid for. parties: those checks; total: what they came to. Without voided ones."""

    guests: int = 0
    parties: int = 0
    total: int = 0


class VoidSum(Struct):
    """Portions taken off checks before payment."""

    count: int = 0
    quantity: int = 0
    amount: int = 0


class DrawerMoves(Struct):
    """Of all registers: change put in, cash in and out, openings without a sale."""

    floats: int = 0
    cash_in: int = 0
    cash_out: int = 0
    openings: int = 0


class SettlementSum(Struct):
    """One 精算: cash expected and counted, the float included."""

    register_id: str
    number: int
    at: str
    expected: int
    counted: int
    unsent: int


class Closing(Struct):
    """One day.closed entry, and the day's sums when it was made."""

    revision: int
    at: str
    by: str
    sales: int
    total: int
    net: int
    unsent: int
    open_checks: int


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
    categories: dict[str, CategorySum] = {}
    staff: dict[str, DeviceSum] = {}
    guests: GuestSum = msgspec.field(default_factory=GuestSum)
    discounts: CountTotal = msgspec.field(default_factory=CountTotal)
    line_voids: VoidSum = msgspec.field(default_factory=VoidSum)
    aborts: CountTotal = msgspec.field(default_factory=CountTotal)
    drawer: DrawerMoves = msgspec.field(default_factory=DrawerMoves)
    settlements: list[SettlementSum] = []
    closings: list[Closing] = []
    # Sales, voids and refunds that came in after the first closing: how many, and what they changed the net by.
    late: CountTotal = msgspec.field(default_factory=CountTotal)
