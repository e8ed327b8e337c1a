"""The shapes of reports, for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct, field

from hub.domain.menu import TenderKind
from hub.domain.report_sums import (
    AccountSum,
    Closing,
    CountTotal,
    DeferredSum,
    DepositSum,
    DrawerMoves,
    SettlementSum,
    VoidSum,
)
from hub.domain.tax import RateClass


class Count(Struct):
    count: int


class Total(Struct):
    total: int


class TaxLine(Struct):
    """taxable holds the tax when it is included in the prices. rate null: exempt."""

    tax_class: RateClass
    rate: str | None
    included: bool
    taxable: int
    tax: int


class TenderLine(Struct):
    method: str
    name: str
    kind: TenderKind
    count: int
    amount: int


class ProductLine(Struct):
    """amount: after discounts."""

    product_id: str
    name: str
    quantity: int
    amount: int


class CategoryLine(Struct):
    """The category that the product was in when it was sold; name: what it is called now."""

    category_id: str
    name: str
    quantity: int
    amount: int


class HourLine(Struct):
    """Completed sales by the hour of the store's clock."""

    hour: Annotated[int, Meta(ge=0, le=23)]
    count: int
    total: int


class DeviceLine(Struct):
    device_id: str
    orders: int
    sales: int
    total: int


class StaffLine(Struct):
    staff_id: str
    name: str
    orders: int
    sales: int
    total: int


class GuestsView(Struct):
    """客数. parties: checks that were paid for; total: what they came to. Rounded down; null: nobody was counted."""

    guests: int
    parties: int
    total: int
    per_guest: int | None
    per_party: int | None


class SettlementLine(SettlementSum):
    over_short: int


class SumsView(Struct, kw_only=True):
    """net: sales without voids and refunds. Taxes, tenders, products and categories are net as well.

    late: what came in after the first closing, and what it changed the net by. Deposits, what was received on account
    and `other_tenders`, by which both came and went, are no sales: with `tenders` they are what the drawers took.
    """

    orders: Count
    sales: CountTotal
    voids: CountTotal
    refunds: CountTotal
    net: Total
    taxes: list[TaxLine]
    tenders: list[TenderLine]
    products: list[ProductLine]
    categories: list[CategoryLine]
    hours: list[HourLine]
    devices: list[DeviceLine]
    staff: list[StaffLine]
    guests: GuestsView
    discounts: CountTotal
    line_voids: VoidSum
    aborts: CountTotal
    late: CountTotal
    drawer: DrawerMoves
    deposits: DepositSum
    accounts: AccountSum
    deferred: DeferredSum
    voucher_surplus: CountTotal
    other_tenders: list[TenderLine]
    over_short: int


class DayView(SumsView, kw_only=True):
    business_date: str
    closed: bool
    settlements: list[SettlementLine]
    closings: list[Closing]


class DayShort(Struct):
    business_date: str
    closed: bool
    orders: Count
    sales: CountTotal
    net: Total
    guests: GuestsView
    late: CountTotal


class SpanView(Struct, kw_only=True):
    first: str = field(name="from")
    to: str
    days: list[DayShort]
    total: SumsView


class DailyView(Struct, kw_only=True):
    """日報. best: the products that brought most. agrees: with the cloud; null: not compared."""

    store_name: str
    currency: str
    business_date: str
    closed: bool
    orders: Count
    sales: CountTotal
    voids: CountTotal
    refunds: CountTotal
    net: Total
    taxes: list[TaxLine]
    tenders: list[TenderLine]
    best: list[ProductLine]
    categories: list[CategoryLine]
    hours: list[HourLine]
    staff: list[StaffLine]
    guests: GuestsView
    discounts: CountTotal
    line_voids: VoidSum
    aborts: CountTotal
    late: CountTotal
    drawer: DrawerMoves
    deposits: DepositSum
    accounts: AccountSum
    deferred: DeferredSum
    voucher_surplus: CountTotal
    other_tenders: list[TenderLine]
    over_short: int
    settlements: list[SettlementLine]
    closings: list[Closing]
    unsettled: list[str]
    open_checks: int
    unsent: int
    agrees: bool | None


VIEWS: Final[dict[str, type[Struct]]] = {view.__name__: view for view in (DayView, SpanView, DailyView)}
