"""Tables and checks through the whole application."""

from __future__ import annotations

from tests.integration.conftest import Shop


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
