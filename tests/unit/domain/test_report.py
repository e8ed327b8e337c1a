"""The day report: its shape, its persistence, and how little an order costs it."""

from __future__ import annotations

import timeit

import msgspec
from domain_world import DAY, World

from hub.domain.commands import (
    CompleteSale,
    LineIn,
    LineQuantity,
    PlaceOrder,
    RefundSale,
    TakenIn,
    TakenLineIn,
    TenderIn,
    VoidSale,
)
from hub.domain.report import fold
from hub.domain.report_sums import DayReport
from hub.domain.report_view import view


def a_day() -> World:
    world = World()
    placed = world.do(
        PlaceOrder((LineIn("tea", 2, "a"), LineIn("bread", 7, "b")), table_id="t1"), device="h1"
    )
    paid = (TenderIn("voucher", 200), TenderIn("cash", 736, 1000))
    sold = world.do(CompleteSale(paid, check_id=placed.check_id), device="r1")
    world.do(RefundSale((LineQuantity("a", 1),), (TenderIn("cash", 98),), "cold"), sold.sale_id)
    wrong = world.do(CompleteSale((TenderIn("cash", 550),), lines=(LineIn("beer", 1),)), device="r1")
    world.do(VoidSale("wrong"), wrong.sale_id)
    world.do(
        CompleteSale(
            (TenderIn("cash", 550),),
            taken=TakenIn(f"{DAY}T00:30:00Z", "A-000001", 550, (TakenLineIn("beer", 1, 550),)),
        ),
        device="r2",
    )
    return world


def test_its_shape_is_the_contracts() -> None:
    seen = view(a_day().report)
    spine = {
        "business_date": DAY,
        "closed": False,
        "orders": {"count": 1},
        "sales": {"count": 3, "total": 2036},
        "voids": {"count": 1, "total": 550},
        "refunds": {"count": 1, "total": 98},
        "net": {"total": 1388},
        "taxes": [
            {"tax_class": "reduced", "rate": "0.08", "included": False, "taxable": 686, "tax": 54},
            {"tax_class": "reduced", "rate": "0.08", "included": True, "taxable": 98, "tax": 7},
            {"tax_class": "standard", "rate": "0.10", "included": True, "taxable": 550, "tax": 50},
        ],
        "tenders": [
            {"method": "cash", "name": "現金", "kind": "cash", "count": 5, "amount": 1188},
            {"method": "voucher", "name": "Voucher", "kind": "voucher", "count": 1, "amount": 200},
        ],
        "products": [
            {"product_id": "beer", "name": "BEER", "quantity": 1, "amount": 550},
            {"product_id": "bread", "name": "BREAD", "quantity": 7, "amount": 686},
            {"product_id": "tea", "name": "TEA", "quantity": 1, "amount": 98},
        ],
        "hours": [{"hour": 9, "count": 1, "total": 550}, {"hour": 12, "count": 2, "total": 1486}],
        "devices": [
            {"device_id": "h1", "orders": 1, "sales": 0, "total": 0},
            {"device_id": "r1", "orders": 0, "sales": 2, "total": 1486},
            {"device_id": "r2", "orders": 0, "sales": 1, "total": 550},
        ],
    }
    assert {name: seen[name] for name in spine} == spine
    assert seen["categories"] == [{"category_id": "c", "name": "", "quantity": 9, "amount": 1334}]
    assert seen["guests"] == {"guests": 0, "parties": 1, "total": 936, "per_guest": None, "per_party": 936}


def test_it_can_be_put_away_at_any_moment() -> None:
    world = a_day()
    report = DayReport(business_date=DAY)
    for fact, meta in world.facts:
        fold(report, fact, meta)
        report = msgspec.json.decode(msgspec.json.encode(report), type=DayReport)
    assert report == world.report


def test_an_order_costs_it_next_to_nothing() -> None:
    world = World()
    fact = world.do(PlaceOrder((LineIn("tea", 1),), table_id="t1"))
    meta = world.facts[-1][1]
    report = DayReport(business_date=DAY)
    # Aimed at 1 us; ten times that still tells a report that got slow from a machine that is busy.
    assert min(timeit.repeat(lambda: fold(report, fact, meta), number=1000, repeat=5)) / 1000 < 10e-6
