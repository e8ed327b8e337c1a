"""What the till did with a wrong clock, as it is shown and counted once the right time is known (docs/time.md)."""

from __future__ import annotations

import asyncio
import time
from datetime import datetime
from typing import Any

from hub.clock import BoxClock
from hub.domain.commands import ApplyMaster
from hub.domain.facts import MasterChange
from tests.integration.conftest import Device, Shop

MASTER = (
    MasterChange("tender_method", "account", {"id": "account", "name": "売掛", "kind": "account"}),
    MasterChange("tender_method", "points", {"id": "points", "name": "Points", "kind": "points"}),
    MasterChange("setting", "points_offline_day_max", "100"),
    MasterChange("customer", "c1", {"id": "c1", "points": 1000}),
)
LINES = [{"product_id": "salad", "quantity": 1}]
PRICE = 350
LAYAWAY = {"lines": [{"product_id": "beer", "quantity": 1}]}
DAY_S = 86400.0


def wake(clock: BoxClock, *, late_s: float) -> None:
    """As on a box without a battery that has lost its power: nobody has told it the time."""
    clock._synchronised = lambda: False
    clock._offset_s, clock.source = time.time() - time.monotonic() - late_s, "journal"
    clock._second = -1


async def told(shop: Shop, clock: BoxClock) -> None:
    """The cloud says what time it is, and the hub looks at what it did."""
    clock.heard(time.time(), "cloud")
    async with asyncio.timeout(30):
        while not shop.box.core.state.corrections.committed:
            await asyncio.sleep(0.05)


async def use_points(register: Device, points: int) -> Any:
    tenders = [{"method": "points", "amount": points}, {"method": "cash", "amount": PRICE - points}]
    sale = {"lines": LINES, "tenders": tenders, "customer_id": "c1", "points_used": points}
    return await register.post("/v1/sales", sale)


async def made(register: Device, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await register.post(path, body)
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


async def test_accounts_layaways_and_points_are_of_the_day_on_which_they_were_moved(shop: Shop) -> None:
    await shop.box.core.desk.order(ApplyMaster("cloud", MASTER))
    shop.box.core.desk._online = lambda: False
    register, clock, today = await shop.device("register"), shop.box.clock, shop.box.clock.today()
    charged = [{"method": "account", "amount": PRICE, "account_name": "山田商事"}]
    sale = await made(register, "/v1/sales", {"lines": LINES, "tenders": charged})
    account = f"/v1/accounts/{sale['tenders'][0]['account_id']}"
    kept, fetched = [(await made(register, "/v1/layaways", LAYAWAY))["layaway_id"] for _ in range(2)]
    assert (await use_points(register, 60)).status_code == 201

    wake(clock, late_s=3 * DAY_S)
    assert clock.today() < today
    cash = {"tenders": [{"method": "cash", "amount": 200}]}
    await made(register, f"{account}/payments", cash)
    await made(register, f"/v1/layaways/{kept}/cancel", {"reason": "not fetched"})
    full = {"tenders": [{"method": "cash", "amount": 500}]}
    await made(register, f"/v1/layaways/{fetched}/complete", full)
    assert (await use_points(register, 30)).status_code == 201, "the limit is of another day, it seems"

    await told(shop, clock)
    ledger = (await register.get(account)).json()
    assert [(one["kind"], one["balance"], one["business_date"]) for one in ledger["moves"]] == [
        ("charge", PRICE, today),
        ("payment", PRICE - 200, today),
    ]
    ended = [(await register.get(f"/v1/layaways/{one}")).json() for one in (kept, fetched)]
    assert [one["status"] for one in ended] == ["cancelled", "completed"]
    for shown in (ledger["last_at"], ledger["moves"][1]["at"], *(one["ended_at"] for one in ended)):
        assert abs(datetime.fromisoformat(shown).timestamp() - time.time()) < 600, shown
    refused = await use_points(register, 11)
    assert (refused.status_code, refused.json()["slug"], refused.json()["left"]) == (409, "points-limit", 10)
    assert (await use_points(register, 10)).status_code == 201
