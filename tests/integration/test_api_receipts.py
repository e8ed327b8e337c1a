"""Receipts as data, formal receipts and return invoices over HTTP."""

from __future__ import annotations

from pathlib import Path

from tests.integration.conftest import Device, Shop, shop_in


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


async def test_formal_receipts_over_a_deposit_also_when_the_layaway_has_left_memory(shop: Shop) -> None:
    register = await shop.device("register")
    lines = [{"product_id": "salad", "quantity": 2}]
    cash = [{"method": "cash", "amount": 300}]
    aside = (await register.post("/v1/layaways", {"lines": lines, "tenders": cash})).json()
    path = f"/v1/layaways/{aside['layaway_id']}/formal-receipts"
    assert (await register.get(path)).json() == {"formal_receipts": [], "left": 300}
    issued = await register.post(path, {"addressee": "山田"})
    assert (issued.status_code, issued.json()["layaway_id"]) == (201, aside["layaway_id"])
    assert "sale_id" not in issued.json()
    formal_id = issued.json()["receipts"][0]["formal_id"]
    assert (await register.post(f"{path}/reissue", {"formal_id": formal_id})).status_code == 200
    (paper,) = (await register.get(path)).json()["formal_receipts"]
    assert (paper["receipt_no"], paper["mark"], paper["amount"]) == (aside["deposit_no"], "再発行", 300)
    rest = [{"method": "cash", "amount": 400}]
    sale = (await register.post(f"/v1/layaways/{aside['layaway_id']}/complete", {"tenders": rest})).json()
    await shop.box.core.save()
    gone = {"formal_id": formal_id, "reason": "one for all"}
    assert (await register.post(f"{path}/withdraw", gone)).json()["slug"] == "conflict"
    of_sale = f"/v1/sales/{sale['sale_id']}/formal-receipts"
    assert (await register.get(of_sale)).json()["left"] == 400
    assert (await register.post(f"{of_sale}/withdraw", gone)).status_code == 200
    assert (await register.get(of_sale)).json()["left"] == 700
    assert (await register.get("/v1/account-payments/nope/formal-receipts")).status_code == 404


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


async def test_every_number_of_a_day_is_explained_also_after_a_restart(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        register = await shop.device("register")
        sale = await sold(register)
        block = (await register.post("/v1/number-blocks", {"register_id": "r-1", "count": 600})).json()
        assert block["first_no"] == "A-000002"
        await sold(register)
        await register.post(f"/v1/sales/{sale['sale_id']}/void", {"reason": "wrong"})
        token = register.token
    async with shop_in(tmp_path) as shop:
        register = Device(shop.http, "", token)
        await register.post("/v1/sales", key="after", body={
            "lines": [{"product_id": "salad", "quantity": 1}],
            "tenders": [{"method": "cash", "amount": 350}],
        })  # fmt: skip
        first = (await register.get("/v1/receipt-numbers")).json()
        assert first["next_cursor"] == "500"
        rest = (await register.get("/v1/receipt-numbers?cursor=500")).json()
        rows = [
            (row["first_no"], row["last_no"], row["kind"]) for row in (*first["numbers"], *rest["numbers"])
        ]
        assert rows == [
            ("A-000001", "A-000001", "sale"),
            ("A-000002", "A-000500", "reserved"),
            ("A-000501", "A-000601", "reserved"),
            ("A-000602", "A-000602", "sale"),
            ("A-000603", "A-000603", "sale"),
        ]
        assert (first["numbers"][0]["voided"], first["numbers"][0]["about"]) == (True, sale["sale_id"])
        assert (await register.get("/v1/receipt-numbers?business_date=2020-01-01")).json()["numbers"] == []
        handheld = await shop.device("handheld")
        assert (await handheld.get("/v1/receipt-numbers")).status_code == 403
