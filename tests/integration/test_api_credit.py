"""Deferred payments and accounts over HTTP, offline, and over a restart."""

from __future__ import annotations

from pathlib import Path

from hub.domain.commands import ApplyMaster
from hub.domain.facts import MasterChange
from tests.integration.conftest import Device, Shop, shop_in

METHODS = (
    MasterChange(
        "tender_method",
        "qr",
        {"id": "qr", "name": "QR", "kind": "qr", "needs_network": True, "surplus": None},
    ),
    MasterChange("tender_method", "account", {"id": "account", "name": "売掛", "kind": "account"}),
)
LINES = [{"product_id": "salad", "quantity": 2, "line_id": "s"}]


async def test_deferred_and_on_account_from_sale_to_payment(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        await shop.box.core.desk.order(ApplyMaster("cloud", METHODS))
        register = await shop.device("register")
        deferred = [{"method": "qr", "amount": 700, "deferred": {}}]
        first = await register.post("/v1/sales", {"lines": LINES, "tenders": deferred})
        assert first.status_code == 201, first.text
        second = (await register.post("/v1/sales", {"lines": LINES, "tenders": deferred})).json()
        charged = [{"method": "account", "amount": 700, "account_name": "山田商事"}]
        third = (await register.post("/v1/sales", {"lines": LINES, "tenders": charged})).json()
        account_id = third["tenders"][0]["account_id"]
        listed = (await register.get("/v1/payments")).json()["payments"]
        assert [(one["sale_id"], one["status"], one["due"]) for one in listed] == [
            (first.json()["sale_id"], "pending", "later"),
            (second["sale_id"], "pending", "later"),
        ]
        handheld = await shop.device("handheld")
        failed = f"/v1/payments/{listed[0]['payment_id']}/fail"
        assert (await handheld.post(failed, {"reason": "no"})).status_code == 403
        assert (await register.post(failed, {"reason": "no"})).status_code == 200
        settled = f"/v1/payments/{listed[1]['payment_id']}/settle"
        assert (await register.post(settled, {"reference": "qr 42"}, key="once")).status_code == 200
        assert (await register.post(settled, {"reference": "qr 42"}, key="once")).status_code == 200
        token, device_id = register.token, register.device_id
    async with shop_in(tmp_path) as shop:
        await shop.box.core.desk.order(ApplyMaster("cloud", METHODS))
        register = Device(shop.http, device_id, token)
        again = await register.post(settled, {}, key="other")
        assert again.json()["slug"] == "conflict", "an ended payment comes back from its table"
        (left,) = (await register.get("/v1/payments?status=failed")).json()["payments"]
        cash = {"tenders": [{"method": "cash", "amount": 700, "tendered": 1000}]}
        paid = await register.post(f"/v1/payments/{left['payment_id']}/settle", cash, key="cash")
        assert (paid.status_code, paid.json()["change"]) == (200, 300)
        assert (await register.get("/v1/payments")).json()["payments"] == []
        day = (await register.get(f"/v1/payments?business_date={left['business_date']}")).json()["payments"]
        assert [one["status"] for one in day] == ["settled", "settled"]
        one = (await register.get(f"/v1/payments/{day[1]['payment_id']}")).json()
        assert (one["reference"], one["due"]) == ("qr 42", None)
        await ledger(register, account_id)
        figures = (await register.get(f"/v1/reports/days/{left['business_date']}")).json()["tenders"]
        assert {row["method"]: row["amount"] for row in figures} == {"qr": 700, "account": 700, "cash": 700}
        drawers = (await register.get(f"/v1/registers/{device_id}")).json()
        assert drawers["expected"] == 700 + 200


async def ledger(register: Device, account_id: str) -> None:
    path = f"/v1/accounts/{account_id}"
    for key, amount in (("p1", 200), ("p2", 300)):
        body = {"tenders": [{"method": "cash", "amount": amount}]}
        answer = await register.post(f"{path}/payments", body, key=key)
        assert answer.status_code == 201, answer.text
        payment_id = answer.json()["payment_id"]
    back = await register.post(f"/v1/account-payments/{payment_id}/reverse", {"reason": "bounced"}, key="r")
    assert back.json()["balance"] == 500
    found = (await register.get(path)).json()
    assert (found["name"], found["balance"]) == ("山田商事", 500)
    assert [(move["kind"], move["amount"], move["balance"]) for move in found["moves"]] == [
        ("charge", 700, 700),
        ("payment", -200, 500),
        ("payment", -300, 200),
        ("reversal", 300, 500),
    ]
    listed = (await register.get("/v1/accounts?owing=true&name=山田")).json()["accounts"]
    assert [one["account_id"] for one in listed] == [account_id]


async def test_without_the_network_a_qr_payment_is_deferred_or_refused(shop: Shop) -> None:
    class Offline:
        online = False

    await shop.box.core.desk.order(ApplyMaster("cloud", METHODS))
    shop.box.core.desk._online = lambda: Offline.online  # the link as the desk sees it
    register = await shop.device("register")
    refused = await register.post("/v1/sales", {"lines": LINES, "tenders": [{"method": "qr", "amount": 700}]})
    assert (refused.status_code, refused.json()["alternatives"]) == (409, ["account", "cash"])
    deferred = [{"method": "qr", "amount": 700, "deferred": {}}]
    assert (await register.post("/v1/sales", {"lines": LINES, "tenders": deferred})).status_code == 201
