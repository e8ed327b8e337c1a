"""The stock of goods over HTTP: shared by all devices at once, and by those that come after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import httpx

from hub.domain.commands import ApplyMaster
from hub.domain.facts import MasterChange
from tests.integration.conftest import Shop, shop_in
from tests.integration.test_feed import Wire

WINE = {
    "id": "wine",
    "name": "Wine",
    "category_id": "food",
    "price": 900,
    "stock_tracked": True,
    "oversell": "refused",
}


async def with_wine(shop: Shop, quantity: int) -> Any:
    await shop.box.core.desk.order(ApplyMaster("import", (MasterChange("product", "wine", WINE),)))
    register = await shop.device("register")
    moved = await register.post(
        "/v1/stock/movements",
        {"product_id": "wine", "quantity": quantity, "kind": "delivery", "reason": "note 7"},
    )
    assert moved.status_code == 201
    assert moved.json()["lines"] == [{"product_id": "wine", "quantity": quantity, "stock": quantity}]
    return register


async def test_the_last_bottles_go_to_as_many_tables(shop: Shop) -> None:
    register = await with_wine(shop, 5)
    handhelds = [await shop.device() for _ in range(4)]
    answers = await asyncio.gather(*(handhelds[n % 4].order(f"t{n % 5 + 1}", "wine") for n in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 7
    assert {one.json()["slug"] for one in answers if one.status_code == 409} == {"sold-out"}
    (row,) = (await register.get("/v1/stock")).json()["stock"]
    assert (row["product_id"], row["name"], row["quantity"]) == ("wine", "Wine", 0)
    assert (await register.get("/v1/stock?below=0")).json()["stock"] == []
    assert (await register.get("/v1/stock?product_id=beer")).json()["stock"] == []


async def test_the_menu_and_the_feed_say_when_the_goods_are_gone_and_back(shop: Shop) -> None:
    register, tablet = await with_wine(shop, 2), await shop.device("table", table_id="t2")
    async with Wire(shop, tablet.token) as heard:
        await heard.has(b"event: menu")
        seen = await tablet.get("/v1/menu")
        assert _wine(seen) == "orderable"
        await register.order("t1", "wine", 1)
        same = await tablet.get("/v1/menu", if_none_match=seen.headers["etag"])
        assert same.status_code == 304
        told = heard.sent.count(b"event: menu")
        await register.order("t1", "wine", 1)
        gone = await tablet.get("/v1/menu", if_none_match=seen.headers["etag"])
        assert (gone.status_code, _wine(gone)) == (200, "sold_out")
        version = gone.headers["etag"].strip('"').encode()
        await heard.has(b'event: menu\ndata: {"version":"%b"}\n\n' % version)
        assert heard.sent.count(b"event: menu") == told + 1
        # What others order is still not a table's to see.
        assert b"stock.moved" not in heard.sent
    assert (await register.order("t3", "wine", 1)).json()["slug"] == "sold-out"
    await register.post("/v1/stock/movements", {"product_id": "wine", "quantity": 1, "kind": "delivery"})
    assert _wine(await tablet.get("/v1/menu", accept_encoding="gzip")) == "orderable"


def _wine(menu: httpx.Response) -> str:
    return next(row["availability"] for row in menu.json()["products"] if row["id"] == "wine")


async def test_movements_are_told_one_by_one_in_pages(shop: Shop) -> None:
    register = await with_wine(shop, 5)
    order = (await register.order("t1", "wine", 2)).json()
    await register.post("/v1/stock/counts", {"lines": [{"product_id": "wine", "quantity": 4, "shown": 5}]})
    await shop.box.core.save()
    await register.post("/v1/stock/movements", {"product_id": "wine", "quantity": -1, "kind": "loss"})
    page = (await register.get("/v1/stock/wine/movements")).json()
    assert [(one["kind"], one["quantity"], one["stock"]) for one in page["movements"]] == [
        ("delivery", 5, 5), ("order", -2, 3), ("count", -1, 2), ("loss", -1, 1),
    ]  # fmt: skip
    assert page["movements"][1]["about"] == f"checks/{order['check_id']}"
    assert page["next_cursor"] is None
    for n in range(200):
        await register.post(
            "/v1/stock/movements", {"product_id": "wine", "quantity": n + 1, "kind": "delivery"}
        )
    first = (await register.get("/v1/stock/wine/movements")).json()
    rest = (await register.get(f"/v1/stock/wine/movements?cursor={first['next_cursor']}")).json()
    assert (len(first["movements"]), len(rest["movements"])) == (200, 4)
    assert (await register.get("/v1/stock/beer/movements")).status_code == 404


async def test_who_may(shop: Shop) -> None:
    await with_wine(shop, 5)
    handheld, kitchen = await shop.device(), await shop.device("kitchen")
    body = {"product_id": "wine", "quantity": 1, "kind": "delivery"}
    assert (await handheld.post("/v1/stock/movements", body)).status_code == 403
    assert (await handheld.get("/v1/stock")).status_code == 200
    assert (await kitchen.get("/v1/stock")).status_code == 403


async def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        register = await with_wine(shop, 5)
        await register.order("t1", "wine", 2)
    async with shop_in(tmp_path) as shop:
        assert shop.box.core.state.stock_moves.committed == {}
        device = await shop.device("register")
        assert (await device.get("/v1/stock?product_id=wine")).json()["stock"][0]["quantity"] == 3
        assert len((await device.get("/v1/stock/wine/movements")).json()["movements"]) == 2
