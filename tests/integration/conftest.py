"""A hub without a socket: the real application over real SQLite, asked by httpx in process."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.api.doors import Doors
from hub.api.edge import Edge
from hub.api.routes.devices import pair_device
from hub.api.server import Server, config_for
from hub.app import Hub, open_hub
from hub.datadir import DataDir
from hub.domain.commands import ApplyMaster
from hub.domain.device import Role
from hub.settings import Settings
from tests.support.menu import MENU, changes

__all__ = ["MENU", "Device", "Shop", "changes", "serving", "shop_in"]


class Device:
    """A paired device: asks with its token, and with a new key for each write."""

    def __init__(self, http: httpx.AsyncClient, device_id: str, token: str) -> None:
        self.http = http
        self.device_id = device_id
        self.token = token
        self._keys = itertools.count(1)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers=self._headers(headers))

    async def post(
        self, path: str, body: Any = None, *, key: str = "", method: str = "POST", **headers: str
    ) -> httpx.Response:
        named = self._headers(headers)
        named["idempotency-key"] = key or f"key-{next(self._keys)}"
        return await self.http.request(method, path, json={} if body is None else body, headers=named)

    async def order(
        self, table: str = "t1", product: str = "salad", quantity: int = 1, **more: Any
    ) -> httpx.Response:
        line = {"product_id": product, "quantity": quantity, **more}
        return await self.post("/v1/orders", {"table_id": table, "lines": [line]})

    def _headers(self, more: dict[str, str]) -> dict[str, str]:
        return {
            "authorization": f"Bearer {self.token}",
            **{name.replace("_", "-"): value for name, value in more.items()},
        }


class Shop:
    """A hub that is open, and ways to get devices."""

    def __init__(self, hub: Hub, http: httpx.AsyncClient) -> None:
        self.hub = hub
        self.box = hub.box
        self.http = http

    async def device(self, role: Role = "handheld", *, table_id: str | None = None) -> Device:
        device_id, token = await pair_device(self.box, f"a {role}", role, table_id=table_id)
        return Device(self.http, device_id, token)


@asynccontextmanager
async def serving(shop: Shop, doors: Doors) -> AsyncIterator[int]:
    """Over real sockets; its port, on all of loopback."""
    with socket.create_server(("", 0)) as listening:
        server = Server(config_for(Edge(shop.box), doors))
        running = asyncio.create_task(server.serve(sockets=[listening]))
        await server.listening()
        try:
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await running


@asynccontextmanager
async def shop_in(folder: Path) -> AsyncIterator[Shop]:
    data = DataDir(folder)
    assert data.lock()
    try:
        async with open_hub(Settings(data=str(folder), store_name="渋谷店"), data, replay=False) as hub:
            await hub.box.core.desk.order(ApplyMaster("import", changes(), full=True))
            hub.box.facing.tls = False
            transport = httpx.ASGITransport(app=Edge(hub.box))
            async with httpx.AsyncClient(transport=transport, base_url="http://hub") as http:
                yield Shop(hub, http)
    finally:
        data.unlock()


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with shop_in(tmp_path / "data") as opened:
        yield opened
