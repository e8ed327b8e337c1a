"""Business days of real menus, tickets and invoices through the API, against sums made from the files alone.

The sums here use nothing of the hub: its report has to come to the same, to the yen and the cent.
"""

from __future__ import annotations

import csv
import gzip
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hub.operations import apply_master
from tests.integration.conftest import Device, Shop, shop_in

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not here")

RATES = [
    {"tax_class": "standard", "rate": "0.10", "from": "2019-10-01T00:00:00+09:00"},
    {"tax_class": "reduced", "rate": "0.08", "from": "2019-10-01T00:00:00+09:00"},
]
TENDERS = [
    {"id": "cash", "name": "Cash", "kind": "cash"},
    {"id": "card", "name": "Card", "kind": "card"},
]


def cents(text: str) -> int:
    return int((Decimal(text.replace("$", "").strip()) * 100).to_integral_value())


@dataclass
class Sums:
    """What a day must come to."""

    sales: int = 0
    total: int = 0
    voids: int = 0
    voided: int = 0
    refunds: int = 0
    refunded: int = 0
    quantities: Counter[str] = field(default_factory=Counter)
    amounts: Counter[str] = field(default_factory=Counter)
    tenders: Counter[str] = field(default_factory=Counter)
    taxes: Counter[str] = field(default_factory=Counter)

    def agree_with(self, report: dict[str, Any]) -> None:
        assert report["sales"] == {"count": self.sales, "total": self.total}
        assert report["voids"] == {"count": self.voids, "total": self.voided}
        assert report["refunds"] == {"count": self.refunds, "total": self.refunded}
        assert report["net"]["total"] == self.total - self.voided - self.refunded
        sold = {row["product_id"]: row for row in report["products"]}
        assert {key: row["quantity"] for key, row in sold.items() if row["quantity"]} == _without_zeros(
            self.quantities
        )
        assert {key: row["amount"] for key, row in sold.items() if row["amount"]} == _without_zeros(
            self.amounts
        )
        taken = {row["method"]: row["amount"] for row in report["tenders"] if row["amount"]}
        assert taken == _without_zeros(self.tenders)
        taxes: Counter[str] = Counter()
        for row in report["taxes"]:
            taxes[row["rate"]] += row["tax"]
        assert _without_zeros(taxes) == _without_zeros(self.taxes)


def _without_zeros(counter: Counter[str]) -> dict[str, int]:
    return {key: value for key, value in counter.items() if value}


@asynccontextmanager
async def store(folder: Path, menu: dict[str, list[dict[str, Any]]], currency: str) -> AsyncIterator[Shop]:
    kinds = {
        "categories": "category",
        "products": "product",
        "tax_rates": "tax_rate",
        "tables": "table",
        "tender_methods": "tender_method",
    }
    async with shop_in(folder) as shop:
        changes = []
        for section, values in menu.items():
            for value in values:
                key = value.get("id") or f"{value['tax_class']}@{value['from']}"
                changes.append({"kind": kinds[section], "id": key, "value": value})
        await apply_master(shop.box, changes, full=True, currency=currency)
        yield shop


async def ok(answer: Any) -> dict[str, Any]:
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


async def report_of(shop: Shop, device: Device) -> dict[str, Any]:
    return await ok(await device.get(f"/v1/reports/days/{shop.box.clock.today()}"))


# -- an evening in a chain of Italian restaurants, in yen -----------------------------------------------------------


