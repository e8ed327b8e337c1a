"""Receipts as data, formal receipts and return invoices over HTTP."""

from __future__ import annotations

from tests.integration.conftest import Device, Shop


async def sold(register: Device, quantity: int = 2) -> dict[str, object]:
    lines = [{"product_id": "salad", "quantity": quantity, "line_id": "s"}]
    tenders = [{"method": "cash", "amount": 350 * quantity}]
    answer = await register.post("/v1/sales", {"lines": lines, "tenders": tenders, "dining": "takeout"})
    assert answer.status_code == 201, answer.text
    found: dict[str, object] = answer.json()
    return found


async def test_a_receipt_as_data(shop: Shop) -> None:
    register = await shop.device("register")
    sale = await sold(register)
    answer = await register.get(f"/v1/sales/{sale['sale_id']}/receipt", accept="application/json")
    assert answer.headers["content-type"] == "application/json"
    receipt = answer.json()
    assert (receipt["receipt_no"], receipt["total"], receipt["qualified"]) == ("A-000001", 700, False)
    assert (receipt["lines"][0]["reduced"], receipt["taxes"][0]["tax"]) == (True, 51)


async def test_formal_receipts_from_issue_to_reissue(shop: Shop) -> None:
    register = await shop.device("register")
    path = f"/v1/sales/{(await sold(register))['sale_id']}/formal-receipts"
    body = {"addressee": "山田商事", "proviso": "お食事代として", "amounts": [300]}
    first = await register.post(path, body, key="once")
    assert first.status_code == 201
    again = await register.post(path, body, key="once")
    assert again.json() == first.json()
    receipt = first.json()["receipts"][0]
    assert (receipt["formal_no"], receipt["amount"], receipt["addressee"]) == ("R-A-000001", 300, "山田商事")
    too_much = await register.post(path, {"amounts": [401]})
    assert too_much.json()["slug"] == "invalid-request"
    assert (await register.post(f"{path}/reissue", {"formal_id": receipt["formal_id"]})).status_code == 200
    listed = (await register.get(path)).json()
    assert (listed["left"], [one["mark"] for one in listed["formal_receipts"]]) == (400, ["再発行"])
    taken_back = {"formal_id": receipt["formal_id"], "reason": "wrong name"}
    handheld = await shop.device("handheld")
    assert (await handheld.post(f"{path}/withdraw", taken_back)).status_code == 403
    assert (await register.post(f"{path}/withdraw", taken_back)).status_code == 200
    assert (await register.post(f"{path}/reissue", taken_back)).json()["slug"] == "conflict"
    card = await register.post(path, {"addressee": "4111 1111 1111 1111"})
    assert card.json()["slug"] == "card-number-refused"


async def test_a_refund_has_its_return_invoice(shop: Shop) -> None:
    register = await shop.device("register")
    sale = await sold(register, 30)
    back = {"lines": [{"line_id": "s", "quantity": 29}], "reason": "cold"}
    back["tenders"] = [{"method": "cash", "amount": 350 * 29}]
    path = f"/v1/sales/{sale['sale_id']}"
    assert (await register.post(f"{path}/refunds", back)).status_code == 201
    (invoice,) = (await register.get(f"{path}/return-invoices")).json()["return_invoices"]
    assert (invoice["refund_no"], invoice["total"], invoice["required"]) == ("A-000002", 10_150, True)
    assert invoice["lines"] == [{"name": "小エビのサラダ", "quantity": 29, "amount": 10_150, "reduced": True}]
