"""Master data: what can be ordered, at which tables, with which tenders and taxes, by whom."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct, field

from hub.domain.menu_offers import Coupon, Deal
from hub.domain.menu_types import END as END
from hub.domain.menu_types import Amount as Amount
from hub.domain.menu_types import Id as Id
from hub.domain.menu_types import Instant as Instant
from hub.domain.menu_types import Name as Name
from hub.domain.menu_types import Price as Price
from hub.domain.menu_types import Rate as Rate

# Goods: of one product, or moved at once.
QUANTITY_MAX: Final = 99_999_999
Pieces = Annotated[int, Meta(ge=-QUANTITY_MAX, le=QUANTITY_MAX)]

TaxClass = Literal["standard", "reduced", "food", "zero", "exempt"]
Dining = Literal["eat_in", "takeout"]
Availability = Literal["orderable", "sold_out"]
# set: what is chosen for its slots are lines of their own below it.
# plan: the right to order its items for a time.  in_plan: sold in a plan only.  plan_extension: more time for a plan.
ProductKind = Literal["single", "set", "plan", "in_plan", "plan_extension"]
# What becomes of a voucher's face value beyond the bill: refused, kept without change (釣無し), given as cash (釣有り).
Surplus = Literal["refuse", "keep", "change"]
TenderKind = Literal["cash", "card", "emoney", "qr", "voucher", "account", "points", "other"]


class Category(Struct, frozen=True, forbid_unknown_fields=True):
    id: Id
    name: Name


class CustomContent(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One way in which the product may be made (お好みオーダー), and what that adds to its price."""

    id: Id
    name: Name
    price: Amount = 0


