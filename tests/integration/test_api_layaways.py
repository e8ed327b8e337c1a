"""Layaways over HTTP and over a restart."""

from __future__ import annotations

from pathlib import Path

from tests.integration.conftest import Device, shop_in

LINES = [{"product_id": "beer", "quantity": 2}]


async def test_set_aside_fetched_and_cancelled(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        register = await shop.device("register")
        body = {
            "lines": LINES,
            "tenders": [{"method": "cash", "amount": 300}],
            "name": "山田様",
            "until": "2026-01-01",
        }
        first = await register.post("/v1/layaways", body)
        assert first.status_code == 201, first.text
        second = (await register.post("/v1/layaways", {"lines": LINES})).json()
        short = await register.post("/v1/layaways", {"lines": LINES})
        assert (short.status_code, short.json()["remaining"]) == (409, 1)
        listed = (await register.get("/v1/layaways")).json()["layaways"]
        assert [(one["layaway_id"], one["rest"], one["overdue"]) for one in listed] == [
            (first.json()["layaway_id"], 700, True),
            (second["layaway_id"], 1000, False),
        ]
        token, device_id = register.token, register.device_id
    async with shop_in(tmp_path) as shop:
        register = Device(shop.http, device_id, token)
        path = f"/v1/layaways/{listed[0]['layaway_id']}"
        rest = {"tenders": [{"method": "cash", "amount": 700}]}
        sold = await register.post(f"{path}/complete", rest, key="complete")
        assert (sold.status_code, sold.json()["total"]) == (201, 1000)
        assert (await register.post(f"{path}/complete", rest, key="complete")).json() == sold.json()
        handheld = await shop.device("handheld")
        cancelled = f"/v1/layaways/{second['layaway_id']}/cancel"
        assert (await handheld.post(cancelled, {"reason": "x"})).status_code == 403
        assert (await register.post(cancelled, {"reason": "not fetched"}, key="cancel")).status_code == 200
        assert (await register.get("/v1/layaways")).json()["layaways"] == []
    async with shop_in(tmp_path) as shop:
        register = Device(shop.http, device_id, token)
        refused = await register.post(cancelled, {"reason": "again"}, key="again")
        assert refused.json()["slug"] == "conflict"
        voided = await register.post(f"/v1/sales/{sold.json()['sale_id']}/void", {"reason": "x"}, key="void")
        assert voided.status_code == 200
        one = (await register.get(path)).json()
        assert (one["status"], one["deposit_no"]) == ("open", "A-000001")
        day = (await register.get(f"/v1/layaways?business_date={one['business_date']}")).json()["layaways"]
        assert [one["status"] for one in day] == ["open", "cancelled"]
