"""Receipts say what a 適格簡易請求書 must, in columns that fit the paper."""

from __future__ import annotations

from typing import Any

import pytest
from domain_world import RATES, World, product
from lines_world import LUNCH, WITH_SETS
from msgspec.structs import replace

from hub.domain.commands import (
    ApplyMaster,
    CompleteSale,
    DiscountIn,
    LineIn,
    PlaceOrder,
    TenderIn,
    VoidSale,
)
from hub.domain.facts import MasterChange
from hub.domain.menu import Menu, TenderMethod
from hub.domain.menu_offers import Deal, DealPart
from hub.domain.receipt import format_money, percent, receipt_of, receipt_text, sides, width, wrap

MENU = Menu(
    products=(
        product("tea", 98, tax_class="reduced"),
        product("soba", 900, tax_class="food", tax_included=False),
        product("gift", 1000, tax_class="exempt"),
    ),
    tax_rates=RATES,
    tender_methods=(TenderMethod("cash", "現金", "cash"),),
)
SETTINGS = {"store_name": "居酒屋 ぽち 神田駅前本店 二号館のれん街", "registration_no": "T1234567890123"}


def sold(**more: Any) -> tuple[World, Any]:
    world = World(MENU, SETTINGS)
    sale = world.do(
        CompleteSale(
            (TenderIn("cash", 2278, 3000),),
            lines=(LineIn("tea", 4), LineIn("soba", 1), LineIn("gift", 1)),
            discounts=(DiscountIn("amount", 100, "会員割引"),),
            **more,
        )
    )
    world.settle(lambda state: None)
    return world, world.state.sales.committed[sale.sale_id]


def test_all_that_the_law_asks_for_is_there() -> None:
    world, sale = sold()
    text = receipt_text(receipt_of(sale, world.state))
    flat = "".join(text.split())
    for wanted in (
        "居酒屋ぽち", "登録番号T1234567890123", "2026-11-2112:00", "No.A-000001", "TEA※¥392", "¥98x4", "SOBA¥900",
        "会員割引-¥100", "合計¥2,278", "8%対象¥375", "(内消費税等¥27)", "10%対象(税抜)¥861", "非課税対象¥956",
        "※は軽減税率対象品目です", "現金¥2,278", "お預り¥3,000", "お釣り¥722",
    ):  # fmt: skip
        assert wanted in flat, text
    assert "再発行" not in text


@pytest.mark.parametrize("columns", [32, 48])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_no_line_is_wider_than_the_paper(columns: Any, language: Any) -> None:
    world, sale = sold()
    text = receipt_text(receipt_of(sale, world.state, reissued=True), language=language, columns=columns)
    assert all(width(line) <= columns for line in text.splitlines())
    assert ("再発行" if language == "ja" else "REISSUED") in text


def test_a_voided_sale_says_so() -> None:
    world, sale = sold()
    world.do(VoidSale("wrong"), sale.sale_id)
    world.settle(lambda state: None)
    voided = world.state.sales.committed[sale.sale_id]
    assert "取消済" in receipt_text(receipt_of(voided, world.state))


def test_a_store_without_a_number_prints_none() -> None:
    world = World(MENU)
    sale = world.do(CompleteSale((TenderIn("cash", 98),), lines=(LineIn("tea", 1),)))
    world.settle(lambda state: None)
    text = receipt_text(
        receipt_of(world.state.sales.committed[sale.sale_id], world.state, store_name="Pochi")
    )
    assert "登録番号" not in text
    assert "Pochi" in text


@pytest.mark.parametrize(
    ("text", "columns"), [("abc", 3), ("日本語", 6), ("ﾊﾝｶｸ", 4), ("※", 2), ("が", 2), ("￥", 2), ("¥", 1)]
)
def test_width_is_that_of_a_japanese_printer(text: str, columns: int) -> None:
    assert width(text) == columns


def test_long_names_go_on() -> None:
    assert wrap("あいうえお", 4) == ["あい", "うえ", "お"]
    assert wrap("", 4) == []
    assert sides("とても長い商品名", "¥100", 12) == ["とても", "長い商", "品名    ¥100"]


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (1200, "JPY", "¥1,200"),
        (-5, "JPY", "-¥5"),
        (1200, "USD", "$12.00"),
        (5, "USD", "$0.05"),
        (7, "CHF", "CHF 0.07"),
    ],
)
def test_money_is_written_in_its_currency(amount: int, currency: str, text: str) -> None:
    assert format_money(amount, currency) == text


def test_rates_are_written_as_percents() -> None:
    assert [percent(rate) for rate in ("0.08", "0.10", "0.1", "0", "0.055")] == [
        "8%",
        "10%",
        "10%",
        "0%",
        "5.5%",
    ]


def test_settings_come_with_the_master_data() -> None:
    world, sale = sold()
    world.do(ApplyMaster("cloud", (MasterChange("setting", "store_name", "Pochi 2"),)))
    world.settle(lambda state: None)
    assert "Pochi 2" in receipt_text(receipt_of(sale, world.state))


def test_a_set_stands_with_its_parts_indented_and_a_deal_with_its_name() -> None:
    deal = Deal("d", "お得な二点", (DealPart(quantity=2, product_ids=("tea",)),), price=150)
    world = World(replace(WITH_SETS, deals=(deal,)))
    placed = world.do(PlaceOrder((LUNCH, LineIn("tea", 2, "t")), table_id="t1"))
    total = 2 * 1400 + 150
    sale = world.do(CompleteSale((TenderIn("cash", total),), check_id=placed.check_id))
    world.settle(lambda state: None)
    view = receipt_of(world.state.sales.committed[sale.sale_id], world.state)
    text = receipt_text(view)
    # The set, its parts: one that adds nothing, one that adds its surcharge.
    at = text.index("LUNCH")
    assert text[at:].splitlines()[:5] == [
        "LUNCH                     ¥2,400",
        "  ¥1,200 x 2",
        "  LAST x 2",
        "  BEER                      ¥400",
        "    ¥200 x 2",
    ]
    assert "お得な二点" in text
    assert "-¥46" in text
    assert [line.child for line in view.lines] == [False, True, True, True, False]
    assert view.lines[-1].discounts == (("お得な二点", 46),)
    assert all(width(line) <= 32 for line in text.splitlines())
