"""Orders and checks through the whole application."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.integration.conftest import Shop, shop_in


async def test_an_order_opens_the_tables_check_and_is_priced_by_the_hub(shop: Shop) -> None:
    handheld = await shop.device()
    body = {
        "table_id": "t1",
        "guests": 2,
        "lines": [
            {"product_id": "salad", "quantity": 2, "options": [{"option_id": "large"}]},
            {"product_id": "chef", "quantity": 1, "unit_price": 1200},
        ],
    }
    first = await handheld.post("/v1/orders", body)
    assert first.status_code == 201
    answer = first.json()
    assert [line["amount"] for line in answer["lines"]] == [900, 1200]
    assert answer["check_total"] == 2100
    assert answer["lines"][0]["tax_rate"] == "0.10", "food eaten in is at the standard rate"
    assert first.headers["storehub-seq"] == str(answer["seq"])
    epoch, seq, mac = first.headers["storehub-position"].split(":")
    assert int(seq) >= answer["seq"]
    assert len(epoch) == len(mac) == 16
    check = (await handheld.get(f"/v1/checks/{answer['check_id']}")).json()
    assert check["total"] == 2100
    assert check["guests"] == 2
    second = (await handheld.order("t1")).json()
    assert second["check_id"] == answer["check_id"]
    assert second["check_version"] == answer["check_version"] + 1


async def test_all_lines_are_taken_or_none(shop: Shop) -> None:
    handheld = await shop.device()
    lines = [{"product_id": "salad", "quantity": 1}, {"product_id": "beer", "quantity": 6}]
    refused = await handheld.post("/v1/orders", {"table_id": "t1", "lines": lines})
    assert refused.status_code == 409
    assert refused.json()["slug"] == "sold-out"
    assert refused.json()["remaining"] == 5
    assert (await handheld.get("/v1/checks")).json()["checks"] == []


async def test_two_devices_cannot_oversell(shop: Shop) -> None:
    one, other = await shop.device(), await shop.device()
    answers = await asyncio.gather(*((one, other)[n % 2].order(f"t{n % 5 + 1}", "beer") for n in range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 7
    menu = (await one.get("/v1/menu")).json()
    beer = next(product for product in menu["products"] if product["id"] == "beer")
    assert (beer["remaining"], beer["availability"]) == (0, "sold_out")


async def test_a_retry_has_one_effect_and_gets_the_first_answer(shop: Shop) -> None:
    handheld = await shop.device()
    body = {"table_id": "t1", "lines": [{"product_id": "beer", "quantity": 2}]}
    answers = await asyncio.gather(*(handheld.post("/v1/orders", body, key="k") for _ in range(5)))
    assert {answer.content for answer in answers} == {answers[0].content}
    assert sum(answer.headers.get("idempotency-replayed") == "true" for answer in answers) == 4
    reordered = {"lines": [{"quantity": 2, "product_id": "beer"}], "table_id": "t1"}
    assert (await handheld.post("/v1/orders", reordered, key="k")).content == answers[0].content
    other = {"table_id": "t2", "lines": [{"product_id": "beer", "quantity": 2}]}
    reused = await handheld.post("/v1/orders", other, key="k")
    assert (reused.status_code, reused.json()["slug"]) == (422, "idempotency-key-reused")
    stranger = await shop.device()
    assert (await stranger.post("/v1/orders", other, key="k")).status_code == 201, (
        "keys are each device's own"
    )


async def test_the_first_answer_survives_a_restart(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        handheld = await shop.device()
        first = await handheld.post(
            "/v1/orders", {"table_id": "t1", "lines": [{"product_id": "salad", "quantity": 1}]}, key="k"
        )
    async with shop_in(tmp_path) as shop:
        handheld.http = shop.http
        again = await handheld.post(
            "/v1/orders", {"table_id": "t1", "lines": [{"product_id": "salad", "quantity": 1}]}, key="k"
        )
        assert again.content == first.content
        assert again.headers["idempotency-replayed"] == "true"
        assert len((await handheld.get("/v1/checks")).json()["checks"]) == 1


async def test_a_key_is_required(shop: Shop) -> None:
    handheld = await shop.device()
    for key in (None, "", "ä", "x" * 256):
        headers = {"authorization": f"Bearer {handheld.token}"}
        if key is not None:
            headers["idempotency-key"] = key  # type: ignore[assignment]
        answer = await shop.http.post(
            "/v1/orders", json={"table_id": "t1"}, headers={k: v.encode() for k, v in headers.items()}
        )
        assert (answer.status_code, answer.json()["slug"]) == (400, "idempotency-key-required")


async def test_changes_that_race_need_the_version_that_was_seen(shop: Shop) -> None:
    handheld = await shop.device()
    check_id = (await handheld.order("t1")).json()["check_id"]
    path = f"/v1/checks/{check_id}/move"
    missing = await handheld.post(path, {"table_ids": ["t2"]})
    assert (missing.status_code, missing.json()["slug"]) == (428, "precondition-required")
    etag = (await handheld.get(f"/v1/checks/{check_id}")).headers["etag"]
    await handheld.order("t1")
    stale = await handheld.post(path, {"table_ids": ["t2"]}, if_match=etag)
    assert (stale.status_code, stale.json()["slug"]) == (412, "check-changed")
    assert stale.json()["check"]["version"] == 3
    moved = await handheld.post(path, {"table_ids": ["t2"]}, if_match='"3"')
    assert moved.status_code == 200
    assert moved.json()["table_ids"] == ["t2"]


async def test_a_sale_settles_a_check_once(shop: Shop) -> None:
    register = await shop.device("register")
    order = (await register.order("t1", "beer", 2)).json()
    body = {"check_id": order["check_id"], "tenders": [{"method": "cash", "amount": 1000, "tendered": 1500}]}
    wrong = await register.post("/v1/sales", {**body, "tenders": [{"method": "cash", "amount": 900}]})
    assert (wrong.status_code, wrong.json()["slug"], wrong.json()["total"]) == (422, "tender-mismatch", 1000)
    sale = await register.post("/v1/sales", body)
    assert sale.status_code == 201
    assert (sale.json()["total"], sale.json()["change"]) == (1000, 500)
    again = await register.post("/v1/sales", body)
    assert (again.status_code, again.json()["slug"]) == (409, "check-closed")
    listed = (await register.get("/v1/sales")).json()["sales"]
    assert [row["sale_id"] for row in listed] == [sale.json()["sale_id"]]
    report = (await register.get(f"/v1/reports/days/{sale.json()['business_date']}")).json()
    assert report["sales"] == {"count": 1, "total": 1000}
    closed = (await register.get("/v1/checks?status=closed")).json()["checks"]
    assert [check["check_id"] for check in closed] == [order["check_id"]]
    assert (await register.order("t1")).status_code == 201, "the table is free again"


async def test_lists_read_on_from_the_saved_tables(shop: Shop) -> None:
    register = await shop.device("register")
    for _ in range(3):
        sold = await register.post(
            "/v1/sales",
            {
                "lines": [{"product_id": "salad", "quantity": 1}],
                "tenders": [{"method": "cash", "amount": 350}],
            },
        )
        assert sold.status_code == 201
    await shop.box.core.save()
    assert not shop.box.core.state.sales.committed
    last = sold.json()["sale_id"]
    assert len((await register.get("/v1/sales")).json()["sales"]) == 3
    assert (await register.get(f"/v1/sales/{last}")).json()["total"] == 350
    refund = await register.post(
        f"/v1/sales/{last}/refunds",
        {
            "lines": [{"line_id": sold.json()["lines"][0]["line_id"], "quantity": 1}],
            "tenders": [{"method": "cash", "amount": 350}],
            "reason": "cold",
        },
    )
    assert refund.status_code == 201


async def test_a_receipt_in_three_forms(shop: Shop) -> None:
    register = await shop.device("register")
    sold = await register.post(
        "/v1/sales",
        {"lines": [{"product_id": "salad", "quantity": 1}], "tenders": [{"method": "cash", "amount": 350}]},
    )
    path = f"/v1/sales/{sold.json()['sale_id']}/receipt"
    text = await register.get(path, accept="text/plain", accept_language="ja")
    assert "領 収 書" in text.text
    assert "¥350" in text.text
    png = await register.get(path, accept="image/png")
    assert png.content.startswith(b"\x89PNG")
    pdf = await register.get(path, accept="application/pdf")
    assert pdf.content.startswith(b"%PDF")
    assert (await register.get(path, accept="audio/mpeg")).status_code == 406


async def test_the_menu_is_not_sent_again_when_unchanged(shop: Shop) -> None:
    handheld = await shop.device()
    etag = (await handheld.get("/v1/menu")).headers["etag"]
    assert (await handheld.get("/v1/menu", if_none_match=etag)).status_code == 304
    await handheld.order("t1", "beer")
    assert (await handheld.get("/v1/menu", if_none_match=etag)).status_code == 200


@pytest.mark.parametrize("data", [None, 5, "text", [1, 2], {"seq": "theirs", "deep": {"a": []}}])
async def test_a_makers_own_fact_is_kept_as_it_is(shop: Shop, data: object) -> None:
    handheld = await shop.device()
    kept = await handheld.post("/v1/facts", {"type": "x.acme.thing", "data": data}, key="f")
    assert kept.status_code == 201
    entry = await shop.hub.journal.at(kept.json()["seq"])
    assert entry is not None
    import json

    written = json.loads(entry.raw)
    assert (written["type"], written["data"]) == ("x.acme.thing.v1", data)
    again = await handheld.post("/v1/facts", {"type": "x.acme.thing", "data": data}, key="f")
    assert again.content == kept.content
