"""CSV files of counts, price lists, plans, deals and coupons: each kind known by its header, read and written alike.

Of every kind the rows are added or changed, and nothing is removed. Lists of ids have `|` between.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.domain.csv_cells import plain_text
from hub.domain.menu import Id, PlanTerms, Price, Product
from hub.domain.menu_file import ROWS_MAX, MenuFileError, RowError, whole_number
from hub.domain.menu_offers import Coupon, Deal, DealPart
from hub.domain.stock import Counted, Stock

Cells = dict[str, str]
CATEGORY: Final = "category:"


class CountRow(Struct, frozen=True, forbid_unknown_fields=True):
    product_id: Id
    quantity: Counted


class PriceRow(Struct, frozen=True, forbid_unknown_fields=True):
    """price None: the product has no price of its own in that list any more."""

    product_id: Id
    price_list: Id
    price: Price | None


class PlanRow(Struct, frozen=True, forbid_unknown_fields=True):
    product_id: Id
    terms: PlanTerms


class CsvKind(Struct, frozen=True):
    """mark: the column that no other kind of file has. columns: what each says; those in `needed` must be there.

    read: the item of a line as plain JSON, None for a line that says nothing. key: what no two lines may share.
    """

    name: str
    mark: str
    type: type[Any]
    columns: dict[str, str]
    needed: tuple[str, ...]
    read: Callable[[Cells], dict[str, Any] | None]
    key: Callable[[Any], tuple[str, ...]]


def _whole(cells: Cells, column: str) -> int | None:
    """Raises ValueError."""
    text = whole_number(cells.get(column, ""))
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise ValueError(f"{column}: must be a whole number: {cells[column]}")
    return int(text)


def _ids(cell: str) -> list[str]:
    return [part for one in cell.split("|") if (part := one.strip())]


def _said(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if value not in (None, "", [])}


def _count(cells: Cells) -> dict[str, Any] | None:
    counted = _whole(cells, "counted")
    return None if counted is None else {"product_id": cells["product_id"], "quantity": counted}


def _price(cells: Cells) -> dict[str, Any]:
    return {**{name: cells[name] for name in ("product_id", "price_list")}, "price": _whole(cells, "price")}


def _plan(cells: Cells) -> dict[str, Any]:
    numbers = ("minutes", "last_order_minutes", "notice_minutes", "extension_minutes")
    terms = {
        **{name: _whole(cells, name) for name in numbers},
        "product_ids": _ids(cells.get("product_ids", "")),
        "category_ids": _ids(cells.get("category_ids", "")),
        "extension_product_id": cells.get("extension_product_id"),
    }
    return {"product_id": cells["product_id"], "terms": _said(terms)}


def _deal(cells: Cells) -> dict[str, Any]:
    numbers = {name: _whole(cells, name) for name in ("price", "amount", "free")}
    parts = [_part(part) for one in cells["parts"].split(";") if (part := one.strip())]
    texts = {name: cells.get(name) for name in ("rate", "from", "to")}
    return {"id": cells["deal_id"], "name": cells["name"], "parts": parts, **_said(numbers | texts)}


def _part(text: str) -> dict[str, Any]:
    what, star, quantity = text.partition("*")
    if star and not (quantity.strip().isascii() and quantity.strip().isdigit()):
        raise ValueError(f"parts: must be like p-1|p-2*2; category:c-1, not {text}")
    named = _ids(what)
    return {
        "product_ids": [one for one in named if not one.startswith(CATEGORY)],
        "category_ids": [one.removeprefix(CATEGORY) for one in named if one.startswith(CATEGORY)],
        "quantity": int(quantity) if star else 1,
    }


def _coupon(cells: Cells) -> dict[str, Any]:
    value: Any = _whole(cells, "value") if cells["kind"] == "amount" else cells["value"]
    texts = {name: cells.get(name) for name in ("from", "to", "once")}
    must = {
        "id": cells["coupon_id"],
        **{name: cells[name] for name in ("code", "name", "kind")},
        "value": value,
    }
    return {**must, **_said({"minimum": _whole(cells, "minimum"), **texts})}


KINDS: Final = {
    kind.name: kind
    for kind in (
        CsvKind(
            "stock",
            "counted",
            CountRow,
            {
                "product_id": "a product whose stock is tracked",
                "name": "for people only",
                "quantity": "what the hub has; for people only",
                "counted": "what was found on the shelf; empty: not counted",
            },
            ("product_id", "counted"),
            _count,
            lambda row: (row.product_id,),
        ),
        CsvKind(
            "prices",
            "price_list",
            PriceRow,
            {
                "product_id": "",
                "name": "for people only",
                "price_list": "member, staff, or a list of the store's own",
                "price": "empty: the product has none in this list any more",
            },
            ("product_id", "price_list", "price"),
            _price,
            lambda row: (row.product_id, row.price_list),
        ),
        CsvKind(
            "plans",
            "minutes",
            PlanRow,
            {
                "product_id": "the product that is the plan; its price is for one guest",
                "name": "for people only",
                "minutes": "how long it runs",
                "last_order_minutes": "before the end",
                "notice_minutes": "before the last order",
                "product_ids": "ordered at 0",
                "category_ids": "ordered at 0",
                "extension_product_id": "charged when it is extended; empty: it cannot be",
                "extension_minutes": "empty: 30",
            },
            ("product_id", "minutes"),
            _plan,
            lambda row: (row.product_id,),
        ),
        CsvKind(
            "deals",
            "parts",
            Deal,
            {
                "deal_id": "",
                "name": "",
                "parts": "`p-1|p-2*2; category:c-1`: two out of p-1 and p-2, and one of the category c-1",
                "price": "what the parts come to together; or",
                "amount": "what comes off; or",
                "rate": "the rate that comes off, as 0.20; or",
                "free": "how many of the portions, the cheapest, cost nothing",
                "from": "a time with offset (RFC 3339); empty: always",
                "to": "no longer part of it",
            },
            ("deal_id", "name", "parts"),
            _deal,
            lambda row: (row.id,),
        ),
        CsvKind(
            "coupons",
            "coupon_id",
            Coupon,
            {
                "coupon_id": "",
                "code": "what the guest shows",
                "name": "",
                "kind": "amount or rate",
                "value": "the amount, or a rate as 0.10",
                "minimum": "the subtotal that it needs",
                "from": "a time with offset (RFC 3339); empty: always",
                "to": "no longer part of it",
                "once": "check (empty) or store",
            },
            ("coupon_id", "code", "name", "kind", "value"),
            _coupon,
            lambda row: (row.id,),
        ),
    )
}


def kind_of(text: str) -> CsvKind | None:
    """The kind of file that a header speaks of; None: none of these."""
    header = {cell.strip().lower() for cell in next(csv.reader([text.partition("\n")[0]]), [])}
    return next((kind for kind in KINDS.values() if kind.mark in header), None)


def read_rows(text: str, kind: CsvKind) -> tuple[list[tuple[int, Any]], list[RowError]]:
    """The items with their lines' numbers, and what is wrong with other lines. Raises MenuFileError for the header."""
    rows = csv.reader(io.StringIO(text, newline=""))
    found: list[tuple[int, Any]] = []
    errors: list[RowError] = []
    header: list[str] | None = None
    seen: dict[tuple[str, ...], int] = {}
    try:
        for line in rows:
            cells = [plain_text(cell.strip()) for cell in line]
            if not any(cells):
                continue
            if header is None:
                header = _header(cells, kind)
                continue
            try:
                item = _item(kind, dict(zip(header, cells, strict=False)), len(cells) - len(header))
            except (ValueError, msgspec.ValidationError) as error:
                errors.append(_refused(rows.line_num, str(error)))
                continue
            if item is None:
                continue
            first = seen.setdefault(kind.key(item), rows.line_num)
            if first != rows.line_num:
                errors.append(RowError(rows.line_num, kind.needed[0], f"is on line {first} already"))
                continue
            found.append((rows.line_num, item))
    except csv.Error as error:
        raise MenuFileError([RowError(rows.line_num, "", str(error))]) from error
    if len(found) > ROWS_MAX:
        raise MenuFileError([RowError(0, "", f"more than {ROWS_MAX} lines")])
    return found, errors


