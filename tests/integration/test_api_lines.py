"""Sets, custom orders, courses, quantities and options that run out, through the whole application."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from hub.domain.commands import ApplyMaster
from hub.domain.facts import MasterChange
from tests.integration.conftest import Device, Shop, shop_in

LUNCH = {
    "id": "lunch",
    "name": "ランチセット",
    "category_id": "food",
    "price": 1000,
    "kind": "set",
    "slots": [
        {
            "id": "main",
            "name": "主菜",
            "choices": [{"product_id": "salad"}, {"product_id": "steak", "price": 300}],
        },
        {
            "id": "drink",
            "name": "飲物",
            "choices": [{"product_id": "beer", "price": 200}],
            "held": True,
            "course": "後",
        },
    ],
}
STEAK = {
    "id": "steak",
    "name": "ステーキ",
    "category_id": "food",
    "price": 1500,
    "custom_contents": [{"id": "garlic", "name": "にんにく増し", "price": 50}],
}


async def counter_with(shop: Shop, *products: dict[str, Any]) -> Device:
    changes = tuple(MasterChange("product", product["id"], product) for product in products)
    await shop.box.core.desk.order(ApplyMaster("import", changes))
    return await shop.device()


async def test_a_set_is_a_parent_and_its_children_until_it_is_paid(shop: Shop) -> None:
    handheld = await counter_with(shop, STEAK, LUNCH)
    line = {
        "product_id": "lunch",
        "quantity": 2,
        "children": [{"product_id": "steak", "custom": [{"name": "garlic"}, {"name": "よく焼き"}]}],
    }
    placed = (await handheld.post("/v1/orders", {"table_id": "t1", "lines": [line]})).json()
    parent, steak, beer = placed["lines"]
    assert [one["amount"] for one in placed["lines"]] == [2000, 2 * 350, 2 * 200]
    assert steak["parent_line_id"] == beer["parent_line_id"] == parent["line_id"]
    assert steak["custom"] == [
        {"name": "にんにく増し", "quantity": 1, "price": 50},
        {"name": "よく焼き", "quantity": 1, "price": 0},
    ]
    path = f"/v1/checks/{placed['check_id']}"
    shown = (await handheld.get(path)).json()
    assert [one["status"] for one in shown["lines"]] == ["waiting", "waiting", "held"]
    alone = {"lines": [{"line_id": steak["line_id"], "quantity": 1}], "reason": "x"}
    refused = await handheld.post(f"{path}/void", alone)
    assert (refused.status_code, refused.json()["slug"]) == (422, "invalid-request")
    held = await handheld.post(f"{path}/serve", {"lines": [{"line_id": beer["line_id"], "quantity": 1}]})
    assert (held.status_code, held.json()["slug"]) == (409, "conflict")
    fired = (await handheld.post(f"{path}/fire", {})).json()
    assert [(one["line_id"], one["course"]) for one in fired["lines"]] == [(beer["line_id"], "後")]
    whole = {"lines": [{"line_id": parent["line_id"], "quantity": 2}]}
    served = (await handheld.post(f"{path}/serve", whole)).json()
    assert len(served["lines"]) == 3
    recalled = await handheld.post(f"{path}/recall", {"lines": [{"line_id": beer["line_id"], "quantity": 1}]})
    assert recalled.status_code == 200
    shown = (await handheld.get(path)).json()
    assert [one["status"] for one in shown["lines"]] == ["served", "served", "waiting"]
    changed = (
        await handheld.post(f"{path}/quantity", {"lines": [{"line_id": parent["line_id"], "quantity": 3}]})
    ).json()
    assert [(one["was"], one["quantity"]) for one in changed["lines"]] == [(2, 3)] * 3
    assert changed["check_total"] == 3 * 1550
    sold = await handheld.post(
        "/v1/sales", {"check_id": placed["check_id"], "tenders": [{"method": "cash", "amount": 3 * 1550}]}
    )
    assert sold.status_code == 201
    assert sold.json()["lines"][1]["parent_line_id"] == parent["line_id"]


async def test_the_last_portion_of_an_option_goes_to_one_table(shop: Shop) -> None:
    one, other = await shop.device(), await shop.device()
    before = (await one.get("/v1/menu")).headers["etag"]
    counted = await one.post("/v1/option-groups/size", {"option_id": "large", "remaining": 3}, method="PATCH")
    assert counted.status_code == 200
    answers = await asyncio.gather(
        *((one, other)[n % 2].order(f"t{n % 5 + 1}", options=[{"option_id": "large"}]) for n in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 3 + [409] * 5
    refused = next(answer.json() for answer in answers if answer.status_code == 409)
    assert (refused["slug"], refused["option_id"], refused["remaining"]) == ("sold-out", "large", 0)
    answer = await one.get("/v1/menu")
    assert answer.headers["etag"] != before
    assert answer.json()["option_groups"][0]["options"] == [
        {"id": "large", "name": "L", "price": 100, "availability": "sold_out", "remaining": 0}
    ]
    placed = next(answer.json() for answer in answers if answer.status_code == 201)
    away = {"lines": [{"line_id": placed["lines"][0]["line_id"], "quantity": 1}], "reason": "wrong"}
    await one.post(f"/v1/checks/{placed['check_id']}/void", away)
    after = await one.get("/v1/menu")
    assert after.json()["option_groups"][0]["options"][0]["remaining"] == 1
    assert after.headers["etag"] != answer.headers["etag"]


async def test_words_typed_for_the_kitchen_are_searched_for_card_numbers(shop: Shop) -> None:
    handheld = await counter_with(shop, STEAK, LUNCH)
    for line in (
        {"product_id": "salad", "quantity": 1, "custom": [{"name": "4111 1111 1111 1111"}]},
        {
            "product_id": "lunch",
            "quantity": 1,
            "children": [{"product_id": "salad", "note": "4111111111111111"}],
        },
    ):
        refused = await handheld.post("/v1/orders", {"table_id": "t1", "lines": [line]})
        assert refused.json()["slug"] == "card-number-refused"


async def test_what_the_menu_shows_can_be_imported_again(shop: Shop) -> None:
    handheld = await counter_with(shop, STEAK, LUNCH)
    menu = (await handheld.get("/v1/menu")).json()
    shown = {product["id"]: product for product in menu["products"]}
    assert shown["steak"]["custom_contents"] == [{"id": "garlic", "name": "にんにく増し", "price": 50}]
    assert [slot["id"] for slot in shown["lunch"]["slots"]] == ["main", "drink"]


async def test_the_kitchen_fires_and_recalls_and_says_what_ran_out_and_a_guest_does_not(shop: Shop) -> None:
    handheld, kitchen = await shop.device(), await shop.device("kitchen")
    guest = await shop.device("table", table_id="t1")
    placed = (await handheld.order("t1", hold=True, course="main")).json()
    assert placed["lines"][0]["held"] is True
    path = f"/v1/checks/{placed['check_id']}"
    line = {"line_id": placed["lines"][0]["line_id"], "quantity": 1}
    writes = [
        ("POST", f"{path}/fire", {"course": "main"}),
        ("POST", f"{path}/hold", {"lines": [{"line_id": line["line_id"]}]}),
        ("POST", f"{path}/fire", {}),
        ("POST", f"{path}/serve", {"lines": [line]}),
        ("POST", f"{path}/recall", {"lines": [line]}),
        ("PATCH", "/v1/option-groups/size", {"option_id": "large", "availability": "sold_out"}),
    ]
    for method, where, body in writes:
        assert (await guest.post(where, body, method=method)).status_code == 403
        assert (await kitchen.post(where, body, method=method)).status_code == 200, where
    more = {"lines": [{**line, "quantity": 2}]}
    assert (await kitchen.post(f"{path}/quantity", more)).status_code == 403
    stale = await handheld.post(f"{path}/quantity", more, if_match='"1"')
    assert (stale.status_code, stale.json()["slug"]) == (412, "check-changed")
    assert (await handheld.post(f"{path}/quantity", more)).json()["check_total"] == 700


async def test_courses_and_counts_are_there_after_a_restart(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        handheld = await counter_with(shop, STEAK, LUNCH)
        await handheld.post("/v1/option-groups/size", {"option_id": "large", "remaining": 3}, method="PATCH")
        salad = {"product_id": "salad", "options": [{"option_id": "large"}], "hold": True}
        line = {"product_id": "lunch", "quantity": 2, "children": [salad]}
        placed = (await handheld.post("/v1/orders", {"table_id": "t1", "lines": [line]})).json()
        before = (await handheld.get(f"/v1/checks/{placed['check_id']}")).json()
        token, device_id = handheld.token, handheld.device_id
    async with shop_in(tmp_path) as shop:
        again = Device(shop.http, device_id, token)
        assert (await again.get(f"/v1/checks/{placed['check_id']}")).json() == before
        group = (await again.get("/v1/menu")).json()["option_groups"][0]
        assert group["options"][0]["remaining"] == 1
