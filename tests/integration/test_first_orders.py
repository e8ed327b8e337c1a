"""The first moments of a start: orders are taken and the feed is there while FastAPI is still on its way."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import httpx
import pytest

from hub.api.edge import Edge
from tests.integration.conftest import Device, Shop


async def test_orders_do_not_wait_for_the_ordinary_routes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    handheld, edge = await shop.device(), Edge(shop.box)
    there, make = threading.Event(), edge._make
    made = 0

    def late() -> Any:
        nonlocal made
        made += 1
        assert there.wait(20)
        return make()

    monkeypatch.setattr(edge, "_make", late)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=edge), base_url="http://hub") as http:
        asked = Device(http, handheld.device_id, handheld.token)
        waiting = [asyncio.create_task(asked.get("/v1/tables")) for _ in range(3)]
        gone = asyncio.create_task(asked.get("/v1/checks"))
        try:
            assert (await asked.order("t1")).status_code == 201
            gone.cancel()
            assert (await asked.order("t2")).status_code == 201
            assert not any(one.done() for one in waiting)
        finally:
            there.set()
        tables = [(await one).json()["tables"] for one in waiting]
        assert [bool(table["checks"]) for table in tables[0][:2]] == [True, True]
        # A write that only FastAPI knows the way to, and what nobody knows.
        check_id = tables[0][0]["checks"][0]["check_id"]
        assert (await asked.post(f"/v1/checks/{check_id}/bill")).status_code < 300
        assert (await asked.get("/v1/nothing")).status_code == 404
    assert made == 1


async def test_what_stands_in_the_way_of_the_ordinary_routes_is_raised(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    edge = Edge(shop.box)

    def broken() -> Any:
        raise ImportError("fastapi is half there")

    monkeypatch.setattr(edge, "_make", broken)
    with pytest.raises(ImportError):
        await edge.prepare()
