"""What comes back late: lost entries, and sales that were taken without the hub."""

from __future__ import annotations

import json
from datetime import date, timedelta

from hub.domain import entries
from hub.domain.commands import RecoverEntry
from hub.domain.facts import After
from tests.integration.conftest import Shop


async def lost_order(shop: Shop, device_id: str, key: str, check_id: str) -> RecoverEntry:
    """An entry of an older epoch that this journal does not have, as the cloud would give it back."""
    seq = shop.hub.journal.position.seq
    entry = await shop.hub.journal.at(seq)
    assert entry is not None
    seen = json.loads(entry.raw)
    seen |= {"epoch": "f" * 16, "seq": 9000, "idempotencykey": key, "deviceid": device_id}
    seen["data"]["order_id"] = f"lost-{key}"
    for line in seen["data"]["lines"]:
        line["line_id"] = f"lost-{key}-{line['line_id']}"
    raw = json.dumps(seen, ensure_ascii=False, separators=(",", ":"))
    at = After("f" * 16, 9000, entries.hash_of(raw.encode()))
    return RecoverEntry(epoch=at.epoch, seq=at.seq, hash=at.hash, entry=raw)


async def test_a_lost_order_counts_and_its_key_is_known_again(shop: Shop) -> None:
    handheld = await shop.device()
    check_id = (await handheld.order("t1", "beer")).json()["check_id"]
    lost = await lost_order(shop, handheld.device_id, "lost", check_id)
    assert await shop.box.core.desk.order(lost) > 0
    assert await shop.box.core.desk.order(lost) == 0, "once, however often it is offered"
    check = (await handheld.get(f"/v1/checks/{check_id}")).json()
    assert len(check["lines"]) == 2


async def test_a_lost_order_that_was_sent_again_does_not_count_twice(shop: Shop) -> None:
    handheld = await shop.device()
    body = {"table_id": "t1", "lines": [{"product_id": "beer", "quantity": 1}]}
    again = (await handheld.post("/v1/orders", body, key="lost")).json()
    lost = await lost_order(shop, handheld.device_id, "lost", again["check_id"])
    seq = await shop.box.core.desk.order(lost)
    kept = await shop.hub.journal.at(seq)
    assert kept is not None
    assert json.loads(kept.raw)["data"]["counted"] is False
    check = (await handheld.get(f"/v1/checks/{again['check_id']}")).json()
    assert check["total"] == 500
    menu = (await handheld.get("/v1/menu")).json()
    assert next(p for p in menu["products"] if p["id"] == "beer")["remaining"] == 4
    first = await handheld.post("/v1/orders", body, key="lost")
    assert first.json() == again


async def test_a_sale_taken_yesterday_stays_yesterdays(shop: Shop) -> None:
    register = await shop.device("register")
    block = (await register.post("/v1/number-blocks", {"register_id": "r-1", "count": 10})).json()
    before = date.fromisoformat(shop.box.clock.today()) - timedelta(days=2)
    taken = {
        "register_id": "r-1",
        "tenders": [{"method": "cash", "amount": 350}],
        "taken": {
            "at": f"{before + timedelta(days=1)}T03:30:00+09:00",
            "receipt_no": block["first_no"],
            "total": 350,
            "lines": [{"product_id": "salad", "quantity": 1, "unit_price": 350}],
        },
    }
    sold = await register.post("/v1/sales", taken)
    assert sold.status_code == 201, sold.text
    assert sold.json()["business_date"] == str(before), "before 05:00 the evening goes on"
    report = (await register.get(f"/v1/reports/days/{before}")).json()
    assert report["sales"]["count"] == 1
    future = {**taken, "taken": {**taken["taken"], "at": "2099-01-01T12:00:00+09:00"}}
    late = await register.post("/v1/sales", future)
    assert late.json()["business_date"] == shop.box.clock.today(), "a device's clock may be wrong"
