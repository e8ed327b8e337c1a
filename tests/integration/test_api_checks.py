"""Tables and checks through the whole application."""

from __future__ import annotations

from pathlib import Path

from hub.domain.commands import RecoverEntry
from hub.domain.entries import hash_of
from tests.integration.conftest import Shop, shop_in


async def test_two_parties_share_a_table(shop: Shop) -> None:
    handheld, tablet = await shop.device(), await shop.device("table", table_id="t1")
    one = (await handheld.post("/v1/checks", {"table_ids": ["t1"], "shared": True, "guests": 1})).json()
    assert [check["check_id"] for check in (await tablet.get("/v1/checks")).json()["checks"]] == [
        one["check_id"]
    ]
    refused = await handheld.post("/v1/checks", {"table_ids": ["t1"]})
    assert (refused.status_code, refused.json()["slug"]) == (409, "table-occupied")
    other = (await handheld.post("/v1/checks", {"table_ids": ["t1"], "shared": True, "name": "Sato"})).json()
    tables = {table["id"]: table for table in (await handheld.get("/v1/tables")).json()["tables"]}
    assert [check["name"] for check in tables["t1"]["checks"]] == ["", "Sato"]
    assert tables["t2"]["checks"] == []
    which = await handheld.order("t1")
    assert (which.status_code, which.json()["slug"]) == (409, "table-shared")
    assert [check["check_id"] for check in which.json()["checks"]] == [one["check_id"], other["check_id"]]
    assert (await tablet.order("t1")).status_code == 409
    assert (await tablet.get("/v1/checks")).json()["checks"] == []
    assert (await tablet.get(f"/v1/checks/{one['check_id']}")).status_code == 403
    left = await handheld.post(f"/v1/checks/{one['check_id']}/abort", {"reason": "left"}, if_match='"1"')
    assert left.status_code == 200
    assert (await tablet.get(f"/v1/checks/{other['check_id']}")).status_code == 200
    assert (await tablet.order("t1")).json()["check_id"] == other["check_id"]


async def test_guests_groups_and_dining_change(shop: Shop) -> None:
    handheld = await shop.device()
    order = (await handheld.order("t1")).json()
    path = f"/v1/checks/{order['check_id']}"
    body = {"guests": 3, "customer_groups": {"adults": 2, "children": 1}, "dining": "takeout"}
    changed = await handheld.post(path, body, method="PATCH", key="k", if_match='"2"')
    assert changed.status_code == 200
    assert changed.json()["rerated"] == [{"line_id": order["lines"][0]["line_id"], "tax_rate": "0.08"}]
    check = (await handheld.get(path)).json()
    assert (check["guests"], check["customer_groups"]) == (3, {"adults": 2, "children": 1})
    turned = {**body, "customer_groups": {"children": 1, "adults": 2}}
    again = await handheld.post(path, turned, method="PATCH", key="k", if_match='"2"')
    assert again.headers["idempotency-replayed"] == "true", "the order of a mapping's names says nothing"
    stale = await handheld.post(path, {"guests": 1}, method="PATCH", if_match='"2"')
    assert stale.status_code == 412
    empty = await handheld.post(path, {}, method="PATCH")
    assert empty.status_code == 422


async def test_a_merged_check_comes_back_even_after_it_left_memory(shop: Shop) -> None:
    handheld = await shop.device()
    host, guest = (await handheld.order("t1")).json(), (await handheld.order("t2", quantity=2)).json()
    path = f"/v1/checks/{host['check_id']}"
    body = {"check_id": guest["check_id"]}
    assert (await handheld.post(f"{path}/merge", body, if_match='"2"')).status_code == 200
    await shop.box.core.save()
    assert guest["check_id"] not in shop.box.core.state.checks.committed
    assert (await handheld.post(f"{path}/unmerge", body)).status_code == 428
    back = (await handheld.post(f"{path}/unmerge", body, if_match='"3"')).json()
    assert (back["check_total"], back["unmerged_check_total"]) == (host["check_total"], guest["check_total"])
    assert (await handheld.order("t2")).json()["check_id"] == guest["check_id"]
    found = (await handheld.get(f"/v1/checks/{guest['check_id']}")).json()
    assert (found["status"], found["check_no"]) == ("open", guest["check_no"])


