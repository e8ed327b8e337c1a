"""The readers lose nothing: their totals are those that a few lines of plain code find in the files."""

from __future__ import annotations

import csv
import gzip
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from hub.demo.izakaya import evening
from hub.demo.readers import read_orders
from hub.demo.tickets import Evening, OrdersError
from hub.domain.menu_file import read_menu

SHARED = Path(__file__).parents[3] / "shared/data"
CHIPOTLE = SHARED / "chipotle/chipotle.tsv"
COFFEE = SHARED / "coffee_april/201904 sales reciepts.csv.gz"


def priced_by_the_hub(whole: Evening) -> int:
    """What the hub will ask for: prices of the menu file, as the hub reads it, and of the chosen options."""
    menu = read_menu(msgspec.json.encode(whole.menu)).menu
    prices = {product.id: product.price for product in menu.products}
    groups = {group.id: {option.id: option.price for option in group.options} for group in menu.option_groups}
    offered = {product.id: [groups[group] for group in product.option_group_ids] for product in menu.products}
    total = 0
    for ticket in whole.tickets:
        for wish in (wish for wishes in ticket.rounds for wish in wishes):
            extras = sum(
                next(g[option] for g in offered[wish.product_id] if option in g) for option in wish.option_ids
            )
            assert prices[wish.product_id] + extras == wish.unit_price
            total += wish.quantity * wish.unit_price
    return total


@pytest.mark.skipif(not CHIPOTLE.is_file(), reason=f"{CHIPOTLE} is not here")
def test_chipotle() -> None:
    with CHIPOTLE.open() as file:
        rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
    total = sum(int(Decimal(row["item_price"].strip().lstrip("$")) * 100) for row in rows)
    whole = read_orders(CHIPOTLE)
    assert whole.currency == "USD"
    assert len(whole.tickets) == 1834 == len({row["order_id"] for row in rows})
    assert whole.total == total == priced_by_the_hub(whole)
    quantity = sum(wish.quantity for ticket in whole.tickets for wishes in ticket.rounds for wish in wishes)
    assert quantity == sum(int(row["quantity"]) for row in rows)
    first = whole.tickets[4].rounds[0][0]
    assert first.option_ids == (
        "tomatillo-red-chili-salsa-hot", "black-beans", "rice", "cheese", "sour-cream", "guacamole", "lettuce",
    ) or len(first.option_ids) > 1  # fmt: skip


@pytest.mark.skipif(not COFFEE.is_file(), reason=f"{COFFEE} is not here")
def test_coffee_shop() -> None:
    with gzip.open(COFFEE, "rt", encoding="utf-8") as file:
        next(file)
        rows = [line.rstrip("\n").split(",") for line in file if line.strip()]
    whole = read_orders(COFFEE)
    assert len(rows) == 49894
    assert len(whole.tickets) == 39271 == len({(row[1], row[3], row[0]) for row in rows})
    assert whole.total == sum(int(Decimal(row[11]) * 100) for row in rows) == priced_by_the_hub(whole)
    assert sum(len(ticket.rounds) > 1 for ticket in whole.tickets) == 1368
    quantity = sum(wish.quantity for ticket in whole.tickets for wishes in ticket.rounds for wish in wishes)
    assert quantity == sum(int(row[10]) for row in rows)


PLAIN = """order_id,time,table,product,quantity,unit_price,options,round
2,2026-04-01T12:05:00+09:00,A 1,Ramen,2,900,extra egg;no onions,1
1,2026-04-01T12:00:00+09:00,B,Gyoza,1,450,,1
2,2026-04-01T12:20:00+09:00,A 1,Beer,1,600,,2
"""


def test_plain_csv(tmp_path: Path) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(PLAIN)
    whole = read_orders(file)
    assert (whole.currency, whole.total, priced_by_the_hub(whole)) == ("JPY", 2850, 2850)
    assert [(ticket.ticket_id, ticket.table, len(ticket.rounds)) for ticket in whole.tickets] == [
        ("1", "B", 1),
        ("2", "A 1", 2),
    ]
    assert whole.tickets[1].rounds[0][0].option_ids == ("extra-egg", "no-onions")
    file.write_text("order_id,product,quantity,unit_price\n1,Tea,3,4.50\n")
    assert read_orders(file, currency="USD").total == 1350


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\n1,2\n", "first line"),
        ("order_id,product,quantity,unit_price\n", "no orders"),
        ("order_id,product,quantity,unit_price\n1,Tea,x,450\n", ":2: not a whole number"),
        ("order_id,product,quantity,unit_price\n1,Tea,1,4.5\n", ":2: not an amount"),
        ("order_id,product,quantity,unit_price\n1,Tea,1\n", "3 columns"),
        ("order_id,product,quantity,unit_price\n1,Tea,1,-450\n", "not an amount"),
    ],
)
def test_a_faulty_file_names_the_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "orders.csv"
    file.write_text(text)
    with pytest.raises(OrdersError, match=says):
        read_orders(file)


def test_amounts_that_do_not_divide_are_split_and_not_rounded(tmp_path: Path) -> None:
    file = tmp_path / "orders.tsv"
    file.write_text(
        "order_id\tquantity\titem_name\tchoice_description\titem_price\n1\t3\tTea\tNULL\t$10.00 \n"
    )
    (ticket,) = read_orders(file).tickets
    assert [(wish.quantity, wish.unit_price) for wish in ticket.rounds[0]] == [(2, 333), (1, 334)]
    assert ticket.total == 1000


def test_the_evening_of_a_seed_is_always_the_same() -> None:
    first, again, other = evening(7, 50), evening(7, 50), evening(8, 50)
    assert first.tickets == again.tickets
    assert first.tickets != other.tickets
    assert first.total == priced_by_the_hub(first)
    assert len(first.menu["products"]) >= 40
    assert {product["tax_class"] for product in first.menu["products"]} >= {"standard", "food", "reduced"}