class SetChoice(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A product that may fill a slot of a set; price: what it costs on top of the set."""

    product_id: Id
    price: Price = 0


class SetSlot(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A place in a set (main, drink, …). min and max count the portions chosen for one unit of the set.

    course: the place in the sequence of a course menu; held: it waits until it is fired.
    """

    id: Id
    name: Name
    choices: Annotated[tuple[SetChoice, ...], Meta(min_length=1, max_length=500)]
    min: Annotated[int, Meta(ge=0, le=99)] = 1
    max: Annotated[int, Meta(ge=1, le=99)] = 1
    course: Annotated[str, Meta(max_length=32)] = ""
    held: bool = False

    def choice(self, product_id: str) -> SetChoice | None:
        return next((choice for choice in self.choices if choice.product_id == product_id), None)


Minutes = Annotated[int, Meta(ge=0, le=1440)]
Ids = Annotated[tuple[Id, ...], Meta(max_length=5000)]


class PlanTerms(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What a plan (飲み放題/食べ放題) gives. Its price is the product's, for one guest.

    minutes: how long it runs. last_order_minutes: before the end. notice_minutes: before the last order.
    product_ids, category_ids: what is ordered at 0. extension: the product that is charged for each guest when the
    plan is extended by extension_minutes; none: it cannot be extended.
    """

    minutes: Annotated[int, Meta(ge=1, le=1440)]
    last_order_minutes: Minutes = 0
    notice_minutes: Minutes = 0
    product_ids: Ids = ()
    category_ids: Ids = ()
    extension_product_id: Id | None = None
    extension_minutes: Minutes = 30

    def __post_init__(self) -> None:
        if self.last_order_minutes >= self.minutes:
            raise ValueError("the last order lies before the end, within the plan's minutes")
        if self.extension_product_id is not None and self.extension_minutes < max(1, self.last_order_minutes):
            raise ValueError("an extension is not shorter than the time after the last order")


class Product(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    id: Id
    name: Name
    category_id: Id
    price: Price
    code: Annotated[str, Meta(max_length=64)] = ""
    kana: Annotated[str, Meta(max_length=200)] = ""
    tax_class: TaxClass = "standard"
    tax_included: bool = True
    option_group_ids: tuple[Id, ...] = ()
    open_price: bool = False
    stock_tracked: bool = False
    # What staff said. A tracked product whose remaining count is 0 is sold out whatever stands here.
    availability: Availability = "orderable"
    remaining: Annotated[int, Meta(ge=0, le=999_999)] | None = None
    kind: ProductKind = "single"
    # Of a set only.
    slots: Annotated[tuple[SetSlot, ...], Meta(max_length=50)] = ()
    custom_contents: Annotated[tuple[CustomContent, ...], Meta(max_length=100)] = ()
    # Of a plan only.
    plan: PlanTerms | None = None
    # Whether more of its goods can be sold than there are; None: as the store has it.
    oversell: Literal["allowed", "refused"] | None = None
    # By price list: member, staff, or one of the store's own.
    prices: Annotated[dict[Id, Price], Meta(max_length=20)] = {}
    # Of a set: its price is shared between its parts, so that each bears its own tax.
    tax_shared: bool = False

    @property
    def sold_out(self) -> bool:
        return self.availability == "sold_out" or self.remaining == 0


class Option(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """availability and remaining: as with a product. remaining None: not counted."""

    id: Id
    name: Name
    price: Amount = 0
    availability: Availability = "orderable"
    remaining: Annotated[int, Meta(ge=0, le=999_999)] | None = None

    @property
    def sold_out(self) -> bool:
        return self.availability == "sold_out" or self.remaining == 0


class OptionGroup(Struct, frozen=True, forbid_unknown_fields=True):
    """min and max count the options chosen in one unit of the product; max None: as many as the guest likes."""

    id: Id
    name: Name
    options: tuple[Option, ...]
    min: Annotated[int, Meta(ge=0, le=99)] = 0
    max: Annotated[int, Meta(ge=0, le=99)] | None = None

    def option(self, option_id: str) -> Option | None:
        return next((option for option in self.options if option.id == option_id), None)

    def with_option(self, option: Option) -> OptionGroup:
        """The group with this option in the place of the one that has its id."""
        options = tuple(option if one.id == option.id else one for one in self.options)
        return msgspec.structs.replace(self, options=options)


class TaxRate(Struct, frozen=True, forbid_unknown_fields=True):
    tax_class: Literal["standard", "reduced", "zero"]
    rate: Rate
    since: Instant = field(name="from")

    @property
    def id(self) -> str:
        return f"{self.tax_class}@{self.since}"


TimeOfDay = Annotated[str, Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]" + END, examples=["17:30"])]


class BandPrice(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """difference: what a product, or each one of a category, costs more (or less) in the band."""

    difference: Amount
    product_id: Id | None = None
    category_id: Id | None = None

    def __post_init__(self) -> None:
        if (self.product_id is None) == (self.category_id is None):
            raise ValueError("a price difference names either a product_id or a category_id")


class TimeBand(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A time band (営業時間帯): what is different while it lasts, by the hub's clock.

    from, to: times of day of the store; to at or before from: it ends on the next day. weekdays: those on which it
    begins, 1 Monday to 7 Sunday; none: all. prices: a product's own difference counts before its category's.
    product_ids, category_ids: sold in no other band than those that name them.
    table_charge (お通し/チャージ): for each guest. service_charge (サービス料): a rate on what is ordered in the band.
    rounding_discount (端数値引): bills come down to a multiple of it. stay_notice_minutes: after check-in.
    """

    id: Id
    name: Name
    since: TimeOfDay = field(name="from")
    to: TimeOfDay
    weekdays: Annotated[tuple[Annotated[int, Meta(ge=1, le=7)], ...], Meta(max_length=7)] = ()
    prices: Annotated[tuple[BandPrice, ...], Meta(max_length=5000)] = ()
    product_ids: Ids = ()
    category_ids: Ids = ()
    table_charge: Price = 0
    table_charge_name: Name = "お通し"
    table_charge_tax_class: TaxClass = "standard"
    table_charge_tax_included: bool = True
    service_charge: Rate | None = None
    service_charge_name: Name = "サービス料"
    rounding_discount: Literal[1, 10, 100, 1000, 10000] = 1
    stay_notice_minutes: Minutes = 0


class Table(Struct, frozen=True, forbid_unknown_fields=True):
    id: Id
    name: Name
    area: Annotated[str, Meta(max_length=100)] = ""


class TenderMethod(Struct, frozen=True, forbid_unknown_fields=True):
    id: Id
    name: Name
    kind: TenderKind
    needs_network: bool = False
    # For vouchers; without it the setting `voucher_surplus` decides.
    surplus: Surplus | None = None


class Staff(Struct, frozen=True, forbid_unknown_fields=True):
    id: Id
    code: Annotated[str, Meta(max_length=32)]
    name: Name
    role: Annotated[str, Meta(max_length=32)] = "staff"


class StockLevel(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the master data says of a product's stock: quantity, where it was thought to be `was`.

    The difference is a movement. Without `was` it is the first level of a product that has no stock yet.
    """

    id: Id
    quantity: Pieces
    was: Pieces | None = None


class Menu(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A whole menu file, in the shape of GET /v1/menu."""

    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}" + END)] = "JPY"
    categories: tuple[Category, ...] = ()
    products: tuple[Product, ...] = ()
    option_groups: tuple[OptionGroup, ...] = ()
    tax_rates: tuple[TaxRate, ...] = ()
    tables: tuple[Table, ...] = ()
    tender_methods: tuple[TenderMethod, ...] = ()
    staff: tuple[Staff, ...] = ()
    time_bands: tuple[TimeBand, ...] = ()
    stock: tuple[StockLevel, ...] = ()
    deals: tuple[Deal, ...] = ()
    coupons: tuple[Coupon, ...] = ()
    version: str = ""


def plain(value: Struct | None) -> Any:
    """The value as plain JSON: as it will be when its entry is read again."""
    return msgspec.json.decode(msgspec.json.encode(value))
