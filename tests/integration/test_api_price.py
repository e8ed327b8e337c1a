"""Discounts over HTTP: on all devices at once, and into the sale."""

from __future__ import annotations

from hub.domain.commands import ApplyMaster
from hub.domain.facts import MasterChange
from tests.integration.conftest import Shop


async def test_a_discount_shows_on_every_device_and_in_the_sale(shop: Shop) -> None:
    waiter, register = await shop.device("handheld"), await shop.device("register")
    order = (await waiter.order("t1", "salad", 3)).json()
    path = f"/v1/checks/{order['check_id']}"
    said = await waiter.post(f"{path}/discounts", {"kind": "rate", "value": "0.10", "name": "rain"}, key="k")
    assert said.status_code == 201
    assert (said.json()["check_total"], said.json()["discount"]["amount"]) == (945, 105)
    again = await waiter.post(f"{path}/discounts", {"kind": "rate", "value": "0.10", "name": "rain"}, key="k")
    assert (again.headers["idempotency-replayed"], again.json()) == ("true", said.json())
    seen = (await register.get(path)).json()
    assert (seen["total"], seen["discounts"]) == (945, [said.json()["discount"]])
    more = await register.post(f"{path}/discounts", {"kind": "amount", "value": 5})
    back = await register.post(
        f"{path}/discounts/void", {"discount_id": more.json()["discount"]["discount_id"]}
    )
    assert (back.status_code, back.json()["check_total"]) == (200, 945)
    gone = await register.post(f"{path}/discounts/void", {"discount_id": "nope"})
    assert (gone.status_code, gone.json()["slug"]) == (404, "not-found")
    tenders = [{"method": "cash", "amount": 945}]
    sale = (await register.post("/v1/sales", {"check_id": order["check_id"], "tenders": tenders})).json()
    assert (sale["discount"], sale["discounts"][0]["name"]) == (105, "rain")


async def test_a_kitchen_gives_no_discount(shop: Shop) -> None:
    waiter, kitchen = await shop.device("handheld"), await shop.device("kitchen")
    order = (await waiter.order("t1")).json()
    path = f"/v1/checks/{order['check_id']}/discounts"
    assert (await kitchen.post(path, {"kind": "amount", "value": 5})).status_code == 403
    assert (await waiter.post(path, {"kind": "amount", "value": 5, "name": "4242 4242 4242 4242"})).json()[
        "slug"
    ] == "card-number-refused"


OFFERS = (
    MasterChange(
        "deal",
        "pair",
        {
            "id": "pair",
            "name": "two salads",
            "parts": [{"product_ids": ["salad"], "quantity": 2}],
            "price": 600,
        },
    ),
    MasterChange(
        "coupon",
        "c1",
        {"id": "c1", "code": "GIFT", "name": "gift", "kind": "amount", "value": 50, "once": "store"},
    ),
)
SHOWN = ("lines", "discounts", "taxes", "total", "subtotal", "discount")


async def test_deals_and_coupons_are_in_the_menu_the_preview_and_the_sale(shop: Shop) -> None:
    await shop.box.core.desk.order(ApplyMaster("import", OFFERS))
    waiter, register = await shop.device("handheld"), await shop.device("register")
    menu = (await waiter.get("/v1/menu")).json()
    assert (menu["deals"][0]["name"], menu["coupons"][0]["id"]) == ("two salads", "c1")
    assert "code" not in menu["coupons"][0]
    order = (await waiter.order("t1", "salad", 2)).json()
    other = (await waiter.order("t2", "salad", 2)).json()
    path = f"/v1/checks/{order['check_id']}"
    put = await waiter.post(f"{path}/discounts", {"coupon": "GIFT"})
    assert (put.status_code, put.json()["check_total"]) == (201, 650)
    second = await register.post(f"/v1/checks/{other['check_id']}/discounts", {"coupon": "GIFT"})
    assert (second.status_code, second.json()["slug"], second.json()["why"]) == (
        409,
        "coupon-refused",
        "used",
    )
    shown = (await waiter.get(f"{path}/preview")).json()
    assert (shown["total"], [one["name"] for one in shown["discounts"]]) == (550, ["two salads", "gift"])
    billed = (await waiter.post(f"{path}/bill")).json()
    assert (billed["due"], (await register.get(path)).json()["due"]) == (550, 550)
    tenders = [{"method": "cash", "amount": 550}]
    sale = (await register.post("/v1/sales", {"check_id": order["check_id"], "tenders": tenders})).json()
    for line in sale["lines"]:
        # For the reports alone.
        assert line.pop("category_id") == "food"
    assert {name: sale[name] for name in SHOWN} == {name: shown[name] for name in SHOWN}
    tablet = await shop.device("table", table_id="t1")
    assert (await tablet.get(f"{path}/preview")).status_code == 403


async def test_a_member_shows_the_card_after_ordering(shop: Shop) -> None:
    salad = {"id": "salad", "name": "Salad", "category_id": "food", "price": 350}
    salad["prices"] = {"member": 300, "staff": 175}
    await shop.box.core.desk.order(ApplyMaster("import", (MasterChange("product", "salad", salad),)))
    waiter, register = await shop.device("handheld"), await shop.device("register")
    menu = (await waiter.get("/v1/menu")).json()
    shown = next(one for one in menu["products"] if one["id"] == "salad")
    assert shown["prices"] == {"member": 300, "staff": 175}
    order = (await waiter.order("t1", "salad", 2)).json()
    path = f"/v1/checks/{order['check_id']}"
    said = (await waiter.post(f"{path}/price-list", {"price_list": "member"})).json()
    assert (said["check_total"], [line["unit_price"] for line in said["lines"]]) == (600, [300])
    assert (await waiter.post(f"{path}/price-list", {"price_list": "staff"})).status_code == 403
    seen = (await register.get(path)).json()
    assert (seen["total"], seen["price_list"], seen["lines"][0]["price_list"]) == (600, "member", "member")
    assert (await register.post(f"{path}/price-list", {"price_list": None})).json()["check_total"] == 700
