"""Menu files: JSON in the shape of GET /v1/menu, or a CSV of products. All of a file is taken, or none of it.

CSV: a header line, then a product a line; UTF-8 (with or without BOM) or Shift_JIS. Columns, in any order:
  id            1 to 64 of A-Za-z0-9._-; when empty, the code
  code          the store's own product code
  name          required
  kana          reading
  category      the category's name; categories are made as they appear
  price         required; in the currency's minor unit, commas and a yen sign are let through
  tax_class     standard (標準), reduced (軽減), food (食品: 8 % taken out, 10 % eaten in), zero, exempt (非課税)
  tax_included  true/false (内税/外税); empty: true
  open_price    true/false; the price is stated with each order
  stock_tracked true/false; implied by remaining
  remaining     portions left; empty: not counted
  stock         goods on the shelf, for a product that has no stock yet (docs/stock.md); implies stock_tracked
  tax_shared    true/false: the price of a set is shared between its parts by tax class (docs/price.md); empty: false
  set_slots, custom_contents  see hub/domain/menu_sets.py
"""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.domain.commands import ApplyMaster
from hub.domain.csv_cells import plain_text
from hub.domain.facts import MasterChange, MasterKind
from hub.domain.menu import (
    Category,
    Id,
    Menu,
    OptionGroup,
    Product,
    Staff,
    StockLevel,
    Table,
    TaxRate,
    TenderMethod,
    TimeBand,
    plain,
)
from hub.domain.menu_offers import Coupon, Deal
from hub.domain.menu_sets import CELLS, set_problems

ROWS_MAX: Final = 100_000
ERRORS_MAX: Final = 200

# The sections of a menu: field of Menu -> kind of master data and type.
SECTIONS: Final[dict[str, tuple[MasterKind, type[Struct]]]] = {
    "categories": ("category", Category),
    "option_groups": ("option_group", OptionGroup),
    "products": ("product", Product),
    "tax_rates": ("tax_rate", TaxRate),
    "tables": ("table", Table),
    "tender_methods": ("tender_method", TenderMethod),
    "staff": ("staff", Staff),
    "time_bands": ("time_band", TimeBand),
    "stock": ("stock", StockLevel),
    "deals": ("deal", Deal),
    "coupons": ("coupon", Coupon),
}

# What a Japanese store is taxed at, for files that say nothing of rates. Later rates come with the master data.
JAPAN_RATES: Final = (
    TaxRate("standard", "0.10", "2019-10-01T00:00:00+09:00"),
    TaxRate("reduced", "0.08", "2019-10-01T00:00:00+09:00"),
)

COLUMNS: Final = (
    "id", "code", "name", "kana", "category", "price", "tax_class", "tax_included", "open_price",
    "stock_tracked", "remaining", "tax_shared", "set_slots", "custom_contents",
)  # fmt: skip
# What a product has beside its columns, and columns that a file may do without: what the store has of these stays.
BEYOND_CSV: Final = ("option_group_ids", "prices", "oversell")
_OPTIONAL: Final = {"slots": "set_slots", "custom_contents": "custom_contents", "tax_shared": "tax_shared"}
# Settings that are the hub's own, or have a place of their own in the file.
OF_THE_HUB: Final = frozenset({"currency", "master_cursor", "receipt_series"})
# Of the stock of goods: read, but no part of a product.
LEVEL: Final = "stock"
_TRUE: Final = frozenset({"true", "1", "yes", "y", "はい", "内税"})
_FALSE: Final = frozenset({"false", "0", "no", "n", "いいえ", "外税"})
_TAX_CLASSES: Final = {
    "": "standard", "standard": "standard", "標準": "standard", "reduced": "reduced", "軽減": "reduced",
    "food": "food", "食品": "food", "zero": "zero", "exempt": "exempt", "非課税": "exempt",
}  # fmt: skip


class RowError(Struct, frozen=True):
    """row: the line in a CSV (the header is 1), the place in its section in JSON (from 1); 0: the whole file."""

    row: int
    column: str
    message: str


class MenuFile(Struct, frozen=True):
    """kinds: what the file speaks of. Everything else the store keeps as it is. currency None: not said.

    partial: lines were left out. silent: fields of a product that a CSV has no columns for.
    """

    menu: Menu
    kinds: tuple[MasterKind, ...]
    currency: str | None = None
    partial: bool = False
    settings: dict[str, str | None] = {}
    silent: tuple[str, ...] = ()

    @property
    def replaces(self) -> tuple[MasterKind, ...]:
        """The kinds of which nothing but what is in the file stays.

        Not the tax rates: one that is not in the file may be next year's. Nor the stock, which only moves.
        """
        return () if self.partial else tuple(kind for kind in self.kinds if kind not in ("tax_rate", "stock"))


