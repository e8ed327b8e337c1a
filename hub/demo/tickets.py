"""What the simulated handhelds are going to send: tickets (one party's visit) and the menu that prices them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final


class OrdersError(Exception):
    """The file cannot be read as orders; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A line as the guest orders it. unit_price: of one, in the currency's minor unit."""

    product_id: str
    quantity: int
    unit_price: int
    option_ids: tuple[str, ...] = ()

    @property
    def amount(self) -> int:
        return self.quantity * self.unit_price


@dataclass(frozen=True, slots=True)
class Ticket:
    """One party: what it orders, round by round. table: the one in the file, if there is one."""

    ticket_id: str
    rounds: tuple[tuple[Wish, ...], ...]
    table: str | None = None
    guests: int = 0
    takeout: bool = False

    @property
    def total(self) -> int:
        return sum(wish.amount for wishes in self.rounds for wish in wishes)


@dataclass(frozen=True, slots=True)
class Evening:
    """menu: in the shape of GET /v1/menu, without tables. title: what people are told this is."""

    title: str
    currency: str
    menu: dict[str, Any]
    tickets: list[Ticket]

    @property
    def total(self) -> int:
        return sum(ticket.total for ticket in self.tickets)


EXEMPT: Final = "exempt"
CASH: Final = {"id": "cash", "name": "Cash", "kind": "cash", "needs_network": False}
CARD: Final = {"id": "terminal", "name": "Card (own terminal)", "kind": "card", "needs_network": False}


@dataclass(slots=True)
class Catalogue:
    """Makes a menu out of what was sold: a product for each name and price, so that the hub's price is the one paid.

    Foreign files say nothing of Japanese tax, so their products are exempt: what they took is what they took.
    """

    _products: dict[tuple[str, int], dict[str, Any]] = field(default_factory=dict)
    _categories: dict[str, dict[str, Any]] = field(default_factory=dict)
    # product name -> option id -> option
    _options: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    _ids: dict[str, str] = field(default_factory=dict)

    def wishes(
        self, name: str, category: str, *, quantity: int, amount: int, options: Iterable[str] = ()
    ) -> list[Wish]:
        """The line's wishes: two when its amount does not divide by its quantity, so that nothing is rounded away."""
        each, rest = divmod(amount, quantity)
        option_ids = tuple(dict.fromkeys(self._option(name, option) for option in options))
        parts = [(quantity - rest, each), (rest, each + 1)]
        return [
            Wish(self._product(name, category, price), count, price, option_ids)
            for count, price in parts
            if count
        ]

    def menu(self, currency: str) -> dict[str, Any]:
        products: list[dict[str, Any]] = []
        for (name, _), product in self._products.items():
            offered = [f"o-{self._id(name)}"] if self._options.get(name) else []
            products.append({**product, "option_group_ids": offered})
        groups = [
            {
                "id": f"o-{self._id(name)}",
                "name": name[:200],
                "min": 0,
                "max": None,
                "options": list(options.values()),
            }
            for name, options in self._options.items()
        ]
        return {
            "currency": currency,
            "categories": list(self._categories.values()),
            "products": products,
            "option_groups": groups,
            "tender_methods": [CASH, CARD],
        }

    def _product(self, name: str, category: str, price: int) -> str:
        known = self._products.get((name, price))
        if known is None:
            kind = self._categories.setdefault(
                category, {"id": f"c-{self._id(category)}", "name": category[:200]}
            )
            known = self._products[name, price] = {
                "id": f"p-{self._id(name)}-{price}",
                "name": name[:200],
                "category_id": kind["id"],
                "price": price,
                "tax_class": EXEMPT,
            }
        return str(known["id"])

    def _option(self, product: str, name: str) -> str:
        options = self._options.setdefault(product, {})
        option_id = self._id(name)
        # A group may not offer one option twice, and an id belongs to one group.
        made = options.setdefault(option_id, {"id": option_id, "name": name[:200], "price": 0})
        return str(made["id"])

    def _id(self, name: str) -> str:
        """A readable id that no other name of the file gets."""
        known = self._ids.get(name)
        if known is None:
            plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32]
            known = plain or sha256(name.encode()).hexdigest()[:8]
            if known in self._ids.values():
                known = f"{known}-{sha256(name.encode()).hexdigest()[:8]}"
            self._ids[name] = known
        return known
