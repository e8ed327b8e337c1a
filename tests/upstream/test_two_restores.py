"""A store that is restored twice, from backups of different ages: what the cloud has beyond each comes back, once."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.handheld import Line
from tests.support.rig import HUB, Rig, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Till:
    """A register that sells, remembers what it was told, and asks again."""

    def __init__(self, rig: Rig, token: str) -> None:
        self._rig = rig
        self._token = token
        self.said: dict[str, Any] = {}

    async def sell(self, *keys: str) -> None:
        for key in keys:
            status, _, self.said[key] = await self.ask(key)
            assert status == 201, self.said[key]

    async def ask(self, key: str) -> tuple[int, dict[str, str], Any]:
        line = Line(self._rig.port)
        body = {
            "lines": [{"product_id": "p1", "quantity": 1}],
            "tenders": [{"method": "cash", "amount": 110}],
        }
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Idempotency-Key": key,
            "Content-Type": "application/json",
        }
        try:
            status, head, said = await line.ask("POST", "/v1/sales", headers, json.dumps(body).encode())
            return status, head, json.loads(said)
        finally:
            line.close()


async def report(rig: Rig, manager: str, date: str) -> dict[str, Any]:
    line = Line(rig.port)
    try:
        path = f"/v1/reports/days/{date}"
        _, _, body = await line.ask("GET", path, {"Authorization": f"Bearer {manager}"})
        said: dict[str, Any] = json.loads(body)
        return said
    finally:
        line.close()


async def restored(rig: Rig, backup: Path, name: str) -> None:
    """The box's disk is replaced by an empty one, and filled from the backup."""
    await rig.hub.kill()
    rig.data.rename(rig.folder / f"dead-{name}")
    await run("hub", "restore", "--data", str(rig.data), str(backup))
    await rig.hub.start()


async def back(rig: Rig, manager: str, date: str, count: int) -> dict[str, Any]:
    """The day's report once it has so many sales, and nothing is on its way any more."""
    async with asyncio.timeout(60):
        while (await report(rig, manager, date))["sales"]["count"] < count:
            await asyncio.sleep(0.05)
    await rig.drained(manager)
    return await report(rig, manager, date)


async def test_orphans_come_back_from_where_the_ways_parted(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        _, token = await rig.pair("till")
        _, manager = await rig.pair("office", "manager")
        till = Till(rig, token)
        await till.sell("a1", "a2")
        await run("hub", "backup", "--data", str(rig.data), str(tmp_path / "older.tar"))
        await till.sell("b1", "b2")
        await run("hub", "backup", "--data", str(rig.data), str(tmp_path / "newer.tar"))
        await till.sell("c1", "c2")
        await rig.drained(manager)
        date = till.said["a1"]["business_date"]

        await restored(rig, tmp_path / "older.tar", "first")
        await till.sell("d1", "d2")
        assert (await back(rig, manager, date, 8))["sales"]["count"] == 8
        # Now the cloud's chain is the second branch, with what came back as entries of its own. The newer backup goes
        # on with the first branch behind the place where the second began: the ways parted earlier than its epoch.
        await restored(rig, tmp_path / "newer.tar", "second")
        await till.sell("e1", "e2")
        day = await back(rig, manager, date, 10)
        assert day["sales"] == {"count": 10, "total": 1100}, (
            "each once, also what came back within what came back"
        )
        for key, said in till.said.items():
            status, head, again = await till.ask(key)
            assert (status, again, head["idempotency-replayed"]) == (201, said, "true"), key
        numbers = [said["receipt_no"] for said in till.said.values()]
        assert len(set(numbers)) == len(numbers)

        # Every entry that any of the boxes ever wrote is in the journal, or in an entry of it, once.
        ours, theirs = await rig.exports()
        assert ours == theirs
        inside = [(one["epoch"], one["seq"]) for one in map(json.loads, ours)]
        inside += [
            (one["data"]["epoch"], one["data"]["seq"])
            for one in map(json.loads, ours)
            if one["type"] == "storehub.entry.recovered.v1"
        ]
        assert len(set(inside)) == len(inside)
        for dead in ("first", "second"):
            written = await run("hub", "export", "--data", str(rig.folder / f"dead-{dead}"))
            assert {(one["epoch"], one["seq"]) for one in map(json.loads, written.splitlines())} <= set(
                inside
            )
        sync = await rig.drained(manager)
        assert (sync["unrecovered"], sync["lost"], sync["problem"]) == ([], [], "")
        assert [row["agrees"] for row in sync["reconciliation"]] == [True]
        await rig.hub.stop()
        assert "the chain holds" in await run("hub", "verify", "--data", str(rig.data))
        # Another start asks for nothing that is here.
        last = len(ours)
        await rig.hub.start()
        await rig.drained(manager)
        ours, _ = await rig.exports()
        assert [json.loads(raw)["type"] for raw in ours[last:]] == ["storehub.hub.started.v1"]
        assert HUB in ours[-1].decode()
