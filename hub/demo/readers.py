"""Readers for order files: Chipotle, coffee shop, plain CSV. The file itself tells which one it is.

Plain CSV: UTF-8, a header line, a line of an order each; the lines of an order stand together or apart.
  order_id    required; lines with the same one are one party's visit
  product     required; the name
  quantity    required; a whole number above 0
  unit_price  required; of one, with options, as a decimal number (4.50) or, for JPY, a whole one
  table       the party's table; parties of one table come one after the other
  time        orders are taken in this order of times when all lines have one, else as they stand in the file
  round       rounds of one party, sent one after the other; empty: one round
  options     names with ; between them
  category    for the menu
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Final, Literal

from hub.demo.tickets import Catalogue, Evening, OrdersError, Ticket, Wish

LINES_MAX: Final = 1_000_000
CHIPOTLE: Final = ("order_id", "quantity", "item_name", "choice_description", "item_price")
COFFEE: Final = (
    "transaction_id", "transaction_date", "transaction_time", "sales_outlet_id", "staff_id", "customer_id",
    "instore_yn", "order", "line_item_id", "product_id", "quantity", "line_item_amount", "unit_price", "promo_item_yn",
)  # fmt: skip
PLAIN: Final = ("order_id", "product", "quantity", "unit_price")
# What a Chipotle item is, by a word of its name.
KINDS: Final = (
    ("Salad", "Salads"), ("Bowl", "Bowls"), ("Burrito", "Burritos"), ("Tacos", "Tacos"), ("Chips", "Chips"),
)  # fmt: skip


def read_orders(path: Path, *, currency: str | None = None) -> Evening:
    """All orders of a file. Raises OrdersError."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise OrdersError(f"{path}: {error}") from error
    first = text.partition("\n")[0].strip()
    reader: Callable[[str, Path, str | None], Evening]
    if tuple(first.split("\t")) == CHIPOTLE:
        reader = _chipotle
    elif tuple(first.replace('"', "").split(",")) == COFFEE:
        reader = _coffee
    elif set(PLAIN) <= {name.strip().lower() for name in first.split(",")}:
        reader = _plain
    else:
        raise OrdersError(
            f"{path}: its first line is neither that of the Chipotle nor of the coffee-shop layout, and a plain CSV"
            f" needs the columns {', '.join(PLAIN)}"
        )
    evening = reader(text, path, currency)
    if not evening.tickets:
        raise OrdersError(f"{path}: there are no orders in it")
    return evening


def _chipotle(text: str, path: Path, currency: str | None) -> Evening:
    """item_price is that of the whole line; choice_description nests its lists, and NULL means none."""
    made = Catalogue()
    visits: dict[str, list[Wish]] = {}
    for number, row in _rows(text, path, CHIPOTLE, delimiter="\t", quoting=csv.QUOTE_NONE, skip=1):
        name = row["item_name"]
        options = [part.strip() for part in re.split(r"[\[\],]+", row["choice_description"])]
        wishes = made.wishes(
            name,
            next((kind for word, kind in KINDS if word in name), "Drinks"),
            quantity=_whole(row["quantity"], path, number),
            amount=_amount(row["item_price"], path, number),
            options=[option for option in options if option not in ("", "NULL")],
        )
        visits.setdefault(row["order_id"], []).extend(wishes)
    tickets = [Ticket(order_id, (tuple(wishes),)) for order_id, wishes in visits.items()]
    return Evening(f"Chipotle orders ({path.name})", currency or "USD", made.menu(currency or "USD"), tickets)


