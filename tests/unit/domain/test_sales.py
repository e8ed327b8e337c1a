"""Settling, tax, discounts, tenders, points, voids and refunds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from domain_world import RATES, World, contents, product
from hypothesis import given
from hypothesis import strategies as st

from hub.domain.commands import (
    ApplyMaster,
    CompleteSale,
    DiscountIn,
    LineIn,
    LineQuantity,
    OpenCheck,
    PlaceOrder,
    RefundSale,
    SplitCheck,
    TenderIn,
    VoidSale,
)
from hub.domain.discount import Discount
from hub.domain.errors import (
    CheckClosed,
    Conflict,
    InvalidRequest,
    NotFound,
    PointsShort,
    TenderMismatch,
    TenderOffline,
)
from hub.domain.facts import MasterChange
from hub.domain.menu import Menu, TaxRate
from hub.domain.money import Rounding
from hub.domain.reckoning import SaleLine, reckon
from hub.domain.sale import Sale, reckon_refund

SHARED = Path(__file__).parents[4] / "shared" / "data" / "tax_ja" / "cases.json"


def sell(world: World, *lines: tuple[str, int], total: int | None = None, **more: Any) -> Any:
    """Sell over the counter for cash, for whatever it comes to."""
    ins = tuple(LineIn(product, quantity) for product, quantity in lines)
    if total is None:
        with pytest.raises(TenderMismatch) as asked:
            world.decide(CompleteSale((TenderIn("cash", 999_999_999),), lines=ins, **more))
        total = asked.value.fields["total"]
    return world.do(CompleteSale((TenderIn("cash", total),), lines=ins, **more))


def tax(sale: Any) -> dict[tuple[str | None, bool], tuple[int, int]]:
    return {(row.rate, row.included): (row.taxable, row.tax) for row in sale.taxes}


def test_tax_is_rounded_once_a_rate_and_not_a_line() -> None:
    world = World()
    assert tax(sell(world, ("tea", 1), ("tea", 1), ("tea", 2))) == {("0.08", True): (392, 29)}
    ex = sell(world, *[("bread", 1)] * 7)
    assert (tax(ex), ex.subtotal, ex.total) == ({("0.08", False): (686, 54)}, 686, 740)


def test_two_rates_on_one_receipt() -> None:
    world = World(
        Menu(products=(product("a", 1080, tax_class="reduced"), product("b", 1100)), tax_rates=RATES)
    )
    sold = sell(world, ("a", 1), ("b", 1))
    assert tax(sold) == {("0.08", True): (1080, 80), ("0.10", True): (1100, 100)}
    assert (sold.total, [row.tax_class for row in sold.taxes]) == (2180, ["standard", "reduced"])


@pytest.mark.parametrize(("rounding", "expected"), [("down", 54), ("up", 55), ("half_up", 55)])
def test_the_direction_of_rounding_is_the_stores(rounding: str, expected: int) -> None:
    world = World(settings={"rounding": rounding})
    assert tax(sell(world, ("bread", 7)))["0.08", False] == (686, expected)


def test_zero_and_exempt_are_two_things() -> None:
    sold = sell(World(), ("milk", 1), ("gift", 1))
    assert [(row.tax_class, row.rate, row.tax) for row in sold.taxes] == [
        ("zero", "0", 0),
        ("exempt", None, 0),
    ]


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data/tax_ja is not here")
@pytest.mark.parametrize("index", range(3))
def test_published_receipts_come_out_to_the_yen(index: int) -> None:
    case = json.loads(SHARED.read_text(encoding="utf-8"))["receipts"][index]
    rates = (
        TaxRate("standard", "0.08", "2014-04-01T00:00:00+09:00"),
        TaxRate("standard", "0.10", "2019-10-01T00:00:00+09:00"),
        TaxRate("reduced", "0.08", "2014-04-01T00:00:00+09:00"),
    )
    products = tuple(
        product(
            f"p{number}",
            line["unit_price_ex_tax"],
            tax_class="reduced" if line["kind"] == "food" else "standard",
            tax_included=False,
        )
        for number, line in enumerate(case["lines"])
    )
    world = World(Menu(products=products, tax_rates=rates))
    from datetime import datetime

    world.unix_s = datetime.fromisoformat(f"{case['date']}T12:00:00+09:00").timestamp()
    sold = world.do(
        CompleteSale(
            (TenderIn("cash", case["total"], case["paid"]),),
            lines=tuple(LineIn(f"p{n}", line["quantity"]) for n, line in enumerate(case["lines"])),
        )
    )
    assert (sold.total, sold.change) == (case["total"], case["change"])
    for percent, expected in case.get("by_rate", {}).items():
        row = next(
            row for row in sold.taxes if row.rate in (f"0.{int(percent):02d}", f"0.{int(percent):02d}0")
        )
        assert (row.due, row.tax) == (expected["gross"], expected["tax"])
    if "tax_total" in case:
        assert sum(row.tax for row in sold.taxes) == case["tax_total"]


def test_rates_follow_the_date_and_ordered_lines_keep_theirs() -> None:
    world = World()
    placed = world.do(PlaceOrder((LineIn("tea", 1),), table_id="t"))
    world.do(
        ApplyMaster(
            "import",
            (
                MasterChange(
                    "tax_rate",
                    "reduced@2026-11-21T00:00:00+09:00",
                    {"tax_class": "reduced", "rate": "0", "from": "2026-11-21T00:00:00+09:00"},
                ),
            ),
        )
    )
    sold = world.do(CompleteSale((TenderIn("cash", 98),), check_id=placed.check_id))
    assert tax(sold) == {("0.08", True): (98, 7)}
    assert tax(sell(world, ("tea", 1))) == {("0", True): (98, 0)}


def test_food_is_taxed_by_where_it_is_eaten() -> None:
    world = World()
    assert tax(sell(world, ("soba", 1))) == {("0.10", False): (333, 33)}
    assert tax(sell(world, ("soba", 1), dining="takeout")) == {("0.08", False): (333, 26)}
    check = world.do(OpenCheck(("t",)))
    world.do(PlaceOrder((LineIn("soba", 1), LineIn("soba", 1, dining="eat_in")), check_id=check.check_id))
    taken_out = CompleteSale(
        (TenderIn("cash", 333 + 26 + 333 + 33),), check_id=check.check_id, dining="takeout"
    )
    sold = world.do(taken_out)
    assert tax(sold) == {("0.08", False): (333, 26), ("0.10", False): (333, 33)}
    assert [line.tax_class for line in sold.lines] == ["reduced", "standard"]


def test_a_subtotal_discount_is_shared_between_the_rates() -> None:
    world = World(
        Menu(products=(product("a", 1080, tax_class="reduced"), product("b", 2160)), tax_rates=RATES)
    )
    sold = sell(world, ("a", 1), ("b", 1), discounts=(DiscountIn("amount", 100, "coupon"),))
    assert [line.discount for line in sold.lines] == [33, 67]
    assert tax(sold) == {("0.08", True): (1047, 77), ("0.10", True): (2093, 190)}
    assert (sold.subtotal, sold.discount, sold.total) == (3240, 100, 3140)
    assert sold.discounts == (Discount("amount", 100, 100, "coupon"),)


def test_a_lines_discount_comes_before_the_subtotals() -> None:
    world = World()
    sold = world.do(
        CompleteSale(
            (TenderIn("cash", 945),),
            lines=(LineIn("beer", 1, "x"), LineIn("beer", 1, "y")),
            discounts=(DiscountIn("rate", "0.10"), DiscountIn("amount", 50, line_id="y")),
        )
    )
    assert [discount.amount for discount in sold.discounts] == [105, 50]
    assert sold.total == 945


@pytest.mark.parametrize(
    "discount",
    [
        DiscountIn("amount", 551),
        DiscountIn("amount", "0.10"),
        DiscountIn("rate", 10),
        DiscountIn("amount", 1, line_id="nope"),
    ],
)
def test_a_discount_that_cannot_be_is_refused(discount: DiscountIn) -> None:
    with pytest.raises(InvalidRequest):
        World().do(CompleteSale((TenderIn("cash", 0),), lines=(LineIn("beer", 1),), discounts=(discount,)))


LINES = st.lists(
    st.tuples(
        st.integers(0, 3000),
        st.integers(1, 9),
        st.sampled_from([("0.10", True), ("0.08", True), ("0.08", False), (None, True)]),
    ),
    min_size=1,
    max_size=6,
)


def sale_lines(drawn: list[tuple[int, int, tuple[str | None, bool]]]) -> list[SaleLine]:
    return [
        SaleLine(str(n), str(n), str(n), quantity, price, quantity * price, "standard", rate, included)
        for n, (price, quantity, (rate, included)) in enumerate(drawn)
    ]


@given(
    drawn=LINES,
    offs=st.lists(st.integers(0, 5000), max_size=3),
    rounding=st.sampled_from(list(Rounding)),
    data=st.data(),
)
def test_discounts_and_refunds_are_exact_to_the_yen(
    drawn: Any, offs: list[int], rounding: Rounding, data: st.DataObject
) -> None:
    lines = sale_lines(drawn)
    discounts = [Discount("amount", off, 0) for off in offs]
    bill = reckon(lines, discounts, rounding, carries={}, lenient=True)
    whole = sum(line.amount for line in lines)
    assert bill.discount == min(sum(offs), whole) == sum(line.discount for line in bill.lines)
    assert all(0 <= line.discount <= line.amount for line in bill.lines)
    for discounted in bill.discounts[:1]:
        # In proportion between the rates: no rate is further than a yen from its exact part.
        for row in bill.taxes if len(offs) == 1 and whole else ():
            mine = sum(line.amount for line in lines if line.key == (row.rate, row.included))
            off = sum(line.discount for line in bill.lines if line.key == (row.rate, row.included))
            assert abs(off * whole - discounted.amount * mine) <= whole
    sale = sale_of(bill.lines, bill)
    back, taxes, steps = 0, 0, 0
    while not sale.all_returned({}) and steps < 60:
        wanted = {
            line.line_id: quantity
            for line in sale.lines
            if (quantity := data.draw(st.integers(0, line.quantity - sale.returned.get(line.line_id, 0))))
        }
        step = reckon_refund(sale, wanted)
        assert step.total >= 0
        back, taxes, steps = back + step.total, taxes + sum(row.tax for row in step.taxes), steps + 1
        returned = {k: sale.returned.get(k, 0) + wanted.get(k, 0) for k in {*sale.returned, *wanted}}
        sale = sale_of(bill.lines, bill, returned)
    if sale.all_returned({}):
        assert (back, taxes) == (bill.total, sum(row.tax for row in bill.taxes))


def sale_of(lines: tuple[SaleLine, ...], bill: Any, returned: dict[str, int] | None = None) -> Sale:
    return Sale(
        sale_id="s", receipt_no="A-000001", check_id=None, business_date="", seq=1, accepted_at="", device_id="",
        register_id="", lines=lines, subtotal=bill.subtotal, discount=bill.discount, taxes=bill.taxes,
        total=bill.total, tenders=(), change=0, returned=returned or {},
    )  # fmt: skip


def test_change_comes_from_cash_only() -> None:
    world = World()
    lines = (LineIn("beer", 2),)
    paid = (TenderIn("voucher", 500), TenderIn("cash", 600, 1000))
    sold = world.do(CompleteSale(paid, lines=lines))
    assert (sold.total, sold.change) == (1100, 400)
    with pytest.raises(InvalidRequest, match="only cash"):
        world.do(CompleteSale((TenderIn("voucher", 1100, 1200),), lines=lines))
    with pytest.raises(InvalidRequest, match="less than"):
        world.do(CompleteSale((TenderIn("cash", 1100, 1000),), lines=lines))
    with pytest.raises(InvalidRequest, match="no such tender"):
        world.do(CompleteSale((TenderIn("shells", 1100),), lines=lines))
    with pytest.raises(TenderMismatch) as refused:
        world.do(CompleteSale((TenderIn("cash", 1000), TenderIn("voucher", 99)), lines=lines))
    assert refused.value.fields == {"total": 1100, "tendered": 1099}


def test_without_the_network_a_card_needs_its_own_terminal() -> None:
    world = World()
    world.online = False
    lines = (LineIn("beer", 1),)
    with pytest.raises(TenderOffline) as refused:
        world.do(CompleteSale((TenderIn("card", 550),), lines=lines))
    assert refused.value.fields == {"method": "card", "alternatives": ["cash", "points", "voucher"]}
    sold = world.do(CompleteSale((TenderIn("card", 550, reference="slip 0042"),), lines=lines))
    assert sold.tenders[0].external
    world.online = True
    assert not world.do(CompleteSale((TenderIn("card", 550),), lines=lines)).tenders[0].external


def test_a_store_without_tenders_takes_cash() -> None:
    world = World(Menu(products=(product("a", 100),)))
    assert sell(world, ("a", 1)).tenders[0].kind == "cash"


def test_a_check_is_settled_once() -> None:
    world = World()
    placed = world.do(PlaceOrder((LineIn("last", 2),), table_id="t1"))
    settle = CompleteSale((TenderIn("cash", 1400),), check_id=placed.check_id)
    sold = world.do(settle, device="r1")
    check = world.state.checks.get(placed.check_id)
    assert check is not None
    assert (check.status, check.sale_id) == ("closed", sold.sale_id)
    before = contents(world.state)
    with pytest.raises(CheckClosed):
        world.do(settle, device="r2")
    assert contents(world.state) == before
    assert world.state.seated.get("t1") is None
    assert world.state.products.get("last").remaining == 5  # type: ignore[union-attr]
    world.same()


def test_a_sale_names_a_check_or_lines_and_sells_something() -> None:
    world = World()
    empty = world.do(OpenCheck(("t1",)))
    for command in (
        CompleteSale(()),
        CompleteSale((), check_id="x", lines=()),
        CompleteSale((), lines=()),
        CompleteSale((), check_id=empty.check_id),
    ):
        with pytest.raises(InvalidRequest):
            world.do(command)
    with pytest.raises(NotFound):
        world.do(CompleteSale((), check_id="nope"))


def test_the_parts_of_a_split_are_paid_to_the_yen() -> None:
    """Nine at 98 and 8 % on top come to 882 + 70; each alone to 98 + 7, which would leave seven yen to nobody."""
    world = World()
    placed = world.do(PlaceOrder(tuple(LineIn("bread", 1) for _ in range(9)), table_id="t1"))
    paid = 0
    for version in range(2, 10):
        check = world.state.checks.get(placed.check_id)
        assert check is not None
        part = (LineQuantity(check.lines[0].line_id, 1),)
        split = world.do(SplitCheck(part), placed.check_id, version=version)
        sold = world.do(CompleteSale((TenderIn("cash", split.new_check_total),), check_id=split.new_check_id))
        assert sum(row.due for row in sold.taxes) == sold.total
        assert sold.taxes[0].tax in (7, 8), "rounded down or up, never further"
        paid += sold.total
    rest = world.state.checks.get(placed.check_id)
    assert rest is not None
    paid += world.do(CompleteSale((TenderIn("cash", rest.total),), check_id=rest.check_id)).total
    assert paid == placed.check_total == 952


def with_customer(points: int) -> World:
    world = World()
    world.do(ApplyMaster("cloud", (MasterChange("customer", "c1", {"id": "c1", "points": points}),)))
    return world


def points(world: World) -> int:
    customer = world.state.customers.get("c1")
    assert customer is not None
    return customer.points


def test_points_pay_come_back_and_never_go_below_none() -> None:
    world = with_customer(600)
    paid = (TenderIn("points", 500), TenderIn("cash", 600))
    sold = world.do(CompleteSale(paid, lines=(LineIn("beer", 2, "b"),), customer_id="c1"))
    assert (sold.points_used, points(world)) == (500, 100)
    with pytest.raises(PointsShort, match="100"):
        world.do(CompleteSale(paid, lines=(LineIn("beer", 2),), customer_id="c1"))
    with pytest.raises(InvalidRequest):
        world.do(CompleteSale(paid, lines=(LineIn("beer", 2),)))
    one = (LineQuantity("b", 1),)
    back = world.do(RefundSale(one, (TenderIn("points", 500), TenderIn("cash", 50)), "bad"), sold.sale_id)
    assert (back.points_returned, points(world)) == (500, 600)
    with pytest.raises(InvalidRequest):
        world.do(RefundSale(one, (TenderIn("points", 550),), "bad"), sold.sale_id)
    world.same()


def test_points_used_as_a_discount_come_back_in_proportion() -> None:
    world = with_customer(101)
    sold = world.do(
        CompleteSale(
            (TenderIn("cash", 1650),), lines=(LineIn("beer", 3, "b"),), customer_id="c1", points_used=100
        )
    )
    assert points(world) == 1
    for expected in (34, 67, 101):
        world.do(RefundSale((LineQuantity("b", 1),), (TenderIn("cash", 550),), ""), sold.sale_id)
        assert points(world) == expected


def test_a_void_undoes_a_sale_of_today() -> None:
    world = with_customer(500)
    placed = world.do(PlaceOrder((LineIn("last", 2),), table_id="t1"))
    tenders = (TenderIn("points", 500), TenderIn("cash", 900))
    sold = world.do(CompleteSale(tenders, check_id=placed.check_id, customer_id="c1"))
    voided = world.do(VoidSale("wrong table"), sold.sale_id)
    assert (voided.total, voided.receipt_no, points(world)) == (1400, sold.receipt_no, 500)
    assert world.state.products.get("last").remaining == 7  # type: ignore[union-attr]
    assert world.state.counters.get("sales_total") == 0
    for command in (VoidSale("again"), RefundSale((LineQuantity(sold.lines[0].line_id, 1),), (), "")):
        with pytest.raises(Conflict, match="voided"):
            world.do(command, sold.sale_id)
    world.same()


def test_a_sale_of_another_day_is_refunded_and_not_voided() -> None:
    world = World()
    sold = sell(world, ("beer", 1))
    world.day = "2026-11-22"
    with pytest.raises(Conflict, match="refund"):
        world.do(VoidSale("late"), sold.sale_id)
    line = LineQuantity(sold.lines[0].line_id, 1)
    back = world.do(RefundSale((line,), (TenderIn("cash", 550),), "late"), sold.sale_id)
    sale = world.state.sales.get(sold.sale_id)
    assert sale is not None
    assert (sale.status, back.total, back.refund_no) == ("refunded", 550, "A-000002")
    with pytest.raises(Conflict, match="refunded"):
        world.do(RefundSale((line,), (TenderIn("cash", 550),), "again"), sold.sale_id)


def test_a_refund_is_never_more_than_was_sold_and_the_last_takes_the_rest() -> None:
    world = World()
    sold = world.do(
        CompleteSale(
            (TenderIn("cash", 973),),
            lines=(LineIn("bread", 10, "b"),),
            discounts=(DiscountIn("amount", 79),),
        )
    )
    with pytest.raises(InvalidRequest):
        world.do(RefundSale((LineQuantity("b", 11),), (), ""), sold.sale_id)
    with pytest.raises(TenderMismatch) as refused:
        world.do(RefundSale((LineQuantity("b", 3),), (TenderIn("cash", 973),), ""), sold.sale_id)
    third = refused.value.fields["total"]
    back = [world.do(RefundSale((LineQuantity("b", 3),), (TenderIn("cash", third),), ""), sold.sale_id).total]
    with pytest.raises(TenderMismatch) as refused:
        world.do(RefundSale((LineQuantity("b", 7),), (), ""), sold.sale_id)
    back.append(refused.value.fields["total"])
    assert sum(back) == 973
    assert third in (291, 292)


def test_a_voided_portion_of_the_same_product_twice_in_one_order_is_counted_once() -> None:
    from hub.domain.errors import SoldOut

    with pytest.raises(SoldOut):
        World().do(PlaceOrder((LineIn("last", 4), LineIn("last", 4)), table_id="t1"))