async def test_an_evening_over_saizeriyas_menu(tmp_path: Path) -> None:
    with (DATA / "jp_menu/saizeriya.csv").open(encoding="utf-8", newline="") as file:
        items = {row["id"]: row for row in csv.DictReader(file)}
    prices = {key: int(row["price"]) for key, row in items.items()}
    drinks = {key for key, row in items.items() if row["is_alcohol"] == "true"}
    menu = {
        "categories": [{"id": "c", "name": "グランド"}],
        "products": [
            {
                "id": key,
                "name": row["name"],
                "category_id": "c",
                "price": prices[key],
                "tax_class": "standard" if key in drinks else "food",
                "tax_included": False,
            }
            for key, row in items.items()
        ],
        "tax_rates": RATES,
        "tables": [{"id": f"t{n}", "name": str(n), "area": "hall"} for n in range(40)],
        "tender_methods": TENDERS,
    }
    chance, sums = random.Random(20261121), Sums()
    async with store(tmp_path / "data", menu, "JPY") as shop:
        handhelds = [await shop.device("handheld") for _ in range(4)]
        register = await shop.device("register")
        for party in range(150):
            handheld = chance.choice(handhelds)
            out = chance.random() < 0.2
            opened = await ok(
                await handheld.post(
                    "/v1/checks",
                    {
                        "table_ids": [] if out else [f"t{party % 40}"],
                        "guests": chance.randint(1, 6),
                        "dining": "takeout" if out else "eat_in",
                    },
                )
            )
            eaten: Counter[str] = Counter()
            for _ in range(chance.randint(1, 4)):
                wanted = [
                    (chance.choice(list(items)), chance.randint(1, 3)) for _ in range(chance.randint(1, 5))
                ]
                lines = [{"product_id": key, "quantity": count} for key, count in wanted]
                placed = await ok(
                    await handheld.post("/v1/orders", {"check_id": opened["check_id"], "lines": lines})
                )
                for key, count in wanted:
                    eaten[key] += count
                if chance.random() < 0.3:
                    gone = chance.choice(placed["lines"])
                    await ok(
                        await handheld.post(
                            f"/v1/checks/{opened['check_id']}/void",
                            {"lines": [{"line_id": gone["line_id"], "quantity": 1}], "reason": "dropped"},
                        )
                    )
                    eaten[gone["product_id"]] -= 1
            by_rate: Counter[str] = Counter()
            for key, count in eaten.items():
                by_rate["0.08" if out and key not in drinks else "0.10"] += prices[key] * count
            tax = {rate: amount * int(rate[2:]) // 100 for rate, amount in by_rate.items()}
            total = sum(by_rate.values()) + sum(tax.values())
            method = chance.choice(["cash", "card"])
            sold = await ok(
                await register.post(
                    "/v1/sales",
                    {"check_id": opened["check_id"], "tenders": [{"method": method, "amount": total}]},
                )
            )
            assert sold["total"] == total
            sums.sales += 1
            sums.total += total
            if chance.random() < 0.05:
                await ok(await register.post(f"/v1/sales/{sold['sale_id']}/void", {"reason": "wrong table"}))
                sums.voids += 1
                sums.voided += total
                continue
            sums.tenders[method] += total
            sums.taxes.update(tax)
            for key, count in eaten.items():
                sums.quantities[key] += count
                sums.amounts[key] += prices[key] * count
        sums.agree_with(await report_of(shop, register))


# -- a day of a coffee shop, in cents -------------------------------------------------------------------------------


def tickets(day: str, outlet: str) -> Iterator[list[dict[str, str]]]:
    """The lines of each ticket. The header is one broken field; transaction ids come again on other days."""
    with gzip.open(DATA / "coffee_april/201904 sales reciepts.csv.gz", "rt", newline="") as file:
        names = next(csv.reader(file))[0].replace('"', "").split(",")
        found: dict[str, list[dict[str, str]]] = defaultdict(list)
        for cells in csv.reader(file):
            row = dict(zip(names, cells, strict=True))
            if (row["transaction_date"], row["sales_outlet_id"]) == (day, outlet):
                found[row["transaction_id"]].append(row)
    yield from found.values()


async def test_a_day_of_a_coffee_shop(tmp_path: Path) -> None:
    with (DATA / "coffee_april/product.csv").open(encoding="utf-8-sig", newline="") as file:
        products = list(csv.DictReader(file))
    menu = {
        "categories": [{"id": "c", "name": "Coffee"}],
        "products": [
            {
                "id": row["product_id"],
                "name": row["product"],
                "category_id": "c",
                "price": 0,
                "open_price": True,
                "tax_class": "exempt",
            }
            for row in products
        ],
        "tender_methods": TENDERS,
    }
    sums = Sums()
    async with store(tmp_path / "data", menu, "USD") as shop:
        register = await shop.device("register")
        for ticket in tickets("2019-04-13", "5"):
            lines, total = [], 0
            for row in ticket:
                price, quantity = cents(row["unit_price"]), int(row["quantity"])
                lines.append({"product_id": row["product_id"], "quantity": quantity, "unit_price": price})
                total += price * quantity
                sums.quantities[row["product_id"]] += quantity
                sums.amounts[row["product_id"]] += price * quantity
            body = {"lines": lines, "tenders": [{"method": "cash", "amount": total}]}
            assert (await ok(await register.post("/v1/sales", body)))["total"] == total
            sums.sales += 1
            sums.total += total
            sums.tenders["cash"] += total
        assert sums.sales > 400
        sums.agree_with(await report_of(shop, register))


# -- a day of invoices with cancellations, in pence -----------------------------------------------------------------


async def test_a_day_of_invoices_with_cancellations(tmp_path: Path) -> None:
    with (DATA / "online_retail/2010-12-02.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if Decimal(row["UnitPrice"]) > 0]
    names = {code(row): row["Description"] or code(row) for row in rows}
    menu = {
        "categories": [{"id": "c", "name": "Gifts"}],
        "products": [
            {
                "id": key,
                "name": name,
                "category_id": "c",
                "price": 0,
                "open_price": True,
                "tax_class": "exempt",
            }
            for key, name in names.items()
        ],
        "tender_methods": TENDERS,
    }
    invoices: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        invoices[row["InvoiceNo"]].append(row)
    sums = Sums()
    # Where a cancellation may come from: product and price -> sale, line and what is left of it.
    sold: dict[tuple[str, int], list[list[Any]]] = defaultdict(list)
    async with store(tmp_path / "data", menu, "GBP") as shop:
        register = await shop.device("register")
        for number, lines in invoices.items():
            if not number.startswith("C"):
                await _invoice(register, lines, sums, sold)
        given_back = 0
        for number, lines in invoices.items():
            if number.startswith("C"):
                given_back += await _cancellation(register, lines, sums, sold)
        assert sums.sales > 100
        assert given_back > 0
        sums.agree_with(await report_of(shop, register))


def code(row: dict[str, str]) -> str:
    return row["StockCode"].replace(" ", "-")


async def _invoice(
    register: Device, rows: list[dict[str, str]], sums: Sums, sold: dict[tuple[str, int], list[list[Any]]]
) -> None:
    lines, total = [], 0
    for row in rows:
        price, quantity = cents(row["UnitPrice"]), int(row["Quantity"])
        assert quantity > 0
        lines.append({"product_id": code(row), "quantity": quantity, "unit_price": price})
        total += price * quantity
        sums.quantities[code(row)] += quantity
        sums.amounts[code(row)] += price * quantity
    body = {"lines": lines, "tenders": [{"method": "card", "amount": total, "reference": "slip 1"}]}
    made = await ok(await register.post("/v1/sales", body))
    assert made["total"] == total
    sums.sales += 1
    sums.total += total
    sums.tenders["card"] += total
    for line in made["lines"]:
        sold[line["product_id"], line["unit_price"]].append(
            [made["sale_id"], line["line_id"], line["quantity"]]
        )


async def _cancellation(
    register: Device, rows: list[dict[str, str]], sums: Sums, sold: dict[tuple[str, int], list[list[Any]]]
) -> int:
    """Give back what was sold on this day; what was sold before it is another day's. The number of refunds."""
    made = 0
    for row in rows:
        price, left = cents(row["UnitPrice"]), -int(row["Quantity"])
        for place in sold[code(row), price]:
            sale_id, line_id, remaining = place
            back = min(left, remaining)
            if back <= 0:
                continue
            body = {
                "lines": [{"line_id": line_id, "quantity": back}],
                "tenders": [{"method": "cash", "amount": price * back}],
                "reason": "cancelled",
            }
            await ok(await register.post(f"/v1/sales/{sale_id}/refunds", body))
            place[2] -= back
            left -= back
            made += 1
            sums.refunds += 1
            sums.refunded += price * back
            sums.quantities[code(row)] -= back
            sums.amounts[code(row)] -= price * back
            sums.tenders["cash"] -= price * back
    return made
