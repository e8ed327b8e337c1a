"""Whether the goods that a product is made of are gone: then the menu says that it is sold out, as an order would."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from hub.domain.menu import Product
from hub.domain.state import State
from hub.domain.stock import OVERSELL, Stock

# Counts how often something ran out or came back: whoever shows the menu need look at nothing else.
SOLD_OUT_VERSION = "sold_out_version"


def oversell_refused(product: Product, store: str | None) -> bool:
    """store: the store's own setting, where the product says nothing."""
    return (product.oversell or store) == "refused"


class Goods(Struct, frozen=True):
    """What is committed of the stock, at one moment."""

    stock: Mapping[str, Stock]
    oversell: str | None

    @classmethod
    def of(cls, state: State) -> Goods:
        return cls(state.stock.committed, state.settings.committed.get(OVERSELL))

    def frozen(self) -> Goods:
        """The same for another thread."""
        return Goods(dict(self.stock), self.oversell)

    def gone(self, product: Product) -> bool:
        if not product.stock_tracked or not oversell_refused(product, self.oversell):
            return False
        kept = self.stock.get(product.id)
        return kept is not None and kept.quantity <= 0


def turned(state: State, product_id: str, *, before: int | None, after: int) -> None:
    """The goods moved: the menu is another one when that turned the product sold out, or orderable again."""
    if (before is not None and before <= 0) == (after <= 0):
        return
    product = state.products.get(product_id)
    if product is None or not product.stock_tracked:
        return
    if oversell_refused(product, state.settings.get(OVERSELL)):
        for name in ("stock_version", SOLD_OUT_VERSION):
            state.counters.put(name, (state.counters.get(name) or 0) + 1)


def ran_out(state: State, *, before: int, after: int) -> None:
    """Portions moved, of a product or an option; the caller has said that the menu is another one."""
    if (before == 0) != (after == 0):
        state.counters.put(SOLD_OUT_VERSION, (state.counters.get(SOLD_OUT_VERSION) or 0) + 1)