def _coffee(text: str, path: Path, currency: str | None) -> Evening:
    """The header is one quoted field; a ticket is (date, outlet, transaction); `order` tells its rounds."""
    names = _products(path.parent / "product.csv")
    made = Catalogue()
    visits: dict[tuple[str, str, str], dict[int, list[Wish]]] = {}
    when: dict[tuple[str, str, str], tuple[str, str]] = {}
    takeout: dict[tuple[str, str, str], bool] = {}
    for number, row in _rows(text, path, COFFEE, skip=1):
        key = (row["transaction_date"], row["sales_outlet_id"], row["transaction_id"])
        name, category = names.get(row["product_id"], (f"Product {row['product_id']}", "Menu"))
        wishes = made.wishes(
            name,
            category,
            quantity=_whole(row["quantity"], path, number),
            amount=_amount(row["line_item_amount"], path, number),
        )
        visits.setdefault(key, {}).setdefault(_whole(row["order"], path, number), []).extend(wishes)
        when[key] = min(when.get(key, ("~", "")), (row["transaction_date"], row["transaction_time"]))
        takeout[key] = row["instore_yn"] == "N"
    tickets = [
        Ticket("-".join(key), tuple(tuple(rounds[n]) for n in sorted(rounds)), takeout=takeout[key])
        for key, rounds in sorted(visits.items(), key=lambda item: (when[item[0]], item[0]))
    ]
    return Evening(
        f"coffee-shop tickets ({path.name})", currency or "USD", made.menu(currency or "USD"), tickets
    )


def _products(path: Path) -> dict[str, tuple[str, str]]:
    """Names and categories from the product list that lies beside the receipts, if it does."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return {
                row["product_id"]: (row["product"], row["product_category"]) for row in csv.DictReader(file)
            }
    except FileNotFoundError:
        return {}
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise OrdersError(f"{path}: {error!r}") from error


def _plain(text: str, path: Path, currency: str | None) -> Evening:
    header = [name.strip().lower() for name in text.partition("\n")[0].split(",")]
    digits = 0 if (currency or "JPY") == "JPY" else 2
    made = Catalogue()
    visits: dict[str, dict[str, list[Wish]]] = {}
    tables: dict[str, str | None] = {}
    times: dict[str, str] = {}
    for number, row in _rows(text, path, tuple(header), skip=1):
        order_id = row["order_id"]
        quantity = _whole(row["quantity"], path, number)
        wishes = made.wishes(
            row["product"],
            row.get("category") or "Menu",
            quantity=quantity,
            amount=quantity * _amount(row["unit_price"], path, number, digits=digits),
            options=[part.strip() for part in (row.get("options") or "").split(";") if part.strip()],
        )
        visits.setdefault(order_id, {}).setdefault(row.get("round") or "", []).extend(wishes)
        tables[order_id] = tables.get(order_id) or row.get("table") or None
        time = row.get("time") or ""
        times[order_id] = min(times.get(order_id, time), time)
    order = list(visits)
    if all(times.values()):
        order.sort(key=lambda order_id: times[order_id])
    tickets = [
        Ticket(order_id, tuple(tuple(wishes) for wishes in visits[order_id].values()), tables[order_id])
        for order_id in order
    ]
    return Evening(f"orders of {path.name}", currency or "JPY", made.menu(currency or "JPY"), tickets)


def _rows(
    text: str,
    path: Path,
    columns: tuple[str, ...],
    *,
    skip: int,
    delimiter: str = ",",
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL,
) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and cells, without empty lines. Raises OrdersError for a line of another width."""
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)
    try:
        for row in lines:
            if lines.line_num <= skip or not any(cell.strip() for cell in row):
                continue
            if len(row) != len(columns):
                raise OrdersError(
                    f"{path}:{lines.line_num}: {len(row)} columns where {len(columns)} were expected"
                )
            if lines.line_num > LINES_MAX:
                raise OrdersError(f"{path}: more than {LINES_MAX:,} lines")
            yield lines.line_num, dict(zip(columns, (cell.strip() for cell in row), strict=True))
    except csv.Error as error:
        raise OrdersError(f"{path}:{lines.line_num}: {error}") from error


def _whole(text: str, path: Path, number: int) -> int:
    if not (text.isascii() and text.isdigit() and 0 < int(text) <= 9999):
        raise OrdersError(f"{path}:{number}: not a whole number above 0: {text!r}")
    return int(text)


def _amount(text: str, path: Path, number: int, *, digits: int = 2) -> int:
    """'$16.98 ' -> 1698."""
    try:
        value = Decimal(text.strip().lstrip("$¥￥").replace(",", "")).scaleb(digits)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value != value.to_integral_value() or not 0 <= value <= 999_999_999:
        raise OrdersError(f"{path}:{number}: not an amount: {text!r}")
    return int(value)
