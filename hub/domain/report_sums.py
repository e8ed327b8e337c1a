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

    def take_back(self, total: int) -> None:
        """What was added turned out not to be."""
        self.count -= 1
        self.total -= total


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


class DepositSum(Struct):
    """内金 of layaways: taken, given back when one was cancelled, and used when its goods were sold."""

    taken: CountTotal = msgspec.field(default_factory=CountTotal)
    given_back: CountTotal = msgspec.field(default_factory=CountTotal)
    used: CountTotal = msgspec.field(default_factory=CountTotal)


class AccountSum(Struct):
    """売掛: sold on account, taken off by voids and refunds; received from those who owe, and booked back."""

    charged: CountTotal = msgspec.field(default_factory=CountTotal)
    taken_off: CountTotal = msgspec.field(default_factory=CountTotal)
    received: CountTotal = msgspec.field(default_factory=CountTotal)
    reversed: CountTotal = msgspec.field(default_factory=CountTotal)


class DeferredSum(Struct):
    """支払保留: begun on this day; and what came to an end on it, whenever it had begun."""

    begun: CountTotal = msgspec.field(default_factory=CountTotal)
    settled: CountTotal = msgspec.field(default_factory=CountTotal)
    failed: CountTotal = msgspec.field(default_factory=CountTotal)
    cancelled: CountTotal = msgspec.field(default_factory=CountTotal)


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
    deposits: DepositSum = msgspec.field(default_factory=DepositSum)
    accounts: AccountSum = msgspec.field(default_factory=AccountSum)
    deferred: DeferredSum = msgspec.field(default_factory=DeferredSum)
    # 釣無し: what vouchers were worth beyond the bill, and the store kept.
    voucher_surplus: CountTotal = msgspec.field(default_factory=CountTotal)
    # Tenders of no sale: deposits and payments on account, less what was given back.
    other_tenders: dict[str, TenderSum] = {}