async def test_a_check_tells_who_did_what_when_on_which_device(shop: Shop) -> None:
    handheld, register, kitchen = (
        await shop.device(),
        await shop.device("register"),
        await shop.device("kitchen"),
    )
    body = {
        "table_id": "t1",
        "lines": [{"product_id": "salad", "quantity": 2}],
        "staff_id": "s-7",
        "ordered_at": "2026-11-21T12:00:00+09:00",
    }
    order = (await handheld.post("/v1/orders", body)).json()
    other = (await register.order("t2")).json()
    path = f"/v1/checks/{order['check_id']}"
    line = order["lines"][0]["line_id"]
    await kitchen.post(f"{path}/serve", {"lines": [{"line_id": line, "quantity": 1}]})
    await register.post(f"{path}/merge", {"check_id": other["check_id"]}, if_match='"3"')
    await register.post(f"{path}/split", {"lines": [{"line_id": line, "quantity": 1}]}, if_match='"4"')
    sale = await register.post(
        "/v1/sales", {"check_id": order["check_id"], "tenders": [{"method": "cash", "amount": 700}]}
    )
    assert sale.status_code == 201
    await shop.box.core.save()
    await register.post(f"/v1/sales/{sale.json()['sale_id']}/void", {"reason": "x"})
    told = (await register.get(f"{path}/history")).json()
    assert [item["type"].split(".", 1)[1] for item in told["items"]] == [
        "check.opened.v1", "order.placed.v1", "lines.served.v1", "check.merged.v1", "check.split.v1",
        "sale.completed.v1", "sale.voided.v1",
    ]  # fmt: skip
    ordered = told["items"][1]
    assert (ordered["seq"], ordered["device_id"], ordered["device_name"]) == (
        order["seq"],
        handheld.device_id,
        "a handheld",
    )
    assert (ordered["staff_id"], ordered["device_time"]) == ("s-7", body["ordered_at"])
    assert (ordered["at"], ordered["data"]["order_id"]) == (order["accepted_at"], order["order_id"])
    newest = (await register.get(f"{path}/history?order=newest")).json()["items"]
    assert newest == told["items"][::-1]
    after = (await register.get(f"{path}/history?cursor={order['seq']}")).json()["items"]
    assert after == told["items"][2:]
    joined = (await register.get(f"/v1/checks/{other['check_id']}/history")).json()
    assert joined["merged_into"] == order["check_id"]
    assert [item["type"] for item in joined["items"]][-1] == "storehub.check.merged.v1"
    assert (await kitchen.get(f"{path}/history")).status_code == 403
    assert (await register.get("/v1/checks/nobody/history")).status_code == 404


async def test_a_history_survives_a_restart_and_shows_what_was_recovered(tmp_path: Path) -> None:
    async with shop_in(tmp_path / "lost") as lost:
        handheld = await lost.device()
        order = (await handheld.order("t1")).json()
        raws = [await lost.hub.journal.at(order["seq"] + n) for n in (-1, 0)]
    async with shop_in(tmp_path / "new") as shop:
        register, _ = await shop.device("register"), await shop.device()
        for entry in raws:
            assert entry is not None
            await shop.box.core.desk.order(
                RecoverEntry(entry.epoch, entry.seq, hash_of(entry.raw), entry.raw.decode())
            )
        path = f"/v1/checks/{order['check_id']}/history"
        told = (await register.get(path)).json()["items"]
        assert [(item["type"], item["recovered"]) for item in told] == [
            ("storehub.check.opened.v1", True),
            ("storehub.order.placed.v1", True),
        ]
        assert [item["seq"] for item in told] == [
            entry.seq
            for entry in await shop.hub.journal.after(told[0]["seq"] - 1, count_max=2, bytes_max=1 << 20)
        ]
    async with shop_in(tmp_path / "new") as shop:
        register.http = shop.http
        assert (await register.get(path)).json()["items"] == told


async def test_every_device_sees_who_pays_how_much(shop: Shop) -> None:
    handheld, register = await shop.device(), await shop.device("register")
    order = (await handheld.order("t1")).json()
    path = f"/v1/checks/{order['check_id']}"
    planned = await handheld.post(f"{path}/shares", {"parts": 3}, if_match='"2"')
    assert planned.status_code == 200
    shares = (await register.get(path)).json()["shares"]
    assert shares == {"parts": 3, "amounts": [], "each": [117, 117, 116]}
    tenders = [{"method": "cash", "amount": part, "tendered": 200} for part in shares["each"]]
    sale = await register.post("/v1/sales", {"check_id": order["check_id"], "tenders": tenders})
    assert (sale.status_code, sale.json()["change"]) == (201, 250)
    assert (await register.post(f"{path}/shares", {"parts": 2})).status_code == 409
