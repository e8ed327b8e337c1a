"""A few disks in trouble; `make diskfaults ROUNDS=500` has more. And the space that is kept for orders and sales."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.settings import Settings
from tests.diskfaults.points import disk_points
from tests.diskfaults.rounds import Eyes, disk_faults
from tests.powercut.disks import faulty, why_not
from tests.powercut.rounds import hub_on, prepared

pytestmark = [
    pytest.mark.powercut,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.skipif(bool(why_not()), reason=why_not() or "-"),
]


async def test_a_disk_in_trouble_loses_nothing_and_mends_itself(tmp_path: Path) -> None:
    outcome = await disk_faults(tmp_path, rounds=7, seed=4)
    assert outcome.problems == []
    assert outcome.starts == 1
    assert outcome.refuse_s


async def test_trouble_at_an_exact_change_loses_nothing_and_goes_by(tmp_path: Path) -> None:
    outcome = await disk_points(tmp_path, rounds=6, seed=3)
    assert outcome.problems == []
    assert outcome.faults.total() == 6
    assert sum(outcome.struck.values()) == 6


async def test_a_hub_that_answers_before_the_disk_did_is_found_by_it(tmp_path: Path) -> None:
    outcome = await disk_points(tmp_path, rounds=3, seed=3, mistake="early-answer")
    assert any(problem.startswith("lost: ") for problem in outcome.problems), outcome.problems


@asynccontextmanager
async def eyes_on(folder: Path) -> AsyncIterator[tuple[Eyes, Any, Any]]:
    data, ((_, token),) = await prepared(folder, 1)
    fs = faulty(folder, data)
    async with hub_on(folder, fs) as (hub, port):
        await hub.start()
        yield Eyes(port, token), fs, hub
        await hub.stop()


async def fact(eyes: Eyes) -> int:
    return (await eyes.ask("POST", "/v1/facts", {"type": "x.acme.note", "data": {"n": 1}}))[0]


async def until(what: Any, expected: Any, *, within_s: float = 15.0) -> None:
    async with asyncio.timeout(within_s):
        while await what() != expected:
            await asyncio.sleep(0.1)


# Half of it is not laid in yet.
RESERVE_BYTES = Settings(data="").reserve_mb << 20


async def test_what_may_wait_is_refused_first_and_orders_have_the_reserve(tmp_path: Path) -> None:
    async with eyes_on(tmp_path) as (eyes, fs, hub):
        reserve = Path(fs.mnt) / "reserve.bin"

        async def kept() -> bool:
            return await asyncio.to_thread(
                lambda: reserve.exists() and reserve.stat().st_size >= RESERVE_BYTES
            )

        await until(kept, True)
        used = (await asyncio.to_thread(fs.ctl, "stats"))["used"]
        await asyncio.to_thread(fs.ctl, f"enospc {used + 4_000_000}")
        await until(lambda: fact(eyes), 507)
        assert not await kept(), "the reserve is given back"
        assert (await eyes.order())[0] == 201
        assert (await eyes.ask("GET", "/readyz"))[0] == 200
        # Also after a restart: there is room for what must be written, and what may wait still has to.
        await hub.stop()
        await hub.start()
        await until(lambda: fact(eyes), 507)
        assert (await eyes.order())[0] == 201
        await asyncio.to_thread(fs.ctl, "heal")
        await until(lambda: fact(eyes), 201)
        assert await kept()


async def test_a_disk_that_cannot_be_read_is_told_of_and_waited_for(tmp_path: Path) -> None:
    data, ((_, token),) = await prepared(tmp_path, 1)
    await asyncio.to_thread(shutil.copytree, data, tmp_path / "away")
    async with hub_on(tmp_path, faulty(tmp_path, data), mistake="unreadable-at-first") as (hub, port):
        starting = asyncio.create_task(hub.start())
        eyes = Eyes(port, token)
        said: dict[str, Any] = {}
        async with asyncio.timeout(20):
            while said.get("slug") != "not-ready":
                await asyncio.sleep(0.1)
                try:
                    said = (await eyes.ask("GET", "/v1/menu"))[1]
                except OSError:
                    continue
        assert "disk" in said["detail"]
        assert (await eyes.ask("GET", "/healthz"))[0] == 200
        await starting
        assert (await eyes.order())[0] == 201
        await hub.stop()
