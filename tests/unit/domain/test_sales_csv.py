"""What an accountant adds up from the CSV files is what the day reports say, to the yen."""

from __future__ import annotations

import csv
import io
from collections import Counter
from typing import Any

import msgspec
import pytest
from domain_world import DAY, World
from hypothesis import example, given, settings
from hypothesis import strategies as st

from hub.domain.commands import (
    CompleteSale,
    DiscountIn,
    LineIn,
    LineQuantity,
    RefundSale,
    TakenIn,
    TakenLineIn,
    TenderIn,
    VoidSale,
)
from hub.domain.commands_credit import FailPayment, SettlePayment
from hub.domain.commands_sale import DeferIn
from hub.domain.csv_cells import Encoder, csv_text, harmless, plain_text
from hub.domain.errors import HubError, TenderMismatch
from hub.domain.facts import SaleRefunded
from hub.domain.report import fold
from hub.domain.report_sums import DayReport
from hub.domain.report_view import net_of
from hub.domain.sales_csv import COLUMNS, Kind, needs_sale, rows

NEXT_DAY = "2026-11-22"
PRODUCTS = ["tea", "bread", "beer", "soba", "gift", "milk", "coin"]
_STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["sell", "sell", "taken", "void", "refund", "deferred", "settle", "fail", "next day"]
        ),
        st.lists(st.tuples(st.sampled_from(PRODUCTS), st.integers(1, 5)), min_size=1, max_size=4),
        st.integers(0, 400),
        st.integers(0, 9),
    ),
    max_size=14,
)


def act(world: World, what: str, lines: list[Any], cut: int, pick: int) -> None:
    sales = [sale for _, sale in world.state.sales.items()]
    sale = sales[pick % len(sales)] if sales else None
    off = (DiscountIn("amount", cut), DiscountIn("rate", "0.07"))[: pick % 3]
    wish = CompleteSale((), lines=tuple(LineIn(*line) for line in lines), discounts=off)
    match what:
        case "sell":
            paid(world, wish)
        case "taken":
            sold = tuple(TakenLineIn(name, count, 100) for name, count in lines)
            total = sum(count for _, count in lines) * 100 + cut
            taken = TakenIn(f"{world.day}T10:00:00+09:00", f"T-{len(sales)}", total, sold)
            world.do(CompleteSale((TenderIn("cash", total),), taken=taken))
        case "deferred":
            world.online = False
            paid(world, msgspec.structs.replace(wish, discounts=()), method="card", deferred=DeferIn())
        case "settle" | "fail":
            waiting = [key for key, one in world.state.payments.items() if one.status == "pending"]
            for key in waiting[:1]:
                world.do(SettlePayment() if what == "settle" else FailPayment("declined"), key)
        case "void" if sale is not None:
            world.do(VoidSale("wrong"), sale.sale_id)
        case "refund" if sale is not None:
            part = tuple(LineQuantity(line.line_id, 1) for line in sale.lines[: 1 + pick % 2])
            try:
                world.do(RefundSale(part, (), "cold"), sale.sale_id)
            except TenderMismatch as wrong:
                back = (TenderIn("cash", wrong.fields["total"]),)
                world.do(RefundSale(part, back, "cold"), sale.sale_id)
        case "next day":
            world.day = NEXT_DAY


def paid(world: World, wish: CompleteSale, method: str = "cash", **more: Any) -> None:
    try:
        world.decide(wish)
    except TenderMismatch as wrong:
        part = wrong.fields["total"] // 3
        tenders = (TenderIn("voucher", part), TenderIn(method, wrong.fields["total"] - part, **more))
        world.do(msgspec.structs.replace(wish, tenders=tenders))


def reports(world: World) -> dict[str, DayReport]:
    found: dict[str, DayReport] = {}
    for fact, meta in world.facts:
        fold(found.setdefault(meta.business_date, DayReport(business_date=meta.business_date)), fact, meta)
    return found


def table(world: World, kind: Kind, *, known: bool = True) -> list[dict[str, str]]:
    """The file, written and read again. known: whether sales can still be looked up."""
    text = csv_text([COLUMNS[kind]])
    for fact, meta in world.facts:
        sale = world.state.sales.get(needs_sale(kind, fact) or "") if known else None
        sold = {line.line_id: line for line in sale.lines} if sale is not None else {}
        text += csv_text(rows(kind, fact, meta, sold))
    lines = list(csv.reader(io.StringIO(text)))
    assert {len(line) for line in lines} == {len(COLUMNS[kind])}
    return [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]


