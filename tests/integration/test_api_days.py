"""Registers, settlement and the closing of the day over HTTP."""

from __future__ import annotations

from tests.integration.conftest import Device, Shop


async def sell(device: Device, amount: int = 350, **more: object) -> dict[str, object]:
    body = {
        "lines": [{"product_id": "salad", "quantity": 1}],
        "tenders": [{"method": "cash", "amount": amount}],
        **more,
    }
    answer = await device.post("/v1/sales", body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_a_register_from_float_to_settlement(shop: Shop) -> None:
    register = await shop.device("register")
    own = register.device_id
    put = await register.post(f"/v1/registers/{own}/drawer", {"kind": "float", "amount": 20_000})
    assert put.status_code == 201
    assert (put.json()["expected"], put.json()["register_status"]) == (20_000, "open")
    await sell(register)
    counted = await register.post(f"/v1/registers/{own}/count", {"amount": 20_350})
    assert (counted.status_code, counted.json()["over_short"]) == (200, 0)
    pieces = [{"value": 10_000, "count": 2}, {"value": 100, "count": 3}]
    settled = await register.post(f"/v1/registers/{own}/settle", {"pieces": pieces}, key="settle")
    said = settled.json()
    assert (said["expected"], said["counted"], said["over_short"], said["number"]) == (20_350, 20_300, -50, 1)
    # Nothing of a hub without a cloud was ever sent: all that was committed before is unsent.
    assert said["unsent"] == said["seq"] - 1
    again = await register.post(f"/v1/registers/{own}/settle", {"pieces": pieces}, key="settle")
    assert again.json() == said
    refused = await register.post(f"/v1/registers/{own}/settle", {"amount": 0}, accept_language="ja")
    assert (refused.status_code, refused.json()["slug"]) == (409, "register-refused")
    assert "settled" in refused.json()["detail"]
    view = (await register.get(f"/v1/registers/{own}")).json()
    assert (view["status"], view["expected"], len(view["settlements"])) == ("settled", 0, 1)
    listed = (await register.get("/v1/registers")).json()["registers"]
    assert listed == [view]


async def test_a_day_is_closed_and_what_comes_late_is_seen(shop: Shop) -> None:
    register, manager = await shop.device("register"), await shop.device("manager")
    today = shop.box.clock.today()
    await sell(register)
    order = (await register.order("t1")).json()
    refused = await manager.post(f"/v1/days/{today}/close")
    assert (refused.status_code, refused.json()["slug"]) == (409, "open-checks")
    assert refused.json()["check_ids"] == [order["check_id"]]
    closed = (await manager.post(f"/v1/days/{today}/close", {"open_checks": "carry"})).json()
    assert (closed["totals"]["net"], closed["revision"], closed["by"]) == (350, 1, "hand")
    assert closed["unsettled"] == [register.device_id]
    assert closed["unsent"] > 0
    late = await sell(register)
    assert late["late"] is True
    await shop.box.core.save()
    await sell(register)
    view = (await manager.get(f"/v1/days/{today}")).json()
    assert (view["status"], view["frozen"]["net"], view["figures"]["net"]) == ("amended", 350, 1050)
    assert view["late"] == {"count": 2, "total": 700}
    assert view["difference"]["net"] == 700
    assert [one["register_id"] for one in view["registers"]] == [register.device_id]
    assert view["registers"][0]["expected"] == 1050
    assert (await manager.get("/v1/days")).json()["days"][0]["status"] == "amended"


async def test_what_a_closed_day_knew_survives_leaving_memory(shop: Shop) -> None:
    register = await shop.device("register")
    today, own = shop.box.clock.today(), register.device_id
    sold = await sell(register)
    await register.post(f"/v1/registers/{own}/settle", {"amount": 350})
    await register.post(f"/v1/days/{today}/close")
    await shop.box.core.save()
    assert not shop.box.core.state.registers.committed
    assert not shop.box.core.state.days.committed
    body = {"reason": "wrong", "register_id": own}
    assert (await register.post(f"/v1/sales/{sold['sale_id']}/void", body)).status_code == 200
    view = (await register.get(f"/v1/registers/{own}")).json()
    assert (view["status"], view["expected"], len(view["settlements"])) == ("open", -350, 1)
    closed = (await register.post(f"/v1/days/{today}/close")).json()
    assert (closed["revision"], closed["totals"]["net"], closed["drawers"]["counted"]) == (2, 0, 350)


async def test_who_may(shop: Shop) -> None:
    handheld, technician = await shop.device("handheld"), await shop.device("technician")
    today = shop.box.clock.today()
    for device in (handheld, technician):
        for path, body in (
            ("/v1/registers/r1/drawer", {"kind": "open"}),
            ("/v1/registers/r1/settle", {"amount": 0}),
            (f"/v1/days/{today}/close", {}),
        ):
            assert (await device.post(path, body)).status_code == 403
        for path in ("/v1/registers", f"/v1/days/{today}", "/v1/days"):
            assert (await device.get(path)).status_code == 403


async def test_dates_and_ids_are_checked(shop: Shop) -> None:
    manager = await shop.device("manager")
    for path in (
        "/v1/days/2026-02-30",
        "/v1/registers?business_date=2026-02-30",
        "/v1/days?from=2026-01-02&to=2026-01-01",
    ):
        assert (await manager.get(path)).status_code == 422, path
    assert (await manager.post("/v1/days/2026-02-30/close")).status_code == 422
    assert (await manager.post("/v1/registers/a%20b/settle", {"amount": 0})).status_code == 422


async def test_reports_of_a_day_of_several_and_in_words(shop: Shop) -> None:
    register, manager = await shop.device("register"), await shop.device("manager")
    today = shop.box.clock.today()
    await register.post(
        "/v1/orders", {"table_id": "t1", "guests": 3, "lines": [{"product_id": "beer", "quantity": 2}]}
    )
    check = (await register.get("/v1/checks?table_id=t1")).json()["checks"][0]
    tenders = [{"method": "cash", "amount": 1000}]
    await register.post("/v1/sales", {"check_id": check["check_id"], "tenders": tenders, "staff_id": "s1"})
    await sell(register)
    day = (await manager.get(f"/v1/reports/days/{today}")).json()
    assert day["categories"] == [{"category_id": "food", "name": "Food", "quantity": 3, "amount": 1350}]
    assert day["staff"] == [{"staff_id": "s1", "name": "", "orders": 0, "sales": 1, "total": 1000}]
    assert day["guests"] == {"guests": 3, "parties": 1, "total": 1000, "per_guest": 333, "per_party": 1000}
    first = f"{today[:8]}01"
    span = (await manager.get(f"/v1/reports?from={first}&to={today}")).json()
    assert span["total"]["net"] == day["net"]
    assert [row["business_date"] for row in span["days"]] == [today]
    daily = (await manager.get(f"/v1/reports/days/{today}/daily")).json()
    assert (daily["net"], daily["store_name"], daily["unsettled"]) == (
        day["net"],
        "渋谷店",
        [register.device_id],
    )
    text = await manager.get(f"/v1/reports/days/{today}/daily", accept="text/plain", accept_language="ja")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert "客単価" in text.text
    english = await manager.get(f"/v1/reports/days/{today}/daily", accept="text/plain", accept_language="en")
    assert "per guest" in english.text
    for wrong in ("from=2026-01-01", "from=2026-01-01&to=2028-01-01", "from=x&to=y"):
        assert (await manager.get(f"/v1/reports?{wrong}")).status_code == 422
    handheld = await shop.device("handheld")
    assert (await handheld.get(f"/v1/reports/days/{today}/daily")).status_code == 403
