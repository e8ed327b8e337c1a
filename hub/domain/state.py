"""Everything the next decision may need, by subject."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import Struct

from hub.domain.band import BY_HAND, Bands
from hub.domain.check import Check, ChosenOption
from hub.domain.command import OptionIn
from hub.domain.credit import Account, AccountMove, Payment, Received
from hub.domain.customer import Customer, MasterCustomer, Movement
from hub.domain.day import Day
from hub.domain.device import Device
from hub.domain.facts_clock import Correction
from hub.domain.facts_stock import StockMoved
from hub.domain.layaway import Layaway
from hub.domain.menu import (
    Category,
    OptionGroup,
    Product,
    Staff,
    Table,
    TaxRate,
    TenderMethod,
    TimeBand,
)
from hub.domain.menu_offers import Coupon, CouponUse, Deal
from hub.domain.money import Rounding
from hub.domain.numbering import NumberDay, NumberUse
from hub.domain.numbers import RegisterNumbers
from hub.domain.register import RegisterDay
from hub.domain.sale import Sale
from hub.domain.shelf import Shelf
from hub.domain.staff import Approval, StaffPin, StaffSession
from hub.domain.stock import Stock, StockMovement
from hub.domain.tax import TaxSchedule

# The kinds of master data: the shelf of each and what stands on it.
KINDS: Final[dict[str, tuple[str, type[Struct]]]] = {
    "category": ("categories", Category),
    "product": ("products", Product),
    "option_group": ("option_groups", OptionGroup),
    "tax_rate": ("tax_rates", TaxRate),
    "table": ("tables", Table),
    "tender_method": ("tender_methods", TenderMethod),
    "staff": ("staff", Staff),
    "customer": ("customers", MasterCustomer),
    "time_band": ("time_bands", TimeBand),
    "deal": ("deals", Deal),
    "coupon": ("coupons", Coupon),
}

_ROUNDINGS: Final[dict[str, Rounding]] = {rounding.value: rounding for rounding in Rounding}


class State:
    """Shelves and what is derived from them. The store loads it, evolve() changes it, decide() reads it."""

    def __init__(self) -> None:
        self.categories: Shelf[Category] = Shelf("categories")
        self.products: Shelf[Product] = Shelf("products")
        self.option_groups: Shelf[OptionGroup] = Shelf("option_groups")
        self.tax_rates: Shelf[TaxRate] = Shelf("tax_rates")
        self.tables: Shelf[Table] = Shelf("tables")
        self.tender_methods: Shelf[TenderMethod] = Shelf("tender_methods")
        self.staff: Shelf[Staff] = Shelf("staff")
        self.customers: Shelf[Customer] = Shelf("customers")
        self.time_bands: Shelf[TimeBand] = Shelf("time_bands")
        self.deals: Shelf[Deal] = Shelf("deals")
        self.coupons: Shelf[Coupon] = Shelf("coupons")
        # coupon id -> where it was used, of coupons that work once in the store.
        self.coupon_uses: Shelf[CouponUse] = Shelf("coupon_uses")
        # customer id, seq, … -> a line of the ledger of points.
        self.movements: Shelf[Movement] = Shelf("movements")
        self.devices: Shelf[Device] = Shelf("devices")
        self.checks: Shelf[Check] = Shelf("checks")
        # table id -> the check that is open there.
        self.seated: Shelf[str] = Shelf("seated")
        # table id -> the checks that share it with that one (see hub/domain/seats.py).
        self.sharing: Shelf[tuple[str, ...]] = Shelf("sharing")
        self.sales: Shelf[Sale] = Shelf("sales")
        # Deferred payments of sales; accounts, their ledger and what was received on them.
        self.payments: Shelf[Payment] = Shelf("payments")
        self.accounts: Shelf[Account] = Shelf("accounts")
        self.account_moves: Shelf[AccountMove] = Shelf("account_moves")
        self.received: Shelf[Received] = Shelf("received")
        self.layaways: Shelf[Layaway] = Shelf("layaways")
        # register id -> the receipt numbers set aside for it.
        self.numbers: Shelf[RegisterNumbers] = Shelf("numbers")
        # business date -> the receipt numbers handed out on it; number -> what it was used for.
        self.number_days: Shelf[NumberDay] = Shelf("number_days")
        self.number_uses: Shelf[NumberUse] = Shelf("number_uses")
        # "<business date>|<register id>" -> the register's drawer on that day.
        self.registers: Shelf[RegisterDay] = Shelf("registers")
        # seq of the clock.corrected and a number -> entries whose time was wrong.
        self.corrections: Shelf[Correction] = Shelf("corrections")
        # business date -> whether it is closed, and its figures.
        self.days: Shelf[Day] = Shelf("days")
        # Numbers: "check_no:<date>", "receipt_no:<series>", "menu_version", "stock_version", "sales_count" only grow;
        # "sales_total" is completed less voided and refunded since the store began.
        self.counters: Shelf[int] = Shelf("counters")
        # e.g. "currency", "master_cursor", "receipt_series", "rounding".
        self.settings: Shelf[str] = Shelf("settings")
        # product id -> the price set in the store since the cloud's last word on it.
        self.local_prices: Shelf[int] = Shelf("local_prices")
        # product id -> its goods. Movements by movement_key().
        self.stock: Shelf[Stock] = Shelf("stock")
        self.stock_moves: Shelf[StockMovement] = Shelf("stock_moves")
        # Lost movements that are back before the entries they go with: by the place of those.
        self.stock_waiting: Shelf[StockMoved] = Shelf("stock_waiting")
        # device id -> who is signed in there. staff id -> PIN. approval id -> approval.
        self.staff_sessions: Shelf[StaffSession] = Shelf("staff_sessions")
        self.staff_pins: Shelf[StaffPin] = Shelf("staff_pins")
        self.approvals: Shelf[Approval] = Shelf("approvals")
        # Derived from the menu, anew with each of its versions.
        self._derived_of = -1
        self._schedule = TaxSchedule(())
        self._bands: Bands | None = None
        self._choices: dict[tuple[str, ...], Choices] = {}
        self._counted: frozenset[str] | None = None

    def shelves(self) -> Iterator[Shelf[Any]]:
        return (value for value in vars(self).values() if isinstance(value, Shelf))

    def seal(self) -> None:
        """The open draft leaves for the disk."""
        for shelf in self._all:
            if shelf.drafted:
                shelf.seal()

    def settle(self) -> None:
        """The commit returned: what was under way is now what readers see."""
        for shelf in self._all:
            if shelf.flying:
                shelf.settle()

    def discard(self) -> None:
        """The commit failed: forget everything that is not known to be on disk."""
        for shelf in self._all:
            shelf.discard()
        self._derived_of = -1

    def discard_open(self) -> None:
        """Forget what was decided since the last group left for the disk."""
        for shelf in self._all:
            shelf.discard_open()
        self._derived_of = -1

    @property
    def _all(self) -> tuple[Shelf[Any], ...]:
        shelves = self.__dict__.get("_shelves")
        if shelves is None:
            shelves = self.__dict__["_shelves"] = tuple(self.shelves())
        return shelves

    # -- derived ------------------------------------------------------------------------------------------------

    @property
    def menu_version(self) -> int:
        return self.counters.get("menu_version") or 0

    @property
    def currency(self) -> str:
        return self.settings.get("currency") or "JPY"

    def late_on(self, business_date: str) -> bool:
        """Whether what is done on this business day comes after its closing."""
        day = self.days.get(business_date)
        return day is not None and not day.open

    @property
    def receipt_series(self) -> str:
        return self.settings.get("receipt_series") or "A"

    @property
    def rounding(self) -> Rounding:
        # A word that nobody knows must not stop the store.
        return _ROUNDINGS.get(self.settings.get("rounding") or "", Rounding.DOWN)

    @property
    def tax(self) -> TaxSchedule:
        self._derive()
        return self._schedule

    @property
    def bands(self) -> Bands | None:
        """The store's time bands; None where there are none."""
        self._derive()
        return self._bands

    def choices(self, product: Product) -> Choices:
        """What can be chosen with the product. Ask for tax first: it looks whether the menu has changed."""
        known = self._choices.get(product.option_group_ids)
        if known is None:
            groups = [self.option_groups.get(group_id) for group_id in product.option_group_ids]
            known = self._choices[product.option_group_ids] = Choices.of(
                [group for group in groups if group is not None]
            )
        return known

    def _derive(self) -> None:
        version = self.menu_version
        if version != self._derived_of:
            self._derived_of = version
            self._schedule = TaxSchedule(
                (rate for _, rate in self.tax_rates.items()),
                change_time=self.settings.get("tax_change_time") or "",
            )
            self._choices = {}
            self._counted = None
            self._bands = Bands.of((band for _, band in self.time_bands.items()), self.settings.get(BY_HAND))

    @property
    def counted_groups(self) -> frozenset[str]:
        """The option groups with an option whose portions are counted; most stores have none."""
        self._derive()
        if self._counted is None:
            self._counted = frozenset(
                key
                for key, group in self.option_groups.items()
                if any(option.remaining is not None for option in group.options)
            )
        return self._counted


