"""Tax as the law has it: classes, rates that change by themselves, dining said at the till, published vectors."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from domain_world import RATES, World, product
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.commands import BillCheck, CompleteSale, DiscountIn, LineIn, OpenCheck, PlaceOrder, TenderIn
from hub.domain.decide.billing import bill_of, offers_now
from hub.domain.menu import Menu, TaxRate
from hub.domain.money import Rounding, share, tax_on
from hub.domain.receipt import receipt_of

SHARED = Path(__file__).parents[4] / "shared" / "data" / "tax_ja"
CASES: dict[str, Any] = (
    json.loads((SHARED / "cases.json").read_text(encoding="utf-8")) if SHARED.exists() else {"items": []}
)
HISTORY = (
    TaxRate("standard", "0.08", "2014-04-01T00:00:00+09:00"),
    TaxRate("standard", "0.10", "2019-10-01T00:00:00+09:00"),
    TaxRate("reduced", "0.08", "2014-04-01T00:00:00+09:00"),
)
# What the master data says of each kind: a newspaper by subscription twice a week is at the reduced rate.
CLASSES: dict[str, Any] = {
    "goods": "standard", "alcohol": "standard", "food": "food", "newspaper_weekly_1": "standard",
    "newspaper_weekly_2": "reduced",
}  # fmt: skip


def at(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def rows(sold: Any) -> list[tuple[str, str | None, int, int]]:
    return [(row.tax_class, row.rate, row.taxable, row.tax) for row in sold.taxes]


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/data/tax_ja is not here")
@pytest.mark.parametrize(
    "case", CASES["items"], ids=lambda case: f"{case['name']} {case['date']} {case['eat_in']}"
)
def test_published_prices_with_tax(case: dict[str, Any]) -> None:
    thing = product("x", case["price_ex_tax"], tax_class=CLASSES[case["kind"]], tax_included=False)
    world = World(Menu(products=(thing,), tax_rates=HISTORY))
    world.unix_s = at(f"{case['date']}T12:00:00+09:00")
    dining: Any = "eat_in" if case["eat_in"] else "takeout"
    paid = (TenderIn("cash", case["price_inc_tax"]),)
    assert world.do(CompleteSale(paid, lines=(LineIn("x", 1),), dining=dining)).total == case["price_inc_tax"]


def test_nothing_else_lies_in_the_folder() -> None:
    if not SHARED.exists():
        pytest.skip("../shared/data/tax_ja is not here")
    assert {path.name for path in SHARED.iterdir()} == {"cases.json"}, "a vector that no test reads"
    assert set(CASES) == {"receipts", "items"}


@pytest.mark.parametrize(
    ("count", "price", "tax_class", "included", "expected"),
    [
        (4, 98, "reduced", True, [("reduced", "0.08", 392, 29)]),
        (7, 98, "reduced", False, [("reduced", "0.08", 686, 54)]),
    ],
)
def test_the_glossarys_vectors(count: int, price: int, tax_class: Any, included: bool, expected: Any) -> None:
    world = World(
        Menu(products=(product("x", price, tax_class=tax_class, tax_included=included),), tax_rates=RATES)
    )
    check_id = world.do(PlaceOrder(tuple(LineIn("x", 1) for _ in range(count)), table_id="t1")).check_id
    total = world.state.checks.get(check_id).total  # type: ignore[union-attr]
    assert rows(world.do(CompleteSale((TenderIn("cash", total),), check_id=check_id))) == expected


MIDNIGHT = (*RATES, TaxRate("reduced", "0", "2027-04-01T00:00:00+09:00"))
FOODS = Menu(
    products=(
        product("meal", 1080, tax_class="food"),
        product("bread", 1080, tax_class="reduced"),
        product("beer", 1100),
        product("stamp", 100, tax_class="exempt"),
        product("export", 100, tax_class="zero"),
    ),
    tax_rates=MIDNIGHT,
)


def over_midnight(**settings: str) -> tuple[World, str]:
    """A takeout order a minute before the reduced rate becomes 0 %, and the same a minute after. The day turns at 5."""
    world = World(FOODS, settings)
    world.day = "2027-03-31"
    world.unix_s = at("2027-03-31T23:59:00+09:00")
    check_id = world.do(OpenCheck(("t1",), dining="takeout")).check_id
    world.do(PlaceOrder((LineIn("meal", 1), LineIn("bread", 1)), check_id=check_id))
    world.unix_s = at("2027-04-01T00:01:00+09:00")
    world.do(PlaceOrder((LineIn("meal", 1), LineIn("bread", 1)), check_id=check_id))
    return world, check_id


def test_a_rate_changes_by_itself_at_midnight_and_what_was_ordered_keeps_its_own() -> None:
    world, check_id = over_midnight()
    sold = world.do(CompleteSale((TenderIn("cash", 4320),), check_id=check_id))
    assert rows(sold) == [("reduced", "0", 2160, 0), ("reduced", "0.08", 2160, 160)]
    world.same()


def test_a_store_may_let_a_rate_begin_with_its_business_day() -> None:
    world, check_id = over_midnight(tax_change_time="05:00")
    sold = world.do(CompleteSale((TenderIn("cash", 4320),), check_id=check_id))
    assert rows(sold) == [("reduced", "0.08", 4320, 320)]
    world.day, world.unix_s = "2027-04-01", at("2027-04-01T05:00:00+09:00")
    morning = world.do(CompleteSale((TenderIn("cash", 1080),), lines=(LineIn("bread", 1),)))
    assert rows(morning) == [("reduced", "0", 1080, 0)]
    world.same()


def test_a_rate_of_the_next_day_does_not_come_early_by_the_business_date() -> None:
    world = World(FOODS, {"tax_change_time": "05:00"})
    world.day, world.unix_s = "2027-03-31", at("2027-03-31T12:00:00+09:00")
    sold = world.do(CompleteSale((TenderIn("cash", 1080),), lines=(LineIn("bread", 1),)))
    assert rows(sold) == [("reduced", "0.08", 1080, 80)]


def test_dining_said_at_the_till_takes_the_rate_of_now() -> None:
    world, check_id = over_midnight()
    changed = world.do(CompleteSale((TenderIn("cash", 4320),), check_id=check_id, dining="eat_in"))
    assert rows(changed) == [
        ("standard", "0.10", 2160, 196),
        ("reduced", "0", 1080, 0),
        ("reduced", "0.08", 1080, 80),
    ], "bread is at the reduced rate wherever it is eaten; the meals are eaten in after all"


def test_zero_and_exempt_stay_apart_from_the_line_to_the_receipt() -> None:
    world = World(FOODS)
    check_id = world.do(
        PlaceOrder((LineIn("stamp", 1), LineIn("export", 2), LineIn("beer", 1)), table_id="t1")
    ).check_id
    billed = world.do(BillCheck(), check_id)
    assert rows(billed) == [
        ("standard", "0.10", 1100, 100),
        ("zero", "0", 200, 0),
        ("exempt", None, 100, 0),
    ]
    sold = world.do(CompleteSale((TenderIn("cash", 1400),), check_id=check_id))
    sale = world.settle(lambda state: state.sales.committed[sold.sale_id])
    receipt = receipt_of(sale, world.state)
    assert [(row.tax_class, row.rate) for row in receipt.taxes] == [
        ("standard", "0.10"), ("zero", "0"), ("exempt", None),
    ]  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(sold.taxes))[2]["rate"] is None


@pytest.mark.parametrize("rounding", list(Rounding))
def test_the_direction_of_rounding_is_the_stores_setting_everywhere(rounding: Rounding) -> None:
    world = World(
        Menu(products=(product("x", 98, tax_class="reduced", tax_included=False),), tax_rates=RATES),
        {"rounding": rounding.value},
    )
    check_id = world.do(PlaceOrder((LineIn("x", 7),), table_id="t1")).check_id
    check = world.state.checks.get(check_id)
    assert check is not None
    due = 686 + {Rounding.DOWN: 54, Rounding.UP: 55, Rounding.HALF_UP: 55}[rounding]
    assert check.total == bill_of(world.state, check, offers_now(world.state), world.at())[0].total == due
    assert world.do(BillCheck(), check_id).due == due
    assert world.do(CompleteSale((TenderIn("cash", due),), check_id=check_id)).total == due


@given(
    lines=st.lists(
        st.tuples(st.sampled_from(["meal", "bread", "beer", "stamp", "export"]), st.integers(1, 9)),
        min_size=1,
        max_size=6,
    ),
    off=st.integers(0, 900),
    rounding=st.sampled_from(list(Rounding)),
    dining=st.sampled_from(["eat_in", "takeout"]),
)
@settings(max_examples=60, deadline=None)
def test_a_mixed_discount_is_in_proportion_and_tax_is_of_what_is_left(
    lines: list[tuple[str, int]], off: int, rounding: Rounding, dining: Any
) -> None:
    """GLOSSARY, mixed-rate discount: shared between the rates in proportion, then tax per rate; the parts are kept."""
    world = World(FOODS, {"rounding": rounding.value})
    whole = sum(next(one.price for one in FOODS.products if one.id == name) * count for name, count in lines)
    off = min(off, whole)
    sold = world.do(
        CompleteSale(
            (TenderIn("cash", whole - off),),
            lines=tuple(LineIn(name, count) for name, count in lines),
            discounts=(DiscountIn("amount", off),),
            dining=dining,
        )
    )
    gross: dict[str | None, int] = {}
    parts: dict[str | None, int] = {}
    for line in sold.lines:
        gross[line.tax_rate] = gross.get(line.tax_rate, 0) + line.amount
        parts[line.tax_rate] = parts.get(line.tax_rate, 0) + line.discount
    assert sorted(parts.values()) == sorted(share(off, [gross[rate] for rate in sorted(gross, key=str)]))
    for row in sold.taxes:
        assert row.taxable == gross[row.rate] - parts[row.rate]
        assert row.tax == (
            0 if row.rate is None else tax_on(row.taxable, row.rate, included=True, rounding=rounding)
        )