def _header(cells: Sequence[str], kind: CsvKind) -> list[str]:
    header = [cell.lower() for cell in cells]
    known = ", ".join(kind.columns)
    errors = [
        RowError(1, name, f"is no column of {kind.name}; these are {known}")
        for name in header
        if name not in kind.columns
    ]
    errors += [RowError(1, name, "this column is missing") for name in kind.needed if name not in header]
    if len(set(header)) != len(header):
        errors.append(RowError(1, "", "a column is there twice"))
    if errors:
        raise MenuFileError(errors)
    return header


def _item(kind: CsvKind, cells: Cells, too_many: int) -> Any:
    if too_many > 0:
        raise ValueError(f"has {too_many} cells more than the header")
    raw = kind.read({**dict.fromkeys(kind.needed, ""), **cells})
    return None if raw is None else msgspec.convert(raw, kind.type)


def _refused(line: int, text: str) -> RowError:
    """`price: must be …` and msgspec's ` - at `$.price`` both name the column."""
    message, _, place = text.partition(" - at `$")
    column, colon, rest = message.partition(": ")
    if place:
        return RowError(line, place.rstrip("`").lstrip("."), message)
    return RowError(line, column, rest) if colon and column.isidentifier() else RowError(line, "", message)


# -- writing --------------------------------------------------------------------------------------------------------


def stock_line(product: Product, stock: Stock | None) -> list[str]:
    """counted is filled in where that changes nothing: a stock below 0 cannot have been counted."""
    quantity = "" if stock is None else str(stock.quantity)
    return [product.id, product.name, quantity, quantity if stock is not None and stock.quantity >= 0 else ""]


def price_lines(product: Product) -> Iterator[list[str]]:
    for name, price in sorted(product.prices.items()):
        yield [product.id, product.name, name, str(price)]


def plan_line(product: Product, terms: PlanTerms) -> list[str]:
    return [
        product.id, product.name, str(terms.minutes), str(terms.last_order_minutes), str(terms.notice_minutes),
        "|".join(terms.product_ids), "|".join(terms.category_ids), terms.extension_product_id or "",
        str(terms.extension_minutes),
    ]  # fmt: skip


def deal_line(deal: Deal) -> list[str]:
    terms = (deal.price, deal.amount, deal.rate, deal.free)
    parts = "; ".join(map(_part_text, deal.parts))
    return [deal.id, deal.name, parts, *map(_cell, terms), deal.since or "", deal.until or ""]


def _part_text(part: DealPart) -> str:
    named = "|".join((*part.product_ids, *(CATEGORY + one for one in part.category_ids)))
    return named if part.quantity == 1 else f"{named}*{part.quantity}"


def coupon_line(coupon: Coupon) -> list[str]:
    return [
        coupon.id, coupon.code, coupon.name, coupon.kind, str(coupon.value), str(coupon.minimum),
        coupon.since or "", coupon.until or "", coupon.once,
    ]  # fmt: skip


def _cell(value: int | str | None) -> str:
    return "" if value is None else str(value)
