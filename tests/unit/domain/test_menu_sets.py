"""Sets, custom contents and option counts as they come from files and from the cloud."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from domain_world import World

from hub.domain.commands import ApplyMaster
from hub.domain.commands_lines import ChangeOption
from hub.domain.errors import InvalidRequest, NotFound
from hub.domain.facts import MasterChange
from hub.domain.menu import Menu
from hub.domain.menu_file import MenuFileError, command_of, read_menu
from hub.domain.views import menu_version, menu_view

CSV = """code,name,price,set_slots,custom_contents
m1,ハンバーグ,900,,よく焼き|目玉焼きのせ:120|ソース抜き:-50
m2,白身魚,900,,
d1,コーヒー,300,,
lunch,ランチ,1200,主菜=m1:100|m2; 飲物[0-2]=d1:150,
"""

WHOLE: dict[str, Any] = {
    "currency": "JPY",
    "categories": [{"id": "c", "name": "C"}],
    "option_groups": [
        {
            "id": "g",
            "name": "Size",
            "min": 0,
            "max": 1,
            "options": [
                {"id": "s", "name": "S", "price": 0},
                {"id": "l", "name": "L", "price": 50, "remaining": 4},
            ],
        }
    ],
    "products": [
        {"id": "m1", "name": "Main", "category_id": "c", "price": 900},
        {
            "id": "set",
            "name": "Set",
            "category_id": "c",
            "price": 1200,
            "kind": "set",
            "slots": [{"id": "a", "name": "A", "choices": [{"product_id": "m1", "price": 100}], "max": 2}],
            "custom_contents": [{"id": "x", "name": "X"}],
        },
    ],
}


def test_a_csv_names_slots_and_contents_in_cells() -> None:
    products = {product.id: product for product in read_menu(CSV.encode()).menu.products}
    assert [(content.name, content.price) for content in products["m1"].custom_contents] == [
        ("よく焼き", 0),
        ("目玉焼きのせ", 120),
        ("ソース抜き", -50),
    ]
    lunch = products["lunch"]
    assert (lunch.kind, products["m1"].kind) == ("set", "single")
    main, drink = lunch.slots
    assert (main.id, main.name, main.min, main.max) == ("s1", "主菜", 1, 1)
    assert [(choice.product_id, choice.price) for choice in main.choices] == [("m1", 100), ("m2", 0)]
    assert (drink.id, drink.min, drink.max, drink.choices[0].price) == ("s2", 0, 2, 150)


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("m1|m2", "must be like"),
        ("main[3-2]=m1", "less than min"),
        ("main=nothing", "no such product: nothing"),
        ("main=m1|m1", "twice"),
        ("main=lunch", "is a set itself"),
        ("main=m1:-5", ">= 0"),
    ],
)
def test_a_wrong_cell_is_named_with_its_row(cell: str, message: str) -> None:
    text = f"code,name,price,set_slots\nm1,M,1,\nm2,N,1,\nlunch,L,1,{cell}\n"
    with pytest.raises(MenuFileError) as refused:
        read_menu(text.encode())
    assert message in str(refused.value)
    assert any(error.row in (3, 4) for error in refused.value.errors)


def test_what_is_exported_is_what_was_imported() -> None:
    world = World(Menu())
    world.do(command_of(read_menu(msgspec.json.encode(WHOLE))))
    shown = world.settle(menu_view)
    again = world.decide(command_of(read_menu(msgspec.json.encode(shown))))
    assert again == [], "importing what the hub shows changes nothing"
    assert shown["products"][1]["slots"][0]["choices"] == [{"product_id": "m1", "price": 100}]
    assert [option.get("remaining") for option in shown["option_groups"][0]["options"]] == [None, 4]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "single"}, "a set has slots"),
        ({"slots": []}, "a set has slots"),
        ({"custom_contents": [{"id": "x", "name": "X"}, {"id": "x", "name": "Y"}]}, "twice"),
    ],
)
def test_a_product_that_contradicts_itself_is_refused(change: dict[str, Any], message: str) -> None:
    whole = copy.deepcopy(WHOLE)
    whole["products"][1].update(change)
    with pytest.raises(MenuFileError) as refused:
        read_menu(msgspec.json.encode(whole))
    assert message in str(refused.value)


def test_counts_of_options_are_the_stores_own() -> None:
    world = World()
    world.do(ChangeOption("l", remaining=3), "size", role="kitchen")
    world.do(ChangeOption("s", availability="sold_out"), "size")
    value = {
        "id": "size",
        "name": "Größe",
        "options": [{"id": "s", "name": "S"}, {"id": "l", "name": "L", "price": 9}],
    }
    before = world.settle(menu_version)
    world.do(ApplyMaster("cloud", (MasterChange("option_group", "size", value),)))
    assert world.settle(menu_version) != before
    shown = world.settle(menu_view)["option_groups"][0]
    assert shown["name"] == "Größe"
    assert [(one["availability"], one.get("remaining")) for one in shown["options"]] == [
        ("sold_out", None),
        ("orderable", 3),
    ]
    world.do(ChangeOption("l", remaining=None), "size")
    assert "remaining" not in world.settle(menu_view)["option_groups"][0]["options"][1]
    world.same()


def test_an_option_must_be_there_and_something_said_of_it() -> None:
    world = World()
    with pytest.raises(NotFound):
        world.do(ChangeOption("l", remaining=3), "shape")
    with pytest.raises(NotFound):
        world.do(ChangeOption("xxl", remaining=3), "size")
    with pytest.raises(InvalidRequest):
        world.do(ChangeOption("l"), "size")


def test_a_set_that_is_taxed_by_parts_comes_from_a_csv_and_nothing_else_does() -> None:
    text = "code,name,price,tax_shared,set_slots\nm1,M,1,,\nlunch,L,1,true,main=m1\n"
    file = read_menu(text.encode())
    assert [product.tax_shared for product in file.menu.products] == [False, True]
    assert "tax_shared" not in file.silent
    assert "tax_shared" in read_menu(b"code,name,price\nm1,M,1\n").silent
    with pytest.raises(MenuFileError, match="only a set"):
        read_menu(b"code,name,price,tax_shared,set_slots\nm1,M,1,true,\n")
