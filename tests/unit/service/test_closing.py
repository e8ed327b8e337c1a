"""The day that closes by itself: once, at its turn, whatever the line, the disk and the power did."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from hub.domain import entries
from hub.domain.commands import CompleteSale, LineIn, PlaceOrder, TenderIn
from hub.domain.commands_day import CloseDay, MoveDrawer, SettleRegister
from hub.service.closing import DayCloser
from tests.support.core import HubKit, check
from tests.support.disk import Disk
from tests.support.process import HubProcess

HOUR = 3600.0
LINES = (LineIn("p0", 1),)
CASH = (TenderIn("cash", 100),)


@pytest.fixture
async def kit() -> AsyncIterator[HubKit]:
    found = HubKit(Disk())
    try:
        await found.fresh()
        yield found
    finally:
        if found.alive:
            await found.kill()


def closer(kit: HubKit, wait_minutes: int = 0) -> DayCloser:
    return DayCloser(kit.core.state, kit.clock, kit.core.desk, wait_minutes=wait_minutes)


async def sell(kit: HubKit, key: str) -> str:
    return str((await kit.says(key, CompleteSale(CASH, lines=LINES)))["business_date"])


async def turn(kit: HubKit, *, hours: float = 0, days: int = 0) -> None:
    """To the next 05:00 in Tokyo, and so long after it."""
    passed = (kit.clock.unix_s + 4 * HOUR) % (24 * HOUR)
    kit.clock.unix_s += 24 * HOUR - passed + hours * HOUR + days * 24 * HOUR


async def closings(kit: HubKit) -> list[dict[str, Any]]:
    read = [entries.read(entry.raw) for entry in await kit.entries()]
    return [
        {"of": one.businessdate, **msgspec.json.decode(bytes(one.data))}
        for one in read
        if one.type == "storehub.day.closed.v1"
    ]


async def test_the_day_closes_at_its_turn_once_and_carries_open_checks_over(kit: HubKit) -> None:
    kit.online = False
    today = await sell(kit, "a")
    placed = await kit.says("o", PlaceOrder(LINES, table_id="t1"))
    by_itself = closer(kit)
    await turn(kit)
    kit.clock.unix_s -= 1
    await by_itself.look()
    assert await closings(kit) == []
    kit.clock.unix_s += 1
    await by_itself.look()
    await by_itself.look()
    await kit.again()
    await closer(kit).look()
    [closed] = await closings(kit)
    assert (closed["date"], closed["by"], closed["revision"]) == (today, "auto", 1)
    assert (closed["totals"]["net"], closed["of"] > today) == (100, True)
    assert [left["check_id"] for left in closed["open_checks"]] == [placed["check_id"]]
    # What is paid now is of the new day, which is open.
    paid = await kit.says("pay", CompleteSale(CASH, check_id=placed["check_id"]))
    assert (paid["business_date"] > today, paid.get("late", False)) == (True, False)
    await check(kit)


async def test_days_that_were_missed_are_closed_at_the_start_and_quiet_ones_are_left(kit: HubKit) -> None:
    first = await sell(kit, "a")
    await turn(kit)
    # No sale, but a drawer that moved.
    await kit.says("float", MoveDrawer("float", 1000), target="r1")
    second = kit.clock.stamp().business_date
    await turn(kit, days=3)
    await kit.again()
    await closer(kit).look()
    assert [closed["date"] for closed in await closings(kit)] == [first, second]
    assert await sell(kit, "b") == kit.clock.stamp().business_date
    await closer(kit).look()
    assert len(await closings(kit)) == 2


async def test_what_a_person_closed_or_what_came_late_is_not_closed_again(kit: HubKit) -> None:
    today = await sell(kit, "a")
    await kit.says("close", CloseDay(), target=today)
    await sell(kit, "late")
    await turn(kit)
    await closer(kit).look()
    assert [(closed["by"], closed["revision"]) for closed in await closings(kit)] == [("hand", 1)]


async def test_it_waits_for_checks_and_registers_but_not_for_ever(kit: HubKit) -> None:
    today = await sell(kit, "a")
    placed = await kit.says("o", PlaceOrder(LINES, table_id="t1"))
    patient = closer(kit, wait_minutes=60)
    await turn(kit, hours=0.5)
    assert patient.over() == []
    await kit.says("pay", CompleteSale(CASH, check_id=placed["check_id"]))
    assert patient.over() == []
    await kit.says("settle", SettleRegister(amount=100, date=today), target="d1")
    assert patient.over() == [today]
    await turn(kit, hours=0.99)
    # Yesterday's two are over for longer than an hour, today's register is not settled.
    assert patient.over() == [today]
    kit.clock.unix_s += 0.02 * HOUR
    assert len(patient.over()) == 2


@pytest.mark.parametrize("fault", ["lost", "kept", "full"])
async def test_a_commit_that_failed_is_tried_again_and_has_one_effect(kit: HubKit, fault: Any) -> None:
    await sell(kit, "a")
    await turn(kit)
    kit.journal.faults.append(fault)
    by_itself = closer(kit)
    await by_itself.look()
    async with asyncio.timeout(5):
        while kit.core.writer.trouble is not None or not await closings(kit):
            await by_itself.look()
            await asyncio.sleep(0)
    await by_itself.look()
    assert len(await closings(kit)) == 1
    await check(kit)


async def test_the_service_closes_what_is_over_when_it_is_set_to(tmp_path: Path) -> None:
    """The store's zone moves a day to the east between two starts: what was sold before is of a day that is over."""
    config = tmp_path / "storehub.toml"
    config.write_text('timezone = "Pacific/Pago_Pago"\n')
    hub = HubProcess(tmp_path, "--config", str(config))
    await hub.start()
    try:
        await hub.import_menu()
        _, token = await hub.device("register")
        async with httpx.AsyncClient(base_url=hub.url, headers={"authorization": f"Bearer {token}"}) as http:
            body = {
                "lines": [{"product_id": "salad", "quantity": 1}],
                "tenders": [{"method": "cash", "amount": 350}],
            }
            sold = await http.post("/v1/sales", json=body, headers={"idempotency-key": "k"})
            day = sold.json()["business_date"]
            config.write_text('timezone = "Pacific/Kiritimati"\nday_close = "auto"\n')
            await hub.restart()
            async with asyncio.timeout(10):
                while (said := (await http.get(f"/v1/days/{day}")).json())["status"] == "open":
                    await asyncio.sleep(0.05)
    finally:
        await hub.kill()
    assert (said["status"], said["closed_by"], said["frozen"]["net"]) == ("closed", "auto", 350)