def added(found: list[dict[str, str]], column: str, *by: str) -> Counter[Any]:
    sums = Counter[Any]()
    for row in found:
        sums[tuple(row[one] for one in by)] += int(row[column])
    return sums


TWO = [("tea", 3), ("beer", 2)]
EACH = ("sell", "taken", "deferred", "fail", "deferred", "settle", "refund", "next day", "void", "refund")


@settings(max_examples=30, deadline=None)
@example([(what, TWO, 50, 1) for what in EACH])
@given(_STEPS)
def test_the_sums_of_the_files_are_those_of_the_day_reports(steps: list[Any]) -> None:
    world = World()
    for step in steps:
        try:
            act(world, *step)
        except HubError:
            continue
    sales, lines = table(world, "sales"), table(world, "lines")
    for day, report in reports(world).items():
        mine = [row for row in sales if row["business_date"] == day]
        parts = [row for row in lines if row["business_date"] == day]
        assert sum(int(row["total"]) for row in mine) == net_of(report)
        assert sum(int(row["total"]) for row in parts) == net_of(report)
        for kind, total in (("sale", report.sales), ("void", report.voids), ("refund", report.refunds)):
            told = [row for row in mine if row["kind"] == kind]
            assert (len(told), abs(sum(int(row["total"]) for row in told))) == (total.count, total.total)
            per_sale = added([row for row in parts if row["kind"] == kind], "total", "seq")
            assert per_sale == added(told, "total", "seq")
        assert sum(int(row["discount"]) for row in mine) == report.discounts.total
        assert sum(int(row["discount"]) for row in parts) == report.discounts.total
        assert sum(int(row["guests"]) for row in mine) == report.guests.guests
        for row in mine:
            added_up = (
                int(row["subtotal"]) - int(row["discount"]) + int(row["adjustment"]) + int(row["tax_added"])
            )
            assert row["kind"] == "payment" or added_up == int(row["total"])
        tenders = Counter[str]()
        for tender in report.tenders.values():
            tenders[tender.kind] += tender.amount
        assert {kind: sum(int(row[kind]) for row in mine) for kind in tenders} == dict(tenders)
        named = [row for row in parts if row["product_id"]]
        for column, values in (
            ("quantity", {key: one.quantity for key, one in report.products.items()}),
            ("net", {key: one.amount for key, one in report.products.items()}),
        ):
            assert added(named, column, "product_id") == {(key,): value for key, value in values.items()}
        rated = added(named, "net", "tax_rate", "tax_is_included")
        taxes = added(named, "tax", "tax_rate", "tax_is_included")
        wanted, tax = Counter[Any](), Counter[Any]()
        for one in report.taxes.values():
            wanted[one.rate or "", "true" if one.included else ""] += one.taxable
            tax[one.rate or "", "true" if one.included else ""] += one.tax
        assert rated == wanted
        assert taxes == tax


def test_a_refund_whose_sale_is_kept_no_longer_still_adds_up() -> None:
    world = World()
    act(world, "sell", [("tea", 3), ("beer", 2)], 50, 1)
    act(world, "refund", [("tea", 1)], 0, 1)
    lines = table(world, "lines", known=False)
    back = next(fact for fact, _ in world.facts if isinstance(fact, SaleRefunded))
    assert sum(int(row["net"]) for row in lines if row["kind"] == "refund") == -sum(
        x.amount for x in back.lines
    )
    assert sum(int(row["total"]) for row in lines) == net_of(reports(world)[DAY])


@pytest.mark.parametrize(
    "text", ["=1+1", "+81 3", "-x", "@SUM(A1)", "\t=1", "\r=1", "＝1", "'=1", "''", "O'Brien", ""]
)
def test_no_cell_is_a_formula_and_each_can_be_read_again(text: str) -> None:
    cell = next(csv.reader(io.StringIO(csv_text([[text, -5]]))))
    assert cell[0][:1] not in {*"=+-@\t\r＝＋－＠"}
    assert plain_text(cell[0]) == text
    assert cell[1] == "-5"


@given(st.text(max_size=12))
def test_what_is_harmless_is_read_again_as_it_was(text: str) -> None:
    assert plain_text(harmless(text)) == text


def test_shift_jis_shows_what_it_cannot_write() -> None:
    encode = Encoder("shift_jis")
    assert encode("髙橋〜−¥ ラーメン").decode("cp932") == "髙橋～－￥ ラーメン"
    assert encode("𠮷野家 🍜").decode("cp932") == "〓野家 〓"
    with_bom = Encoder("utf-8-bom")
    assert (with_bom("a"), with_bom("b")) == (b"\xef\xbb\xbfa", b"b")