# What a unit's options are, and what they add to its price.
Chosen = tuple[tuple[ChosenOption, ...], int]
CHOICES_KEPT: Final = 512


class Choices(Struct, frozen=True):
    """A product's option groups, and each option by id: the place of its group, and one of it.

    priced: what was chosen before and allowed. The same few choices come again and again, and share what they made.
    scarce: some option is sold out or counted, so whoever chooses asks how many are left.
    """

    groups: tuple[OptionGroup, ...]
    options: dict[str, tuple[int, ChosenOption]]
    priced: dict[tuple[OptionIn, ...], Chosen]
    scarce: bool

    def keep(self, asked: tuple[OptionIn, ...], chosen: Chosen) -> Chosen:
        if len(self.priced) < CHOICES_KEPT:
            self.priced[asked] = chosen
        return chosen

    @classmethod
    def of(cls, groups: Sequence[OptionGroup]) -> Choices:
        options: dict[str, tuple[int, ChosenOption]] = {}
        for place, group in enumerate(groups):
            for option in group.options:
                one = ChosenOption(option.id, option.name, 1, option.price, group.id)
                options.setdefault(option.id, (place, one))
        scarce = any(
            option.sold_out or option.remaining is not None for group in groups for option in group.options
        )
        return cls(tuple(groups), options, {}, scarce)


class Meta(Struct, frozen=True, gc=False):
    """What an entry says beside its data, as far as the state cares."""

    seq: int
    epoch: str
    time: str
    business_date: str
    device_id: str
    staff_id: str | None = None
    # Of a fact that was lost and came back: the seq of the entry that brought it (its own is of another epoch).
    held_by: int = 0
