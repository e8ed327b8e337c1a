"""The shapes of the menu, for the OpenAPI document."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct, field

from hub.domain.menu import (
    Availability,
    Category,
    CustomContent,
    PlanTerms,
    ProductKind,
    SetSlot,
    Staff,
    Table,
    TaxClass,
    TaxRate,
    TenderMethod,
    TimeBand,
)
from hub.domain.menu_offers import Deal


class ProductView(Struct):
    id: str
    code: str
    name: str
    kana: str
    category_id: str
    price: int
    tax_class: TaxClass
    tax_included: bool
    option_group_ids: list[str]
    open_price: bool
    stock_tracked: bool
    availability: Availability
    kind: ProductKind
    remaining: int | None = None
    prices: dict[str, int] = {}
    oversell: Literal["allowed", "refused"] | None = None
    slots: list[SetSlot] = []
    custom_contents: list[CustomContent] = []
    plan: PlanTerms | None = None


class OptionView(Struct):
    id: str
    name: str
    price: int
    availability: Availability
    remaining: int | None = None


class OptionGroupView(Struct):
    id: str
    name: str
    min: int
    max: int | None
    options: list[OptionView]


class CouponView(Struct, kw_only=True):
    """A coupon without its code, which guests bring. once: a check, or in the store."""

    id: str
    name: str
    kind: Literal["amount", "rate"]
    value: int | str
    minimum: int = 0
    since: str | None = field(name="from", default=None)
    until: str | None = field(name="to", default=None)
    once: Literal["check", "store"] = "check"


class MenuView(Struct):
    """remaining is there only for products and options whose portions are counted, plan for a plan only."""

    version: str
    currency: str
    categories: list[Category]
    products: list[ProductView]
    option_groups: list[OptionGroupView]
    tax_rates: list[TaxRate]
    tables: list[Table]
    tender_methods: list[TenderMethod]
    staff: list[Staff]
    time_bands: list[TimeBand]
    deals: list[Deal]
    coupons: list[CouponView]


VIEWS: Final[dict[str, type[Struct]]] = {"MenuView": MenuView}
