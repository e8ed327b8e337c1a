"""Discounts over HTTP: on all devices at once, and into the sale."""

from __future__ import annotations

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