class MenuFileError(Exception):
    """The file has errors, and nothing of it was taken, or only its good lines. The text names each."""

    def __init__(self, errors: list[RowError], name: str = "", *, taken: int = 0) -> None:
        self.errors = errors[:ERRORS_MAX]
        self.name = name
        self.taken = taken
        super().__init__("\n".join(self._sentences(len(errors))))

    def _sentences(self, count: int) -> Iterator[str]:
        rest = f"the other {self.taken:,} lines were imported" if self.taken else "nothing was imported"
        yield f"{self.name or 'the file'}: {count} error{'s' if count != 1 else ''}, {rest}"
        for error in self.errors:
            yield "  " + ", ".join(
                part
                for part in (f"row {error.row}" if error.row else "", error.column, error.message)
                if part
            )
        if count > len(self.errors):
            yield f"  and {count - len(self.errors)} more"


def read_menu(data: bytes, *, name: str = "", skipped: list[RowError] | None = None) -> MenuFile:
    """The menu in a file's bytes. Raises MenuFileError with all that is wrong; name: of the file, for its text.

    skipped: a CSV's wrong lines are told here and left out; then no product that is not in the file is removed.
    """
    try:
        return _read(data, skipped)
    except MenuFileError as error:
        raise MenuFileError(error.errors, name) from None


def _read(data: bytes, skipped: list[RowError] | None) -> MenuFile:
    text = text_of(data)
    file = _from_json(text) if text.lstrip().startswith("{") else _from_csv(text, skipped)
    if errors := list(_inconsistencies(file)):
        raise MenuFileError(errors)
    return file


def command_of(file: MenuFile) -> ApplyMaster:
    """The command that makes the store's master data what the file says."""
    return ApplyMaster(
        source="import", changes=changes_of(file), full=bool(file.replaces), kinds=file.replaces
    )


def changes_of(file: MenuFile) -> tuple[MasterChange, ...]:
    """Every thing in the file as a change, what is referred to first."""
    changes = [MasterChange("setting", name, value) for name, value in file.settings.items()]
    changes += [
        MasterChange(kind, value.id, plain(value))
        for section, (kind, _) in SECTIONS.items()
        if kind in file.kinds
        for value in getattr(file.menu, section)
    ]
    if file.currency is not None:
        changes.insert(0, MasterChange("setting", "currency", file.currency))
    return tuple(changes)


def text_of(data: bytes) -> str:
    """UTF-8 with or without BOM, or Shift_JIS as Windows writes it. Raises MenuFileError."""
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise MenuFileError([RowError(0, "", "the file is neither UTF-8 nor Shift_JIS")])


# -- JSON -----------------------------------------------------------------------------------------------------------


def _from_json(text: str) -> MenuFile:
    try:
        whole = msgspec.json.decode(text.encode())
    except msgspec.DecodeError as error:
        raise MenuFileError([RowError(0, "", f"not JSON: {error}")]) from error
    errors: list[RowError] = []
    sections: dict[str, Any] = {}
    for name, value in whole.items():
        if name in SECTIONS:
            sections[name] = _section(name, value, errors)
        elif name not in ("version", "currency", "settings"):
            errors.append(RowError(0, name, "is no part of a menu"))
    if errors:
        raise MenuFileError(errors)
    settings = _settings(whole.get("settings", {}))
    currency = None
    if "currency" in whole:
        try:
            currency = msgspec.convert({"currency": whole["currency"]}, Menu).currency
        except msgspec.ValidationError as error:
            raise MenuFileError([RowError(0, "currency", str(error))]) from error
    kinds = tuple(kind for name, (kind, _) in SECTIONS.items() if name in sections)
    return MenuFile(Menu(currency=currency or "JPY", **sections), kinds, currency, settings=settings)


def _settings(values: Any) -> dict[str, str | None]:
    """The store's settings as they are kept; null: the default again. Raises MenuFileError."""
    try:
        found = msgspec.convert(values, dict[Id, str | bool | int | None])
    except msgspec.ValidationError as error:
        raise MenuFileError([RowError(0, "settings", str(error))]) from error
    if own := sorted(found.keys() & OF_THE_HUB):
        raise MenuFileError([RowError(0, f"settings.{name}", "is not set here") for name in own])
    return {
        name: value if value is None else str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in found.items()
    }


