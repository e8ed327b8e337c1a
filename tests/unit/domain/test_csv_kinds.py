"""Price lists, plans, deals, coupons and counts: what is written is read again as it was, whatever it is."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.csv_cells import Encoder, csv_text
from hub.domain.csv_kinds import (
    KINDS,
    coupon_line,
    deal_line,
    kind_of,
    plan_line,
    price_lines,
    read_rows,
    stock_line,
)
from hub.domain.menu import PlanTerms, Product
from hub.domain.menu_file import MenuFileError, text_of
from hub.domain.menu_offers import Coupon, Deal, DealPart
from hub.domain.stock import Stock

ids = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=8)
# As a cell keeps it: blanks around it are nobody's.
names = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=9
)
amounts = st.integers(0, 999_999_999)
few = st.lists(ids, max_size=3, unique=True).map(tuple)
rates = st.integers(1, 99).map(lambda percent: f"0.{percent:02d}")
times = st.one_of(st.just((None, None)), st.just(("2026-11-01T00:00:00+09:00", "2026-12-01T00:00:00+09:00")))
parts = st.one_of(
    st.builds(DealPart, few.filter(bool), few, st.integers(2, 9)),
    st.builds(DealPart, few, few.filter(bool), st.integers(2, 9)),
)
terms = st.one_of(
    st.fixed_dictionaries({"price": amounts}),
    st.fixed_dictionaries({"amount": amounts}),
    st.fixed_dictionaries({"rate": rates}),
    st.fixed_dictionaries({"free": st.just(1)}),
)
deals = st.builds(
    lambda id, name, found, said, span: Deal(id, name, found, since=span[0], until=span[1], **said),
    ids, names, st.lists(parts, min_size=1, max_size=3).map(tuple), terms, times,
)  # fmt: skip
coupons = st.builds(
    lambda id, code, name, value, minimum, span, once: Coupon(
        id, code, name, "amount" if isinstance(value, int) else "rate", value, minimum, *span, once
    ),
    ids, names, names, st.one_of(amounts, rates), amounts, times, st.sampled_from(["check", "store"]),
)  # fmt: skip
plans = st.builds(
    lambda minutes, notice, found, groups, extension: PlanTerms(
        minutes + 1, minutes // 2, notice, found, groups, extension, minutes + 1
    ),
    st.integers(1, 600), st.integers(0, 60), few, few, st.none() | ids,
)  # fmt: skip


def product(id: str, name: str, **more: Any) -> Product:
    return Product(id, name, "c", 100, **more)


def again(kind: str, lines: list[list[str]], encoding: Any = "utf-8-bom") -> list[Any]:
    text = csv_text([list(KINDS[kind].columns), *lines])
    read = text_of(Encoder(encoding)(text))
    found = kind_of(read)
    assert found is KINDS[kind]
    items, errors = read_rows(read, KINDS[kind])
    assert errors == []
    return [item for _, item in items]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(deals, max_size=4, unique_by=lambda one: one.id),
    st.lists(coupons, max_size=4, unique_by=lambda one: one.id),
)
def test_deals_and_coupons_come_in_as_they_left(some: list[Deal], others: list[Coupon]) -> None:
    assert again("deals", [deal_line(one) for one in some]) == some
    assert again("coupons", [coupon_line(one) for one in others]) == others


@settings(max_examples=40, deadline=None)
@given(st.dictionaries(ids, st.tuples(names, plans, st.dictionaries(ids, amounts, max_size=3)), max_size=4))
def test_plans_and_price_lists_come_in_as_they_left(found: dict[str, Any]) -> None:
    products = [product(key, name, prices=prices) for key, (name, _, prices) in found.items()]
    rows = again("plans", [plan_line(one, found[one.id][1]) for one in products])
    assert {row.product_id: row.terms for row in rows} == {key: plan for key, (_, plan, _) in found.items()}
    listed: dict[str, dict[str, int]] = {}
    for row in again("prices", [line for one in products for line in price_lines(one)]):
        listed.setdefault(row.product_id, {})[row.price_list] = row.price
    assert listed == {key: prices for key, (_, _, prices) in found.items() if prices}


@given(st.dictionaries(ids, st.none() | st.integers(-9, 99_999_999), max_size=6))
def test_a_sheet_for_counting_says_what_is_there(found: dict[str, int | None]) -> None:
    lines = [
        stock_line(product(key, "x"), None if quantity is None else Stock(key, quantity, ""))
        for key, quantity in found.items()
    ]
    counted = {row.product_id: row.quantity for row in again("stock", lines)}
    assert counted == {
        key: quantity for key, quantity in found.items() if quantity is not None and quantity >= 0
    }


@pytest.mark.parametrize(
    ("text", "row", "column"),
    [
        ("product_id,counted\np,x\n", 2, "counted"),
        ("product_id,counted\n\np,1\np,2\n", 4, "product_id"),
        ("product_id,price_list,price\np,member,1.5\n", 2, "price"),
        ("product_id,price_list,price\np,m m,1\n", 2, "price_list"),
        ("coupon_id,code,name,kind,value\nk,c,n,amount,0.5\n", 2, "value"),
        ("deal_id,name,parts,rate\nd,n,p,1.5\n", 2, "rate"),
        ("product_id,minutes,last_order_minutes\np,10,10\n", 2, "terms"),
    ],
)
def test_an_error_names_its_line_and_column(text: str, row: int, column: str) -> None:
    kind = kind_of(text)
    assert kind is not None
    _, errors = read_rows(text, kind)
    assert [(error.row, error.column) for error in errors] == [(row, column)], errors


def test_a_wrong_header_is_no_file() -> None:
    kind = KINDS["stock"]
    for text in ("counted\n", "product_id,counted,colour\n", "product_id,counted,counted\n"):
        with pytest.raises(MenuFileError):
            read_rows(text, kind)
    assert kind_of("id,name,price\n") is None
    assert kind_of('{"products": []}') is None
