"""Menu files: JSON and CSV in, a menu or every error out; all of a file or none of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from domain_world import World

from hub.domain.menu import Menu
from hub.domain.menu_file import MenuFileError, command_of, read_menu
from hub.domain.views import menu_view

CSV = """id,code,name,kana,category,price,tax_class,tax_included,open_price,stock_tracked,remaining
p-1,001,生ビール,ナマビール,ドリンク,550,標準,内税,,,
p-2,002,枝豆,エダマメ,おつまみ,"1,320",食品,true,false,true,12
,003,席料,,,￥３００,standard,外税,はい,,
"""

WHOLE = {
    "version": "7.3",
    "currency": "JPY",
    "categories": [{"id": "c", "name": "Food"}],
    "option_groups": [
        {"id": "g", "name": "Size", "min": 1, "max": 1, "options": [{"id": "s", "name": "S", "price": 0}]}
    ],
    "products": [
        {
            "id": "p",
            "name": "Bowl",
            "category_id": "c",
            "price": 900,
            "option_group_ids": ["g"],
            "tax_class": "food",
        }
    ],
    "tax_rates": [{"tax_class": "standard", "rate": "0.10", "from": "2019-10-01T00:00:00+09:00"}],
    "tables": [{"id": "t1", "name": "1", "area": "hall"}],
    "tender_methods": [{"id": "cash", "name": "現金", "kind": "cash", "needs_network": False}],
    "staff": [{"id": "s1", "code": "01", "name": "Sato", "role": "staff"}],
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp932"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_csv_is_read_in_every_encoding(encoding: str, newline: str) -> None:
    menu = read_menu(CSV.replace("\n", newline).encode(encoding)).menu
    beer, beans, charge = menu.products
    assert (beer.id, beer.name, beer.kana, beer.price, beer.tax_class) == (
        "p-1",
        "生ビール",
        "ナマビール",
        550,
        "standard",
    )
    assert (beans.price, beans.tax_class, beans.stock_tracked, beans.remaining) == (1320, "food", True, 12)
    assert (charge.id, charge.price, charge.tax_included, charge.open_price) == ("003", 300, False, True)
    assert [category.name for category in menu.categories] == ["ドリンク", "おつまみ", "その他"]
    assert beer.remaining is None


def test_the_same_file_gives_the_same_ids() -> None:
    assert read_menu(CSV.encode()) == read_menu(CSV.encode("cp932"))


def test_every_wrong_row_is_named() -> None:
    text = (
        "id,name,price,tax_class,remaining\n"
        "p1,A,100,,\n"
        "p1,B,100,,\n"
        "p2,,100,,\n"
        "p3,C,ten,,\n"
        "p4,D,,,\n"
        "p5,E,100,vat,-1\n"
        "p 6,F,100,,\n"
        "p7,G,100,,,too,many\n"
    )
    with pytest.raises(MenuFileError) as refused:
        read_menu(text.encode(), name="menu.csv")
    found = {(error.row, error.column) for error in refused.value.errors}
    assert found == {
        (3, "id"), (4, "name"), (5, "price"), (6, "price"), (7, "tax_class"), (7, "remaining"), (8, "id"), (9, ""),
    }  # fmt: skip
    assert "menu.csv" in str(refused.value)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("", ""),
        ("id,name\n1,2\n", "price"),
        ("name,price\nA,1\n", "id"),
        ("id,name,price,colour\n", "colour"),
        ("id,id,name,price\n", ""),
        ("{not json", ""),
        ('{"dishes": []}', "dishes"),
        ('{"products": {}}', "products"),
        ('{"currency": "yen"}', "currency"),
    ],
)
def test_a_file_that_is_no_menu_is_refused(text: str, column: str) -> None:
    with pytest.raises(MenuFileError) as refused:
        read_menu(text.encode())
    assert column in {error.column for error in refused.value.errors}


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(MenuFileError, match="neither"):
        read_menu(b"\x81")


@pytest.mark.parametrize(
    ("section", "value", "column"),
    [
        ("products", {"id": "q", "name": "x", "category_id": "nope", "price": 1}, "products[1].category_id"),
        ("products", {"id": "p", "name": "x", "category_id": "c", "price": 1}, "products[1].id"),
        (
            "products",
            {"id": "q", "name": "x", "category_id": "c", "price": 1, "option_group_ids": ["h"]},
            "products[1].option_group_ids",
        ),
        ("products", {"id": "q", "name": "x", "category_id": "c", "price": -1}, "products[1].price"),
        ("categories", {"id": "c", "name": "again"}, "categories[1].id"),
        ("option_groups", {"id": "h", "name": "x", "min": 2, "max": 1, "options": []}, "option_groups[1].max"),
        ("tax_rates", {"tax_class": "reduced", "rate": "0.08", "from": "2019-10-01"}, "tax_rates[1].from"),
        ("tax_rates", {"tax_class": "reduced", "rate": "8%", "from": "2019-10-01T00:00:00Z"}, "tax_rates[1].rate"),
    ],
)  # fmt: skip
def test_json_is_checked_as_a_whole(section: str, value: dict[str, object], column: str) -> None:
    broken = {**WHOLE, section: [*WHOLE[section], value]}  # type: ignore[misc]
    with pytest.raises(MenuFileError) as refused:
        read_menu(msgspec.json.encode(broken))
    assert [error.column for error in refused.value.errors] == [column]


def test_a_menu_comes_back_as_it_was_imported() -> None:
    world = World(menu=Menu())
    world.do(command_of(read_menu(msgspec.json.encode(WHOLE))))
    seen = world.settle(menu_view)
    file = read_menu(msgspec.json.encode(seen))
    assert file.menu.products[0].id == "p"
    assert world.decide(command_of(file)) == [], "a second import changes nothing"


def test_a_csv_leaves_tables_and_tenders_alone() -> None:
    world = World(menu=Menu())
    world.do(command_of(read_menu(msgspec.json.encode(WHOLE))))
    world.do(command_of(read_menu(CSV.encode())))
    view = world.settle(menu_view)
    assert [product["id"] for product in view["products"]] == ["p-1", "p-2", "003"]
    assert all(view[section] for section in ("tables", "tender_methods", "staff"))
    assert {"standard", "reduced"} == {rate["tax_class"] for rate in view["tax_rates"]}


def test_the_currency_is_fixed_once_something_was_ordered() -> None:
    from hub.domain.commands import LineIn, PlaceOrder
    from hub.domain.errors import Conflict

    world = World(menu=Menu())
    world.do(
        command_of(
            read_menu(
                msgspec.json.encode(
                    {
                        **WHOLE,
                        "currency": "USD",
                        "option_groups": [],
                        "products": [{"id": "p", "name": "x", "category_id": "c", "price": 100}],
                    }
                )
            )
        )
    )
    assert world.state.currency == "USD"
    world.do(PlaceOrder((LineIn("p", 1),), table_id="t1"))
    with pytest.raises(Conflict):
        world.decide(command_of(read_menu(msgspec.json.encode({"currency": "JPY"}))))


PLAN: dict[str, Any] = {
    "id": "n", "name": "Nomi", "category_id": "c", "price": 1980, "kind": "plan",
    "plan": {"minutes": 90, "last_order_minutes": 20, "product_ids": ["p"], "extension_product_id": "p"},
}  # fmt: skip
BAND: dict[str, Any] = {"id": "b", "name": "Dinner", "from": "17:00", "to": "02:00", "product_ids": ["p"]}


def with_timed(plan: dict[str, Any], band: dict[str, Any]) -> bytes:
    products: Any = WHOLE["products"]
    product = {**PLAN, "plan": {**PLAN["plan"], **plan}} if "kind" not in plan else {**PLAN, **plan}
    return msgspec.json.encode({**WHOLE, "products": [*products, product], "time_bands": [{**BAND, **band}]})


def test_a_menu_file_holds_plans_and_time_bands() -> None:
    world = World(menu=Menu())
    file = read_menu(
        with_timed({}, {"service_charge": "0.10", "prices": [{"category_id": "c", "difference": -50}]})
    )
    world.do(command_of(file))
    view = world.settle(menu_view)
    assert view["products"][1]["plan"]["minutes"] == 90
    assert (view["time_bands"][0]["from"], view["time_bands"][0]["service_charge"]) == ("17:00", "0.10")
    assert world.decide(command_of(file)) == [], "a second import changes nothing"
    world.do(command_of(read_menu(CSV.encode())))
    assert world.settle(menu_view)["time_bands"], "a file of products leaves the bands alone"


@pytest.mark.parametrize(
    ("plan", "band", "words"),
    [
        ({"product_ids": ["x"]}, {}, "no such product: x"),
        ({"category_ids": ["x"]}, {}, "no such category: x"),
        ({"extension_product_id": "x"}, {}, "no such product: x"),
        ({"last_order_minutes": 90}, {}, "the last order lies before the end"),
        ({"extension_minutes": 10}, {}, "an extension is not shorter"),
        ({"kind": "single"}, {}, "a product of kind plan has terms"),
        ({}, {"product_ids": ["x"]}, "no such product: x"),
        ({}, {"prices": [{"difference": 5}]}, "either a product_id or a category_id"),
        ({}, {"from": "24:00"}, "time_bands[0].from"),
        ({}, {"weekdays": [0]}, "time_bands[0].weekdays"),
        ({}, {"rounding_discount": 5}, "time_bands[0].rounding_discount"),
    ],
)
def test_what_is_wrong_with_plans_and_bands_is_said(
    plan: dict[str, Any], band: dict[str, Any], words: str
) -> None:
    with pytest.raises(MenuFileError) as refused:
        read_menu(with_timed(plan, band))
    assert words in str(refused.value)