def _section(name: str, values: Any, errors: list[RowError]) -> tuple[Any, ...]:
    if not isinstance(values, list) or len(values) > ROWS_MAX:
        errors.append(RowError(0, name, f"must be a list of at most {ROWS_MAX}"))
        return ()
    found = []
    for index, value in enumerate(values):
        try:
            found.append(msgspec.convert(value, SECTIONS[name][1]))
        except msgspec.ValidationError as error:
            message, _, place = str(error).partition(" - at `")
            column = f"{name}[{index}]{place.rstrip('`').removeprefix('$')}"
            errors.append(RowError(index + 1, column, message))
    return tuple(found)


# -- CSV ------------------------------------------------------------------------------------------------------------


def _from_csv(text: str, skipped: list[RowError] | None) -> MenuFile:
    rows = csv.reader(io.StringIO(text, newline=""))
    try:
        lines = [(rows.line_num, row) for row in rows if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise MenuFileError([RowError(rows.line_num, "", str(error))]) from error
    if not lines:
        raise MenuFileError([RowError(0, "", "the file is empty")])
    header = [cell.strip().lower() for cell in lines[0][1]]
    errors = [RowError(1, name, "is no column of a menu") for name in header if name not in (*COLUMNS, LEVEL)]
    errors += [
        RowError(1, name, "this column is missing") for name in ("name", "price") if name not in header
    ]
    if "id" not in header and "code" not in header:
        errors.append(RowError(1, "id", "a column id or code is needed"))
    if len(set(header)) != len(header):
        errors.append(RowError(1, "", "a column is there twice"))
    if len(lines) - 1 > ROWS_MAX:
        errors.append(RowError(0, "", f"more than {ROWS_MAX} products"))
    if errors:
        raise MenuFileError(errors)
    categories: dict[str, Category] = {}
    products = []
    levels: list[StockLevel] = []
    seen: dict[str, int] = {}
    for number, row in lines[1:]:
        if len(row) > len(header):
            errors.append(RowError(number, "", f"has {len(row)} cells, the header has {len(header)}"))
            continue
        cells = dict(zip(header, (plain_text(cell.strip()) for cell in row), strict=False))
        product = _product(number, cells, categories, errors)
        if product is None:
            continue
        if product.id in seen:
            errors.append(RowError(number, "id", f"{product.id} is on line {seen[product.id]} already"))
            continue
        seen[product.id] = number
        products.append(product)
        if cells.get(LEVEL):
            levels.append(StockLevel(product.id, int(whole_number(cells[LEVEL]))))
    if skipped is not None and products:
        skipped.extend(errors)
    elif errors:
        raise MenuFileError(errors)
    menu = Menu(
        categories=tuple(categories.values()),
        products=tuple(products),
        tax_rates=JAPAN_RATES,
        stock=tuple(levels),
    )
    silent = (*BEYOND_CSV, *(field for field, column in _OPTIONAL.items() if column not in header))
    kinds: tuple[MasterKind, ...] = ("category", "product", "tax_rate", "stock")
    return MenuFile(menu, kinds, partial=bool(skipped), silent=silent)


def whole_number(cell: str) -> str:
    """The cell without what people write around a number."""
    return unicodedata.normalize("NFKC", cell).replace(",", "").lstrip("¥￥\\").strip()


def _product(
    number: int, cells: dict[str, str], categories: dict[str, Category], errors: list[RowError]
) -> Product | None:
    """The product on a line; None when something on it is wrong."""
    before = len(errors)

    def wrong(column: str, message: str) -> None:
        errors.append(RowError(number, column, message))

    def whole(column: str) -> int | None:
        text = whole_number(cells.get(column, ""))
        if not text:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= 9):
            wrong(column, f"must be a whole number: {cells[column]}")
            return None
        return int(text)

    def yes(column: str, default: bool) -> bool:
        text = unicodedata.normalize("NFKC", cells.get(column, "")).lower()
        if text and text not in _TRUE | _FALSE:
            wrong(column, f"must be true or false: {text}")
        return text in _TRUE if text else default

    price, remaining, level = whole("price"), whole("remaining"), whole(LEVEL)
    if price is None and not cells.get("price"):
        wrong("price", "is missing")
    tax_class = _TAX_CLASSES.get(cells.get("tax_class", "").lower())
    if tax_class is None:
        wrong("tax_class", f"must be standard, reduced, food, zero or exempt: {cells['tax_class']}")
    included, open_price = yes("tax_included", True), yes("open_price", False)
    shared = yes("tax_shared", False)
    if shared and "set_slots" in cells and not cells["set_slots"]:
        wrong("tax_shared", "only a set shares its price between its parts")
    tracked = yes("stock_tracked", False) or remaining is not None or level is not None
    parts: dict[str, Any] = {}
    for column, read in CELLS.items():
        if cells.get(column):
            try:
                parts.update(read(cells[column]))
            except ValueError as error:
                wrong(column, str(error))
    name = cells.get("category") or "その他"
    category = categories.get(name) or Category(f"c-{sha256(name.encode()).hexdigest()[:10]}", name)
    raw = {
        "id": cells.get("id") or cells.get("code", ""),
        "code": cells.get("code", ""),
        "name": cells.get("name", ""),
        "kana": cells.get("kana", ""),
        "category_id": category.id,
        "price": price or 0,
        "tax_class": tax_class or "standard",
        "tax_included": included,
        "open_price": open_price,
        "stock_tracked": tracked,
        "remaining": remaining,
        "tax_shared": shared,
        **parts,
    }
    try:
        product = msgspec.convert(raw, Product)
        msgspec.convert(msgspec.to_builtins(category), Category)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `$.")
        column = place.rstrip("`")
        wrong({"": "category"}.get(column, column), message)
        return None
    if len(errors) > before:
        return None
    categories[name] = category
    return product


