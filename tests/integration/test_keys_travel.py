"""Customers' keys on their way to the cloud and back: a box that is lost, an old backup, a person who is forgotten."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest

from hub.api.edge import Edge
from hub.app import open_hub
from hub.cli.archive import restore_backup, write_backup
from hub.cli.journal_file import open_journal
from hub.datadir import DataDir
from hub.service.customers import Customers
from hub.settings import Settings
from tests.integration.conftest import Shop
from tests.support.badcloud import BadCloud, StandIn
from tests.upstream.test_upstream_real_cloud import RealCloud


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealCloud]:
    running = RealCloud(tmp_path_factory.mktemp("cloud"))
    yield running
    running.stop()


@asynccontextmanager
async def box(folder: Path, url: str, hub_id: str, token: str) -> AsyncIterator[Shop]:
    data = DataDir(folder)
    assert data.lock()
    wish = Settings(data=str(folder), hub_id=hub_id, cloud_url=url, cloud_token=token)
    try:
        async with open_hub(wish, data, replay=True) as hub:
            hub.box.facing.tls = False
            transport = httpx.ASGITransport(app=Edge(hub.box))
            async with httpx.AsyncClient(transport=transport, base_url="http://hub") as http:
                yield Shop(hub, http)
    finally:
        data.unlock()


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await true():
            await asyncio.sleep(0.02)


def of(shop: Shop) -> Customers:
    assert shop.box.core.customers is not None
    return shop.box.core.customers


class Cloud:
    """The cloud as its operator may see it."""

    def __init__(self, url: str, hub_id: str, token: str) -> None:
        self.address = f"{url}/v1/hubs/{hub_id}/keys"
        self.headers = {"authorization": f"Bearer {token}"}

    async def holds(self) -> dict[str, str]:
        async with httpx.AsyncClient() as http:
            page = (await http.get(self.address, headers=self.headers)).json()
        return {one["id"]: one["wrapped"] for one in page["keys"]}

    async def has(self, *ids: str) -> None:
        async def same() -> bool:
            return set(await self.holds()) == set(ids)

        await until(same)


async def waiting(shop: Shop) -> dict[str, object]:
    found = (await (await shop.device("technician")).get("/v1/sync")).json()["customer_keys"]
    return dict(found)


async def settles(shop: Shop, count: int) -> bool:
    async def so() -> bool:
        return (await waiting(shop))["waiting"] == count

    await until(so)
    return True


async def register(shop: Shop, name: str) -> str:
    answer = await (await shop.device("handheld")).post("/v1/customers", {"name": name})
    return str(answer.json()["customer_id"])


async def test_keys_reach_the_cloud_sealed_and_deletion_follows(cloud: RealCloud, tmp_path: Path) -> None:
    hub_id, token = await asyncio.to_thread(cloud.hub)
    url = f"http://127.0.0.1:{cloud.port}"
    seen = Cloud(url, hub_id, token)
    async with box(tmp_path / "data", url, hub_id, token) as shop:
        sato, suzuki = await register(shop, "佐藤"), await register(shop, "鈴木")
        await seen.has(sato, suzuki)
        # What is there is what the table holds: without customers.key nobody opens it.
        rows = await shop.hub.journal.rows("keys_of", (f'["{sato}"]',))
        assert base64.b64decode((await seen.holds())[sato]) == bytes(rows[0][1])
        manager = await shop.device("manager")
        assert (await manager.post(f"/v1/customers/{suzuki}", method="DELETE")).status_code == 200
        await seen.has(sato)


async def test_a_box_from_an_old_backup_gets_the_keys_back_and_forgets_whom_it_must(
    cloud: RealCloud, tmp_path: Path
) -> None:
    hub_id, token = await asyncio.to_thread(cloud.hub)
    url = f"http://127.0.0.1:{cloud.port}"
    seen = Cloud(url, hub_id, token)
    async with box(tmp_path / "old", url, hub_id, token) as shop:
        sato, suzuki = await register(shop, "佐藤"), await register(shop, "鈴木")
        await shop.box.core.save()
        with open_journal(tmp_path / "old" / "journal.db") as journal:
            write_backup(journal, DataDir(tmp_path / "old"), tmp_path / "backup.tar", lambda *_: None)
        late = await register(shop, "高橋 late")
        manager = await shop.device("manager")
        assert (await manager.post(f"/v1/customers/{suzuki}", method="DELETE")).status_code == 200
        await seen.has(sato, late)
        position = shop.hub.journal.position.seq

        async def replayed() -> bool:
            return shop.box.upstream.acked_seq >= position

        await until(replayed)
    restore_backup(tmp_path / "backup.tar", DataDir(tmp_path / "new"), lambda *_: None)
    async with box(tmp_path / "new", url, hub_id, token) as shop:
        handheld = await shop.device("handheld")

        async def back() -> bool:
            found = (await handheld.get("/v1/customers?q=late")).json()["customers"]
            return [one["customer_id"] for one in found] == [late]

        await until(back)

        async def forgotten() -> bool:
            return suzuki not in await of(shop).keys.keys([suzuki])

        await until(forgotten)
        await seen.has(sato, late)


async def test_without_the_stores_key_nothing_is_taken_and_the_cloud_goes_on_keeping_it(
    cloud: RealCloud, tmp_path: Path
) -> None:
    hub_id, token = await asyncio.to_thread(cloud.hub)
    url = f"http://127.0.0.1:{cloud.port}"
    seen = Cloud(url, hub_id, token)
    async with box(tmp_path / "old", url, hub_id, token) as shop:
        sato = await register(shop, "佐藤")
        await seen.has(sato)
    async with box(tmp_path / "new", url, hub_id, token) as shop:
        own = await register(shop, "鈴木")
        await seen.has(sato, own)
        assert await of(shop).keys.keys([sato]) == {}


async def test_an_older_cloud_keeps_no_keys_and_nothing_else_suffers(tmp_path: Path) -> None:
    stand_in = StandIn()
    async with BadCloud(stand_in) as bad, box(tmp_path / "data", bad.url, "h1", "t") as shop:
        sato = await register(shop, "佐藤")

        async def online() -> bool:
            return shop.box.upstream.acked_seq == shop.hub.journal.position.seq

        await until(online)
        assert sato in await of(shop).keys.keys([sato])
        assert [str(row[0]) for row in await shop.hub.journal.rows("keys_unsent", (10,))] == [sato]

        async def said() -> bool:
            return "keeps no keys" in (await waiting(shop))["problem"]

        await until(said)
        assert await waiting(shop) == {
            "waiting": 1, "held": None, "came_back": 0,
            "problem": "absent: this cloud keeps no keys of customers; a backup has them",
        }  # fmt: skip


async def test_a_key_that_is_destroyed_on_its_way_is_destroyed_there_too(
    cloud: RealCloud, tmp_path: Path
) -> None:
    """And one that was made again under the same id is sent again."""
    hub_id, token = await asyncio.to_thread(cloud.hub)
    url = f"http://127.0.0.1:{cloud.port}"
    seen = Cloud(url, hub_id, token)
    async with box(tmp_path / "data", url, hub_id, token) as shop:
        keys = of(shop).keys
        await keys.make(["c1", "c2"])
        await seen.has("c1", "c2")
        first = (await seen.holds())["c1"]
        assert await settles(shop, 0)
        await shop.box.upstream.pause()
        await keys.destroy(["c1", "c2"])
        await keys.make(["c1"])
        # Two to be destroyed there; the one that was made again under that id goes after.
        assert (await waiting(shop))["waiting"] == 2
        metrics = (await (await shop.device("technician")).get("/metrics")).text
        assert "storehub_customer_keys_waiting 2.0" in metrics
        await shop.box.upstream.resume()
        await seen.has("c1")
        assert (await seen.holds())["c1"] != first
        assert await settles(shop, 0)
        assert (await waiting(shop))["held"] == 1


async def test_what_another_life_of_the_store_destroyed_is_destroyed_here(
    cloud: RealCloud, tmp_path: Path
) -> None:
    hub_id, token = await asyncio.to_thread(cloud.hub)
    url = f"http://127.0.0.1:{cloud.port}"
    seen = Cloud(url, hub_id, token)
    async with box(tmp_path / "data", url, hub_id, token) as shop:
        await of(shop).keys.make(["c1", "c2"])
        await seen.has("c1", "c2")
    async with httpx.AsyncClient() as http:
        body = {"destroyed": ["c1"]}
        assert (await http.put(seen.address, json=body, headers=seen.headers)).status_code == 200
    async with box(tmp_path / "data", url, hub_id, token) as shop:

        async def gone() -> bool:
            return set(await of(shop).keys.keys(["c1", "c2"])) == {"c2"}

        await until(gone)
        await seen.has("c2")
