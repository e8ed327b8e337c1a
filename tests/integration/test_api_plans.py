"""Plans and time bands through the whole application, with the hub's clock in the test's hand."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from hub.domain.entries import read
from hub.domain.menu_file import command_of, read_menu
from tests.integration.conftest import Device, Shop, shop_in

MENU: dict[str, Any] = {
    "categories": [{"id": "food", "name": "Food"}, {"id": "drinks", "name": "飲み物"}],
    "products": [
        {"id": "beer", "name": "生ビール", "category_id": "drinks", "price": 500},
        {"id": "house", "name": "ハウスワイン", "category_id": "drinks", "price": 0, "kind": "in_plan"},
        {"id": "salad", "name": "サラダ", "category_id": "food", "price": 350, "tax_class": "food"},
        {"id": "more", "name": "延長30分", "category_id": "drinks", "price": 600, "kind": "plan_extension"},
        {
            "id": "nomi",
            "name": "飲み放題90分",
            "category_id": "drinks",
            "price": 1980,
            "kind": "plan",
            "plan": {
                "minutes": 90,
                "last_order_minutes": 20,
                "notice_minutes": 10,
                "category_ids": ["drinks"],
                "extension_product_id": "more",
            },
        },
    ],
    "time_bands": [
        {
            "id": "always",
            "name": "通常",
            "from": "00:00",
            "to": "00:00",
            "table_charge": 300,
            "service_charge": "0.10",
            "rounding_discount": 10,
            "prices": [{"product_id": "salad", "difference": 5}],
        }
    ],
}


async def import_menu(shop: Shop, **more: Any) -> None:
    await shop.box.core.desk.order(command_of(read_menu(json.dumps({**MENU, **more}).encode())))


def pass_minutes(shop: Shop, minutes: int) -> None:
    """The hub's clock goes on; the devices' own clocks mean nothing."""
    shop.box.clock._offset_s += minutes * 60


async def test_every_device_sees_the_hubs_times_and_guests_order_once_staff_started(shop: Shop) -> None:
    await import_menu(shop, time_bands=[])
    handheld, other = await shop.device(), await shop.device("register")
    tablet = await shop.device("table", table_id="t1")
    opened = (await handheld.post("/v1/checks", {"table_ids": ["t1"], "guests": 3})).json()
    path = f"/v1/checks/{opened['check_id']}"
    wine = {"lines": [{"product_id": "house", "quantity": 2}]}
    early = await tablet.post("/v1/orders", wine)
    assert (early.status_code, early.json()["slug"]) == (409, "plan-not-running")
    start = {"product_id": "nomi"}
    assert (await tablet.post(f"{path}/plans", start)).status_code == 403
    first = await handheld.post(f"{path}/plans", start, key="once")
    again = await handheld.post(f"{path}/plans", start, key="once")
    assert (first.status_code, first.content) == (201, again.content)
    plan = first.json()["plan"]
    begun, ends = (datetime.fromisoformat(plan[name]) for name in ("started_at", "ends_at"))
    assert ends - begun == timedelta(minutes=90)
    assert plan["started_at"] == first.json()["accepted_at"]
    shown = [(await device.get(path)).json()["plans"] for device in (handheld, other, tablet)]
    assert shown[0] == shown[1] == shown[2]
    assert [shown[0][0][name] for name in ("started_at", "last_order_at", "ends_at")] == [
        plan[name] for name in ("started_at", "last_order_at", "ends_at")
    ]
    wine_line = (await tablet.post("/v1/orders", wine)).json()["lines"][0]
    assert (wine_line["amount"], wine_line["in_plan"]) == (0, True)
    pass_minutes(shop, 70)
    late = await tablet.post("/v1/orders", wine, accept_language="ja")
    assert (late.status_code, late.json()["slug"]) == (409, "last-order-passed")
    assert late.json()["last_order_at"] == plan["last_order_at"]
    assert plan["last_order_at"] in late.json()["detail"]
    extended = (await other.post(f"{path}/plans/extend", {})).json()
    assert extended["lines"][0]["amount"] == 1800
    assert (await tablet.post("/v1/orders", wine)).status_code == 201
    stopped = (await handheld.post(f"{path}/plans/stop", {"reason": "guests leave"})).json()
    assert stopped["plan"]["stopped_at"] == stopped["accepted_at"]
    assert (await tablet.post("/v1/orders", wine)).json()["slug"] == "plan-not-running"
    assert (await handheld.post(f"{path}/plans/extend", {})).json()["slug"] == "plan-not-running"
    kinds = [
        read(entry.raw).type
        for entry in await shop.box.core.journal.after(0, count_max=100, bytes_max=1 << 20)
    ]
    assert [kind for kind in kinds if "plan" in kind] == [
        f"storehub.plan.{move}.v1" for move in ("started", "extended", "stopped")
    ]


async def test_the_bill_and_the_sale_agree_on_charges_and_rounding(shop: Shop) -> None:
    await import_menu(shop)
    register = await shop.device("register")
    now = (await register.get("/v1/time-band")).json()
    assert (now["band"]["id"], now["until"]) == ("always", None)
    placed = (await register.order("t1", "salad", 3)).json()
    path = f"/v1/checks/{placed['check_id']}"
    assert placed["check_total"] == 3 * 355, "nobody has said how many guests there are"
    charged = (await register.post(f"{path}/table-charge", {"guests": 2})).json()
    assert charged["check_total"] == 3 * 355 + 600
    billed = (await register.post(f"{path}/bill")).json()
    assert [charge["amount"] for charge in billed["charges"]] == [106]
    assert (billed["check_total"], billed["due"], billed["discounts"][0]["name"]) == (1665, 1770, "端数値引")
    check = (await register.get(path)).json()
    assert (check["total"], check["due"], check["charges"][0]["amount"]) == (1665, 1770, 106)
    paid = {"check_id": placed["check_id"], "tenders": [{"method": "cash", "amount": billed["due"]}]}
    sale = (await register.post("/v1/sales", paid)).json()
    assert (sale["total"], sale["taxes"]) == (1770, billed["taxes"])
    receipt = await register.get(f"/v1/sales/{sale['sale_id']}/receipt", accept="text/plain")
    assert all(word in receipt.text for word in ("お通し", "サービス料", "端数値引"))


async def test_a_band_is_switched_by_hand_and_stays_so_over_a_restart(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        await import_menu(shop)
        register, handheld = await shop.device("register"), await shop.device()
        assert (await handheld.post("/v1/time-band", {"band_id": None})).status_code == 403
        before = (await handheld.get("/v1/menu")).headers["etag"]
        switched = await register.post("/v1/time-band", {"band_id": None, "reason": "party"}, key="once")
        assert (switched.status_code, switched.json()["until"]) == (200, None)
        assert (await handheld.get("/v1/menu", if_none_match=before)).status_code == 200
        token = register.token
    async with shop_in(tmp_path) as shop:
        await import_menu(shop)
        register = Device(shop.http, "", token)
        now = (await register.get("/v1/time-band")).json()
        assert (now["band"], now["by_hand"]) == (None, True)
        back = (await register.post("/v1/time-band", {"by_clock": True}, key="back")).json()
        assert back["band_id"] == "always"
        now = (await register.get("/v1/time-band")).json()
        assert (now["band"]["id"], now["by_hand"]) == ("always", False)


async def test_the_menu_carries_plans_and_bands_and_a_start_finds_them_again(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        await import_menu(shop)
        handheld = await shop.device()
        opened = (await handheld.post("/v1/checks", {"table_ids": ["t1"], "guests": 2})).json()
        path = f"/v1/checks/{opened['check_id']}"
        started = await handheld.post(f"{path}/plans", {"product_id": "nomi"})
        assert started.status_code == 201
        check = (await handheld.get(path)).json()
        menu = (await handheld.get("/v1/menu")).json()
        nomi = next(product for product in menu["products"] if product["id"] == "nomi")
        assert (nomi["kind"], nomi["plan"]["minutes"]) == ("plan", 90)
        assert menu["time_bands"][0]["service_charge"] == "0.10"
        again = read_menu(json.dumps({"time_bands": menu["time_bands"]}).encode())
        assert await shop.box.core.desk.order(command_of(again)) == 0, "what is served is what is imported"
        token, device_id = handheld.token, handheld.device_id
    async with shop_in(tmp_path) as shop:
        handheld = type(handheld)(shop.http, device_id, token)
        assert (await handheld.get(path)).json() == check
        wine = {"check_id": opened["check_id"], "lines": [{"product_id": "house", "quantity": 1}]}
        await import_menu(shop)
        assert (await handheld.post("/v1/orders", wine, key="after")).json()["lines"][0]["in_plan"]
