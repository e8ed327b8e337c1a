"""Reports against sums that are made from the entries' JSON alone; days added up; the daily report's text."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from domain_world import DAY, World
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.commands import (
    AbortCheck,
    CompleteSale,
    DiscountIn,
    LineIn,
    LineQuantity,
    OpenCheck,
    PlaceOrder,
    RefundSale,
    TenderIn,
    VoidLines,
    VoidSale,
)
from hub.domain.commands_day import CloseDay, MoveDrawer, SettleRegister
from hub.domain.daily import daily, daily_text
from hub.domain.errors import HubError, TenderMismatch
from hub.domain.receipt import width
from hub.domain.report import counted, fold
from hub.domain.report_sums import DayReport
from hub.domain.report_view import span_view, summed, view
from hub.domain.state import Meta

_STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["order", "pay", "sell", "void", "refund", "take off", "abort", "drawer", "settle", "close"]
        ),
        st.sampled_from(["tea", "bread", "beer", "soba", "gift"]),
        st.integers(1, 4),
        st.integers(0, 90),
    ),
    max_size=30,
)


def act(world: World, sold: list[Any], what: str, product: str, number: int, cut: int) -> None:
    """One step of a day. What the store refuses is passed over."""
    checks = [check for _, check in world.state.checks.items() if not check.ended and check.lines]
    off = (DiscountIn("amount", cut),) if cut % 3 else ()
    table = f"t{number}"
    match what:
        case "order":
            world.do(PlaceOrder((LineIn(product, number),), table_id=table, guests=number), device="h1")
        case "pay" if checks:
            check = checks[0]
            pay(world, CompleteSale((), check_id=check.check_id, discounts=off), sold)
        case "sell":
            pay(world, CompleteSale((), lines=(LineIn(product, number),), discounts=off), sold)
        case "void" if sold:
            world.do(VoidSale("x"), sold[-1].sale_id)
        case "refund" if sold:
            line = LineQuantity(sold[-1].lines[0].line_id, 1)
            try:
                world.do(RefundSale((line,), (), "x"), sold[-1].sale_id)
            except TenderMismatch as wrong:
                back = TenderIn("cash", wrong.fields["total"])
                world.do(RefundSale((line,), (back,), "x"), sold[-1].sale_id)
        case "take off" if checks:
            world.do(VoidLines((LineQuantity(checks[0].lines[0].line_id, 1),), "x"), checks[0].check_id)
        case "abort" if checks:
            world.do(AbortCheck("x"), checks[0].check_id, version=checks[0].version)
        case "drawer":
            world.do(MoveDrawer("float", cut), "d1")
        case "settle":
            world.do(SettleRegister(cut), "d1")
        case "close":
            world.do(CloseDay("carry"), DAY)


def pay(world: World, wish: CompleteSale, sold: list[Any]) -> None:
    try:
        world.decide(wish)
    except TenderMismatch as wrong:
        total = wrong.fields["total"]
        part = total // 3
        tenders = (TenderIn("voucher", part), TenderIn("cash", total - part))
        sold.append(world.do(msgspec.structs.replace(wish, tenders=tenders)))


def lived(steps: list[Any]) -> World:
    world, sold = World(), list[Any]()
    for what, product, number, cut in steps:
        try:
            act(world, sold, what, product, number, cut)
        except HubError:
            continue
    return world


@settings(max_examples=60, deadline=None)
@given(_STEPS)
def test_a_report_is_the_sum_of_the_entries(steps: list[Any]) -> None:
    world = lived(steps)
    rows = [(fact.TYPE, msgspec.json.decode(msgspec.json.encode(fact))) for fact, _ in world.facts]
    seen = view(world.report)
    signs = {"sale.completed": 1, "sale.voided": -1, "sale.refunded": -1}
    sales = [(signs[name], data) for name, data in rows if name in signs]
    for part, name in (("sales", "sale.completed"), ("voids", "sale.voided"), ("refunds", "sale.refunded")):
        mine = [data for kind, data in rows if kind == name]
        assert seen[part] == {"count": len(mine), "total": sum(data["total"] for data in mine)}
    assert seen["net"]["total"] == sum(sign * data["total"] for sign, data in sales)
    tenders, taxes, products, categories = Counter[Any](), Counter[Any](), Counter[Any](), Counter[Any]()
    for sign, data in sales:
        for tender in data["tenders"]:
            tenders[tender["method"]] += sign * tender["amount"]
        for tax in data["taxes"]:
            taxes[tax["rate"], tax["included"]] += sign * tax["tax"]
        for line in data["lines"]:
            net = line["amount"] - (line.get("discount", 0) if sign > 0 else 0)
            products[line["product_id"]] += sign * net
            categories[line["category_id"]] += sign * net
    assert {row["method"]: row["amount"] for row in seen["tenders"]} == dict(tenders)
    assert {row["product_id"]: row["amount"] for row in seen["products"]} == dict(products)
    assert {row["category_id"]: row["amount"] for row in seen["categories"]} == dict(categories)
    found = Counter[Any]()
    for row in seen["taxes"]:
        found[row["rate"], row["included"]] += row["tax"]
    assert found == taxes
    cut = [data["discount"] for name, data in rows if name == "sale.completed" and data["discount"]]
    assert seen["discounts"] == {"count": len(cut), "total": sum(cut)}
    closings = [index for index, (name, _) in enumerate(rows) if name == "day.closed"]
    late = [data for name, data in rows[closings[0] :] if name in signs] if closings else []
    assert seen["late"]["count"] == len(late)
    assert sum(data.get("late", False) for _, data in sales) == len(late)
    assert seen["aborts"]["total"] == sum(d["check_total"] for name, d in rows if name == "check.aborted")
    gone = [line for name, data in rows if name == "lines.voided" for line in data["lines"]]
    assert seen["line_voids"]["amount"] == sum(line["amount"] for line in gone)
    # The day that the closings freeze is counted by other code, in the state.
    day = world.state.days.get(DAY)
    if day is not None:
        figures = day.figures
        assert (figures.net, figures.sales.count) == (seen["net"]["total"], seen["sales"]["count"])
        assert {row.method: row.amount for row in figures.tenders} == dict(tenders)
        assert {(row.rate, row.included): row.tax for row in figures.taxes} == dict(found)
        assert day.late.total == seen["late"]["total"]


@settings(max_examples=30, deadline=None)
@given(st.lists(_STEPS, min_size=1, max_size=3))
def test_days_added_up_are_one_day_that_saw_it_all(days: list[Any]) -> None:
    worlds = [lived(steps) for steps in days]
    before = [msgspec.json.encode(world.report) for world in worlds]
    total = summed(world.report for world in worlds)
    assert [msgspec.json.encode(world.report) for world in worlds] == before, "the days stay as they are"
    whole = DayReport(business_date="")
    for world in worlds:
        # Late is late on its own day only: one day that saw it all would find more.
        whole.closed = False
        for fact, meta in world.facts:
            fold(whole, fact, meta)
    whole.closed, whole.closings = False, []
    assert total == whole
    shown = span_view("2026-11-01", "2026-11-03", [world.report for world in worlds])
    assert sum(day["net"]["total"] for day in shown["days"]) == shown["total"]["net"]["total"]


def test_what_is_about_another_day_counts_there() -> None:
    world = World()
    world.do(MoveDrawer("float", 500), "r1")
    world.day = "2026-11-22"
    settled = world.do(SettleRegister(400, date=DAY), "r1")
    meta = world.facts[-1][1]
    shown = counted(settled, meta)
    assert shown is not None
    assert (meta.business_date, shown[1].business_date) == ("2026-11-22", DAY)
    report = DayReport(business_date=DAY)
    fold(report, *shown)
    assert view(report)["settlements"][0]["over_short"] == -100


def test_staff_have_their_own_lines() -> None:
    world, report = World(), DayReport(business_date=DAY)
    placed = world.do(PlaceOrder((LineIn("beer", 2),), table_id="t1"))
    paid = world.do(CompleteSale((TenderIn("cash", 1100),), check_id=placed.check_id))
    for fact, who in ((placed, "s1"), (paid, "s2"), (placed, None)):
        fold(report, fact, Meta(1, "e", f"{DAY}T12:00:00+09:00", DAY, "d1", who))
    assert view(report, staff={"s1": "Hana"})["staff"] == [
        {"staff_id": "s1", "name": "Hana", "orders": 1, "sales": 0, "total": 0},
        {"staff_id": "s2", "name": "", "orders": 0, "sales": 1, "total": 1100},
    ]


def test_guests_are_counted_when_they_pay_and_not_when_it_is_voided() -> None:
    world = World()
    for table, guests, product in (("t1", 3, "beer"), ("t2", 2, "gift")):
        opened = world.do(OpenCheck((table,), guests=guests))
        world.do(PlaceOrder((LineIn(product, 2),), check_id=opened.check_id))
        total = 1100 if product == "beer" else 2000
        sold = world.do(CompleteSale((TenderIn("cash", total),), check_id=opened.check_id))
    expected = {"guests": 5, "parties": 2, "total": 3100, "per_guest": 620, "per_party": 1550}
    assert view(world.report)["guests"] == expected
    world.do(VoidSale("x"), sold.sale_id)
    assert view(world.report)["guests"]["per_guest"] == 366


@pytest.mark.parametrize(
    ("language", "words"),
    [
        (
            "ja",
            ["日　報", "純売上", "客単価", "過不足", "締め済", "10%対象", "未精算のレジ", "¥1,550", "-¥5"],
        ),
        ("en", ["DAILY REPORT", "Net sales", "per guest", "over/short", "closed (no. 1", "At 10%", "-¥5"]),
    ],
)
def test_the_daily_report_as_text(language: Any, words: list[str]) -> None:
    world = World()
    opened = world.do(OpenCheck(("t1",), guests=2))
    world.do(PlaceOrder((LineIn("beer", 1), LineIn("gift", 1)), check_id=opened.check_id))
    world.do(CompleteSale((TenderIn("cash", 1550),), check_id=opened.check_id), device="r1")
    world.do(MoveDrawer("float", 1000), "r1")
    world.do(SettleRegister(2545), "r1")
    world.do(CompleteSale((TenderIn("voucher", 98),), lines=(LineIn("tea", 1),)), device="r2")
    world.do(CloseDay(), DAY)
    content = daily(
        world.report,
        store_name="渋谷店",
        currency="JPY",
        unsettled=["r2"],
        open_checks=0,
        unsent=3,
        agrees=None,
    )
    text = daily_text(content, language)
    for word in words:
        assert word in text
    assert max(width(line) for line in text.splitlines()) <= 48
