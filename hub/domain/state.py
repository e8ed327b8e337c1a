"""Everything the next decision may need, by subject."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from hub.domain.check import Check
from hub.domain.device import Device
from hub.domain.menu import (
    Category,
    Customer,
    OptionGroup,
    Product,
    Staff,
    Table,
    TaxRate,
    TenderMethod,
)
from hub.domain.money import Rounding
from hub.domain.shelf import Shelf
from hub.domain.tax import TaxSchedule


class State:
    """Shelves and what is derived from them. Holds no I/O: the store loads it, evolve() changes it, decide() reads it."""

    def __init__(self) -> None:
        self.categories: Shelf[Category] = Shelf("categories")
        self.products: Shelf[Product] = Shelf("products")
        self.option_groups: Shelf[OptionGroup] = Shelf("option_groups")
        self.tax_rates: Shelf[TaxRate] = Shelf("tax_rates")
        self.tables: Shelf[Table] = Shelf("tables")
        self.tender_methods: Shelf[TenderMethod] = Shelf("tender_methods")
        self.staff: Shelf[Staff] = Shelf("staff")
        self.customers: Shelf[Customer] = Shelf("customers")
        self.devices: Shelf[Device] = Shelf("devices")
        self.checks: Shelf[Check] = Shelf("checks")
        # table id -> the check that is open there.
        self.seated: Shelf[str] = Shelf("seated")
        # Numbers that only grow, e.g. "check_no:2026-11-21", "menu_version".
        self.counters: Shelf[int] = Shelf("counters")
        # e.g. "currency", "master_cursor", "receipt_series", "rounding".
        self.settings: Shelf[str] = Shelf("settings")
        # product id -> the price set in the store since the cloud's last word on it.
        self.local_prices: Shelf[int] = Shelf("local_prices")
        self._tax: tuple[int, TaxSchedule] | None = None

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
        self._tax = None

    @property
    def _all(self) -> tuple[Shelf[Any], ...]:
        shelves = self.__dict__.get("_shelves")
        if shelves is None:
            shelves = self.__dict__["_shelves"] = tuple(self.shelves())
        return shelves  # type: ignore[no-any-return]

    # -- derived ------------------------------------------------------------------------------------------------

    @property
    def menu_version(self) -> int:
        return self.counters.get("menu_version") or 0

    @property
    def currency(self) -> str:
        return self.settings.get("currency") or "JPY"

    @property
    def rounding(self) -> Rounding:
        return Rounding(self.settings.get("rounding") or "down")

    @property
    def tax(self) -> TaxSchedule:
        version = self.menu_version
        if self._tax is None or self._tax[0] != version:
            self._tax = (version, TaxSchedule(rate for _, rate in self.tax_rates.items()))
        return self._tax[1]


class Meta(Struct, frozen=True):
    """What an entry says beside its data, as far as the state cares."""

    seq: int
    epoch: str
    time: str
    business_date: str
    device_id: str