# -- both -----------------------------------------------------------------------------------------------------------


def _inconsistencies(file: MenuFile) -> Iterator[RowError]:
    """Ids that are there twice, and references to what is not there."""
    menu = file.menu
    for section in SECTIONS:
        seen: set[str] = set()
        for row, value in enumerate(getattr(menu, section), 1):
            if value.id in seen:
                yield RowError(row, f"{section}[{row - 1}].id", f"{value.id} is there twice")
            seen.add(value.id)
    categories = {category.id for category in menu.categories}
    groups = {group.id: group for group in menu.option_groups}
    products = {product.id: product for product in menu.products}
    for row, product in enumerate(menu.products, 1):
        at = f"products[{row - 1}]"
        if product.category_id not in categories:
            yield RowError(row, f"{at}.category_id", f"no such category: {product.category_id}")
        if product.slots or product.custom_contents or product.kind != "single":
            for field, message in set_problems(product, products):
                yield RowError(row, f"{at}.{field}", message)
        offered: set[str] = set()
        for group_id in product.option_group_ids:
            if group_id not in groups:
                yield RowError(row, f"{at}.option_group_ids", f"no such option group: {group_id}")
                continue
            options = {option.id for option in groups[group_id].options}
            if options & offered:
                yield RowError(row, f"{at}.option_group_ids", "two of its groups offer the same option")
            offered |= options
    for row, group in enumerate(menu.option_groups, 1):
        at = f"option_groups[{row - 1}]"
        if group.max is not None and group.max < group.min:
            yield RowError(row, f"{at}.max", f"is less than min: {group.min}")
        if len({option.id for option in group.options}) != len(group.options):
            yield RowError(row, f"{at}.options", "an option is there twice")
    codes: set[str] = set()
    for row, coupon in enumerate(menu.coupons, 1):
        if coupon.code in codes:
            yield RowError(row, f"coupons[{row - 1}].code", f"{coupon.code} is there twice")
        codes.add(coupon.code)
    for row, rate in enumerate(menu.tax_rates, 1):
        if not _is_instant(rate.since):
            yield RowError(row, f"tax_rates[{row - 1}].from", "must be a time of RFC 3339 with offset")
    yield from _timed_inconsistencies(menu, {product.id for product in menu.products}, categories)


def _timed_inconsistencies(menu: Menu, products: set[str], categories: set[str]) -> Iterator[RowError]:
    """What plans and time bands name that is not there. A file without products may name any."""
    for row, product in enumerate(menu.products, 1):
        at = f"products[{row - 1}].plan"
        if (product.kind == "plan") != (product.plan is not None):
            yield RowError(row, at, "a product of kind plan has terms, and no other has")
        if (terms := product.plan) is not None:
            named = {*terms.product_ids, *filter(None, (terms.extension_product_id,))}
            yield from _unknown(row, at, named, products, terms.category_ids, categories)
    for row, band in enumerate(menu.time_bands if menu.products else (), 1):
        named = {*band.product_ids, *(price.product_id for price in band.prices if price.product_id)}
        grouped = (*band.category_ids, *(price.category_id for price in band.prices if price.category_id))
        yield from _unknown(row, f"time_bands[{row - 1}]", named, products, grouped, categories)


def _unknown(
    row: int, at: str, named: set[str], products: set[str], grouped: tuple[str, ...], categories: set[str]
) -> Iterator[RowError]:
    for product_id in sorted(named - products):
        yield RowError(row, at, f"no such product: {product_id}")
    for category_id in sorted(set(grouped) - categories):
        yield RowError(row, at, f"no such category: {category_id}")


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False
