"""A week without the WAN: each day is opened, served, counted and closed, and the cloud agrees with all of it later."""

from __future__ import annotations

import asyncio
import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.api.edge import Edge
from hub.app import open_hub
from hub.datadir import DataDir
from hub.domain.commands import ApplyMaster
from hub.settings import Settings
from tests.integration.conftest import Device, Shop
from tests.support.menu import changes
from tests.support.ports import free_port
from tests.support.rig import Program, run

DAYS = 7
PARTIES = 12


@pytest.fixture
def chance() -> random.Random:
    return random.Random(7)


class Week:
    """The store's people. `expected` is what each day must come to."""

    def __init__(self, shop: Shop, chance: random.Random) -> None:
        self.shop = shop
        self.chance = chance
        self.handhelds: list[Device] = []
        self.register: Device
        self.manager: Device
        self.cash = 0

    async def open(self) -> None:
        self.handhelds = [await self.shop.device("handheld") for _ in range(3)]
        self.register = await self.shop.device("register")
        self.manager = await self.shop.device("manager")

    async def day(self, date: str, unsent_before: int) -> dict[str, Any]:
        """A business day from the float to the closing; what the closing said."""
        drawer = f"/v1/registers/{self.register.device_id}"
        await ok(self.register.post(f"{drawer}/drawer", {"kind": "float", "amount": 30_000}))
        cash = 30_000
        for party in range(PARTIES):
            cash += await self._party(f"t{1 + party % 2}")
        await ok(
            self.register.post(f"{drawer}/drawer", {"kind": "out", "amount": 1_000, "reason": "flowers"})
        )
        cash -= 1_000
        counted = await ok(self.register.post(f"{drawer}/count", {"amount": cash}))
        assert (counted["expected"], counted["over_short"]) == (cash, 0)
        settled = await ok(self.register.post(f"{drawer}/settle", {"amount": cash - 10}))
        assert settled["over_short"] == -10
        assert settled["unsent"] > unsent_before
        closed = await ok(self.manager.post(f"/v1/days/{date}/close"))
        assert closed["unsent"] > settled["unsent"]
        return closed

    async def _party(self, table: str) -> int:
        """Check-in, orders, something taken off, payment; the cash that stays in the drawer."""
        handheld = self.chance.choice(self.handhelds)
        opened = await ok(handheld.post("/v1/checks", {"table_ids": [table], "guests": 2}))
        lines: list[dict[str, Any]] = []
        total = 0
        for _ in range(self.chance.randint(1, 3)):
            line = {"product_id": "salad", "quantity": self.chance.randint(1, 3)}
            placed = await ok(handheld.post("/v1/orders", {"check_id": opened["check_id"], "lines": [line]}))
            lines += placed["lines"]
            total = placed["check_total"]
        if self.chance.random() < 0.3 and sum(line["quantity"] for line in lines) > 1:
            taken = {"lines": [{"line_id": lines[0]["line_id"], "quantity": 1}], "reason": "cold"}
            total = (await ok(handheld.post(f"/v1/checks/{opened['check_id']}/void", taken)))["check_total"]
        sale = {"check_id": opened["check_id"], "tenders": [{"method": "card", "amount": total}]}
        refused = await self.register.post("/v1/sales", sale)
        assert refused.status_code == 409
        problem = refused.json()
        assert problem["slug"] == "tender-offline"
        assert "cash" in problem["alternatives"]
        sale["tenders"] = [{"method": "cash", "amount": total, "tendered": total + 1_000}]
        sold = await ok(self.register.post("/v1/sales", sale))
        assert sold["change"] == 1_000
        if self.chance.random() < 0.15:
            await ok(self.register.post(f"/v1/sales/{sold['sale_id']}/void", {"reason": "wrong"}))
            return 0
        return int(total)


async def ok(asked: Any) -> dict[str, Any]:
    answer: httpx.Response = await asked
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


async def test_a_week_without_the_wan(
    tmp_path: Path, chance: random.Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = f"sqlite:///{tmp_path / 'cloud.db'}"
    port = free_port()
    added = await run("cloud", "hub", "add", "--store", "1", "--hub", "h1", "--db", database)
    token = re.search(r"token=(\S+)", added)
    assert token
    settings = Settings(
        data=str(tmp_path / "data"), hub_id="h1", cloud_url=f"http://127.0.0.1:{port}", cloud_token=token[1]
    )
    folder = DataDir(tmp_path / "data")
    assert folder.lock()
    try:
        async with open_hub(settings, folder, replay=True) as hub:
            await hub.box.core.desk.order(ApplyMaster("import", changes(), full=True))
            hub.box.facing.tls = False
            transport = httpx.ASGITransport(app=Edge(hub.box))
            async with httpx.AsyncClient(transport=transport, base_url="http://hub") as http:
                week = Week(Shop(hub, http), chance)
                await week.open()
                clock = hub.box.clock
                # A clock that a test moves on is not to be corrected by what time it really is.
                monkeypatch.setattr(clock, "heard", lambda unix_s, source: None)
                monday = datetime.fromtimestamp(clock.unix_s(), UTC) + timedelta(days=1)
                closings = []
                for number in range(DAYS):
                    # The clock goes on to the next noon in Tokyo; nobody waits a week for a test.
                    noon = (monday + timedelta(days=number)).replace(hour=3, minute=0)
                    clock._offset_s += noon.timestamp() - clock.unix_s()
                    unsent = (await hub.box.upstream.status())["unsent"]["count"]
                    closings.append(await week.day(clock.today(), unsent))
                assert len({closing["business_date"] for closing in closings}) == DAYS
                cloud = Program(
                    ["cloud", "run", "--port", str(port), "--db", database],
                    tmp_path / "cloud.log",
                )
                await cloud.start()
                try:
                    await hub.box.upstream.retry(None)
                    status = await _reconciled(
                        hub.box.upstream, {closing["business_date"] for closing in closings}
                    )
                finally:
                    await cloud.stop()
                agrees = {row["business_date"]: row["agrees"] for row in status["reconciliation"]}
                for closing in closings:
                    assert agrees[closing["business_date"]] is True
                    day = await ok(week.manager.get(f"/v1/days/{closing['business_date']}"))
                    assert day["frozen"] == day["figures"]
        ours = await run("hub", "export", "--data", str(tmp_path / "data"))
        theirs = await run("cloud", "export", "--hub", "h1", "--db", database)
        assert theirs.splitlines() == ours.splitlines()[: len(theirs.splitlines())]
        assert len(ours.splitlines()) - len(theirs.splitlines()) <= 1
    finally:
        folder.unlock()


async def _reconciled(upstream: Any, days: set[str]) -> dict[str, Any]:
    async with asyncio.timeout(60):
        while True:
            status: dict[str, Any] = await upstream.status()
            agree = {row["business_date"] for row in status["reconciliation"] if row["agrees"]}
            if status["unsent"]["count"] == 0 and days <= agree:
                return status
            await asyncio.sleep(0.05)
