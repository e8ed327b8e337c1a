"""A few power cuts, and disks that are full, read-only or fail to sync; `make powercut ROUNDS=100` cuts more often."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.powercut.disks import faulty, why_no_ext4, why_not
from tests.powercut.rounds import READY_S_MAX, hub_on, power_cuts, prepared
from tests.support.handheld import Line
from tests.support.rig import ROOT

pytestmark = [
    pytest.mark.powercut,
    pytest.mark.timeout(300),
    # The file system's control line is left to the garbage collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "-"),
]


async def test_no_acknowledged_fact_is_lost_with_the_power(tmp_path: Path) -> None:
    outcome = await power_cuts(tmp_path, rounds=4, seed=21)
    assert outcome.problems == []
    assert outcome.cuts == 4
    assert outcome.acks > 200
    # By the clock it is for a machine of its own to show (`make powercut`); neighbours hardly change this.
    assert max(outcome.ready_cpu_s) <= READY_S_MAX


async def test_without_syncs_they_are_lost(tmp_path: Path) -> None:
    """Proof that the cuts cut: the same rounds with synchronous=OFF, put in from outside."""
    outcome = await power_cuts(tmp_path, rounds=2, seed=21, synchronous="off")
    assert any("lost: " in problem or "did not start" in problem for problem in outcome.problems)


@pytest.mark.skipif(bool(why_no_ext4()), reason=why_no_ext4() or "-")
@pytest.mark.parametrize(("synchronous", "whole"), [("full", True), ("off", False)])
def test_on_a_real_ext4_what_is_synced_stays_and_the_rest_goes(synchronous: str, whole: bool) -> None:
    asked = ["--ext4", "--rounds", "1", "--seed", "22", "--synchronous", synchronous]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.powercut", *asked],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 power cuts" in ended.stdout, ended.stderr
    assert (ended.returncode == 0) is whole, ended.stdout


class Till:
    """A register that says how it was answered."""

    def __init__(self, port: int, token: str) -> None:
        self._port = port
        self._token = token
        self._keys = 0

    async def order(self, key: str = "") -> tuple[int, dict[str, Any]]:
        self._keys += 1
        body = {"table_id": "t1", "lines": [{"product_id": "p1", "quantity": 1}]}
        return await self._ask("POST", "/v1/orders", key or f"k{self._keys}", json.dumps(body).encode())

    async def report(self) -> tuple[int, dict[str, Any]]:
        return await self._ask("GET", "/v1/checks?status=open", "", b"")

    async def _ask(self, method: str, path: str, key: str, body: bytes) -> tuple[int, dict[str, Any]]:
        line = Line(self._port)
        try:
            headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key}
            status, _, content = await line.ask(method, path, headers, body)
            return status, json.loads(content)
        finally:
            line.close()


@asynccontextmanager
async def till_on(folder: Path) -> AsyncIterator[tuple[Till, Any]]:
    data, ((_, token),) = await prepared(folder, 1)
    fs = faulty(folder, data)
    async with hub_on(folder, fs) as (hub, port):
        await hub.start()
        yield Till(port, token), fs
        await hub.stop()


@pytest.mark.parametrize(
    ("fault", "slug"),
    [("enospc 1", "storage-full"), ("readonly on", "not-ready"), ("eio-fsync 1000000", "not-ready")],
)
async def test_a_disk_that_takes_nothing_refuses_orders_and_mends_itself(
    tmp_path: Path, fault: str, slug: str
) -> None:
    async with till_on(tmp_path) as (till, fs):
        status, first = await till.order("first")
        assert status == 201
        await asyncio.to_thread(fs.ctl, fault)
        async with asyncio.timeout(30):
            while (answer := await till.order("unlucky"))[1].get("type", "").rpartition("/")[2] != slug:
                assert answer[0] in (503, 507), answer
                await asyncio.sleep(0.02)
        async with asyncio.timeout(1):
            assert (await till.order("other"))[0] in (503, 507), "refused at once, with a reason"
            status, checks = await till.report()
        assert status == 200
        assert [check["check_id"] for check in checks["checks"]] == [first["check_id"]]
        assert (await till.order("first"))[1] == first, "what was answered is answered again"
        await asyncio.to_thread(fs.ctl, "heal")
        async with asyncio.timeout(30):
            while (answer := await till.order("unlucky"))[0] != 201:
                await asyncio.sleep(0.02)
        assert (await till.order("unlucky"))[1] == answer[1]
        status, checks = await till.report()
        assert sum(line["quantity"] for line in checks["checks"][0]["lines"]) == 2


async def test_a_slow_card_answers_late_and_rightly(tmp_path: Path) -> None:
    async with till_on(tmp_path) as (till, fs):
        await asyncio.to_thread(fs.ctl, "slow-fsync 0.3 0.5")
        answers = await asyncio.gather(*(till.order() for _ in range(20)))
        assert {status for status, _ in answers} == {201}
        assert len({answer["order_id"] for _, answer in answers}) == 20
        await asyncio.to_thread(fs.ctl, "heal")
