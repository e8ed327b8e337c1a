"""What comes back late: lost entries, and sales that were taken without the hub."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import pytest

from hub.domain import entries
from hub.domain.commands import RecoverEntry
from hub.domain.facts import After
from tests.integration.conftest import Shop


def without_key(seen: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in seen.items() if name not in ("idempotencykey", "requesthash")}


async def lost_order(
    shop: Shop, device_id: str, key: str, check_id: str, *, keyed: bool = True
) -> RecoverEntry:
    """An entry of an older epoch that this journal does not have, as the cloud would give it back."""
    seq = shop.hub.journal.position.seq
    entry = await shop.hub.journal.at(seq)
    assert entry is not None
    seen = json.loads(entry.raw)
    seen |= {"epoch": "f" * 16, "seq": 9000, "idempotencykey": key, "deviceid": device_id}
    seen["data"]["order_id"] = f"lost-{key}"
    for line in seen["data"]["lines"]:
        line["line_id"] = f"lost-{key}-{line['line_id']}"
    seen = seen if keyed else without_key(seen)
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


def brought_back(lost: RecoverEntry, seq: int) -> RecoverEntry:
    """What another box of this store, lost as well, wrote when it took that entry back."""
    seen = without_key(json.loads(lost.entry))
    data = {"epoch": lost.epoch, "seq": lost.seq, "hash": lost.hash, "entry": lost.entry}
    seen |= {
        "type": "storehub.entry.recovered.v1",
        "epoch": "e" * 16,
        "seq": seq,
        "deviceid": "hub",
        "data": data,
    }
    raw = json.dumps(seen, ensure_ascii=False, separators=(",", ":"))
    return RecoverEntry(epoch="e" * 16, seq=seq, hash=entries.hash_of(raw.encode()), entry=raw)


@pytest.mark.parametrize("keyed", [True, False], ids=["a request", "no request"])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (2,)], ids=str)
async def test_what_was_lost_twice_counts_once_in_whatever_form_it_comes(
    shop: Shop, order: tuple[int, ...], keyed: bool
) -> None:
    handheld = await shop.device()
    body = {"table_id": "t1", "lines": [{"product_id": "beer", "quantity": 1}]}
    first = (await handheld.post("/v1/orders", body, key="first")).json()
    lost = await lost_order(shop, handheld.device_id, "lost", first["check_id"], keyed=keyed)
    once = brought_back(lost, 9100)
    offered = [lost, once, brought_back(once, 9200)]
    for which in order:
        await shop.box.core.desk.order(offered[which])
    check = (await handheld.get(f"/v1/checks/{first['check_id']}")).json()
    assert len(check["lines"]) == 2
    manager = await shop.device("manager")
    report = (await manager.get(f"/v1/reports/days/{first['business_date']}")).json()
    assert report["orders"]["count"] == 2
    # A device that asks for it again is answered from it.
    assert await shop.box.core.desk._answered(handheld.device_id, "lost") is keyed


async def test_what_is_here_is_not_taken_back_within_something_else(shop: Shop) -> None:
    handheld = await shop.device()
    first = await handheld.order("t1", "beer")
    entry = await shop.hub.journal.at(shop.hub.journal.position.seq)
    assert entry is not None
    mine = RecoverEntry(epoch=entry.epoch, seq=entry.seq, hash=entry.hash, entry=entry.raw.decode())
    await shop.box.core.desk.order(brought_back(mine, 9100))
    check = (await handheld.get(f"/v1/checks/{first.json()['check_id']}")).json()
    assert len(check["lines"]) == 1


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
