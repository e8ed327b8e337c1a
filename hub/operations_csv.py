"""What the command line asks of a box about CSV files: a page of one to write, and rows of one to take."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import nsmallest
from typing import Any, Final

import msgspec

from hub.domain import csv_kinds
from hub.domain.commands import ApplyMaster
from hub.domain.commands_stock import CountedIn, CountStock
from hub.domain.customer import CUSTOMER_COLUMNS
from hub.domain.errors import NotFound
from hub.domain.facts import MasterChange, MasterKind
from hub.domain.menu import Product, plain
from hub.domain.menu_file import RowError
from hub.domain.menu_offers import Coupon, Deal
from hub.domain.state import State
from hub.service.box import Box

# Lines of a CSV given at once, and counts in one command.
LINES_AT_ONCE: Final = 2000
COUNTS_AT_ONCE: Final = 200


async def lines(box: Box, kind: str, after: str = "") -> dict[str, Any]:
    """The lines of the things whose ids follow `after`, and the id to go on after; None: that is all."""
    state = box.core.state
    shelves: dict[str, Any] = {"deals": state.deals, "coupons": state.coupons}
    shelf = shelves.get(kind, state.products).committed
    ids = nsmallest(LINES_AT_ONCE, (key for key in shelf if key > after))
    found = [line for key in ids for line in _lines_of(state, kind, shelf[key])]
    header = list(csv_kinds.KINDS[kind].columns)
    return {"header": header, "lines": found, "after": ids[-1] if len(ids) == LINES_AT_ONCE else None}


def _lines_of(state: State, kind: str, thing: Any) -> Iterator[list[str]]:
    match kind:
        case "stock" if thing.stock_tracked:
            yield csv_kinds.stock_line(thing, state.stock.committed.get(thing.id))
        case "prices":
            yield from csv_kinds.price_lines(thing)
        case "plans" if thing.plan is not None:
            yield csv_kinds.plan_line(thing, thing.plan)
        case "deals":
            yield csv_kinds.deal_line(thing)
        case "coupons":
            yield csv_kinds.coupon_line(thing)


async def customers(box: Box, after: str = "") -> dict[str, Any]:
    """Customers in clear: for the box's own user, who may open the socket, and nobody else."""
    from hub.service.customer_export import customer_page

    page = await customer_page(box.core, after)
    return {"header": list(CUSTOMER_COLUMNS), "lines": page.lines(), "after": page.after}


async def check(box: Box, kind: str, rows: list[tuple[int, Any]]) -> list[Any]:
    """What the store says against rows that are right in themselves."""
    found = _errors(box.core.state, kind, _items(kind, rows))
    return [msgspec.to_builtins(error) for error in found]


async def take(box: Box, kind: str, rows: list[tuple[int, Any]]) -> dict[str, Any]:
    """Take rows that check() had nothing against. seq 0: the store was like that already."""
    items = [item for _, item in _items(kind, rows)]
    seq = 0
    if kind == "stock":
        for start in range(0, len(items), COUNTS_AT_ONCE):
            part = items[start : start + COUNTS_AT_ONCE]
            counted = tuple(CountedIn(one.product_id, one.quantity) for one in part)
            seq = await box.core.desk.order(CountStock(counted, "imported"))
    else:
        changes = tuple(_changes(box.core.state, kind, items))
        seq = await box.core.desk.order(ApplyMaster(source="import", changes=changes))
    return {"seq": seq}


def _items(kind: str, rows: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    return [(number, msgspec.convert(raw, csv_kinds.KINDS[kind].type)) for number, raw in rows]


def _changes(state: State, kind: str, items: Iterable[Any]) -> Iterator[MasterChange]:
    if kind in ("deals", "coupons"):
        what: MasterKind = "deal" if kind == "deals" else "coupon"
        yield from (MasterChange(what, item.id, plain(item)) for item in items)
        return
    changed: dict[str, Product] = {}
    for item in items:
        # As decided, and not only as committed: a price that is on its way to the disk stays.
        product = changed.get(item.product_id) or state.products.get(item.product_id)
        if product is None:
            raise NotFound(kind="product", id=item.product_id)
        if isinstance(item, csv_kinds.PlanRow):
            product = msgspec.structs.replace(product, kind="plan", plan=item.terms)
        else:
            prices = {name: price for name, price in product.prices.items() if name != item.price_list}
            if item.price is not None:
                prices[item.price_list] = item.price
            product = msgspec.structs.replace(product, prices=prices)
        changed[product.id] = product
    yield from (MasterChange("product", key, plain(product)) for key, product in changed.items())


def _errors(state: State, kind: str, rows: list[tuple[int, Any]]) -> Iterator[RowError]:
    products, categories = state.products.committed, state.categories.committed
    codes = {coupon.code: coupon.id for coupon in state.coupons.committed.values()}
    for number, item in rows:
        if isinstance(item, Coupon):
            if codes.setdefault(item.code, item.id) != item.id:
                yield RowError(number, "code", f"is that of {codes[item.code]}")
            continue
        if isinstance(item, Deal):
            named = [(one, "parts") for part in item.parts for one in part.product_ids]
            grouped = [(one, "parts") for part in item.parts for one in part.category_ids]
        elif isinstance(item, csv_kinds.PlanRow):
            named = [
                (item.product_id, "product_id"),
                *((one, "product_ids") for one in item.terms.product_ids),
            ]
            if item.terms.extension_product_id is not None:
                named.append((item.terms.extension_product_id, "extension_product_id"))
            grouped = [(one, "category_ids") for one in item.terms.category_ids]
            if (product := products.get(item.product_id)) is not None and product.slots:
                yield RowError(number, "product_id", "is a set, and no plan")
        else:
            named, grouped = [(item.product_id, "product_id")], []
        wrong = [RowError(number, at, f"no such product: {one}") for one, at in named if one not in products]
        wrong += [
            RowError(number, at, f"no such category: {one}") for one, at in grouped if one not in categories
        ]
        if not wrong and kind == "stock" and not products[item.product_id].stock_tracked:
            wrong = [
                RowError(number, "product_id", f"the menu does not track the stock of {item.product_id}")
            ]
        yield from wrong[:1]
