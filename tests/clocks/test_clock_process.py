"""A real hub on a machine that woke up in 1970, or in 2099: libfaketime tells the process another date."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.ports import free_port
from tests.support.process import HubProcess
from tests.support.rig import Program, run

FAKETIME = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))


@pytest.mark.slow
@pytest.mark.skipif(not FAKETIME, reason="needs Debian's faketime")
@pytest.mark.parametrize("woke", ["@1970-01-01 00:01:00", "@2099-12-31 20:50:00"], ids=["1970", "2099"])
async def test_a_box_that_woke_up_with_any_date_is_right_at_both_ends_at_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, woke: str
) -> None:
    database, port = f"sqlite:///{tmp_path / 'cloud.db'}", free_port()
    said = await run("cloud", "hub", "add", "--db", database, "--store", "s1", "--hub", "h1")
    token = said.split("token=")[1].strip()
    cloud = Program(("cloud", "run", "--db", database, "--port", str(port)), tmp_path / "cloud.log")
    hub = HubProcess(
        tmp_path, "--cloud", f"http://127.0.0.1:{port}", "--cloud-token", token,
        "--hub-id", "h1", "--store-id", "s1",
    )  # fmt: skip
    try:
        # Only the hub dreams, and only of the date: its monotonic clock and everybody else's time stay as they are.
        with monkeypatch.context() as patched:
            patched.setenv("LD_PRELOAD", str(FAKETIME[0]))
            patched.setenv("FAKETIME", woke)
            patched.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")
            await hub.start()
        await hub.import_menu()
        _, manager = await hub.device("manager")
        head = {"Authorization": f"Bearer {manager}", "Idempotency-Key": "sale"}
        async with httpx.AsyncClient(base_url=hub.url, headers=head) as http:
            sold = await http.post("/v1/orders", json={"table_id": "t1", "lines": [await line_of(http)]})
            assert sold.status_code == 201, sold.text
            wrong = sold.json()["business_date"]
            clock = (await sync_of(http))["clock"]
            assert clock["trusted"] is False
            assert clock["unsure_entries"] == (await sync_of(http))["last_seq"]
            # The line is back, and with it the time.
            await cloud.start()
            async with asyncio.timeout(60):
                while not finished(sync := await sync_of(http)):
                    # Days are compared once a minute; somebody who asks to see them need not wait.
                    await http.post("/v1/sync/retry", json={})
                    await asyncio.sleep(0.5)
            assert (sync["clock"]["source"], sync["clock"]["unsure_entries"]) == ("cloud", 0)
            off = datetime.fromisoformat(sync["clock"]["time"]).timestamp() - datetime.now(UTC).timestamp()
            assert abs(off) < 5
            right = sync["business_date"]
            assert right[:4] not in ("1970", "2099")
            assert right != wrong
            # The order counts on the day on which it was made, here and at the cloud.
            assert (await http.get(f"/v1/reports/days/{right}")).json()["orders"]["count"] == 1
            before = await http.get(f"/v1/reports/days/{wrong}")
            assert before.status_code == 404 or before.json()["orders"]["count"] == 0
            rows = {row["business_date"]: row for row in sync["reconciliation"]}
            assert rows[right]["agrees"]
            assert rows[right]["hub"]["entries"] == sync["last_seq"]
            refused = await http.post("/v1/clock", json={"time": "2026-06-01T00:00:00+09:00"})
            assert (refused.status_code, refused.json()["slug"]) == (409, "clock-known")
    finally:
        await hub.kill()
        await cloud.kill()


def finished(sync: dict[str, Any]) -> bool:
    """The cloud has everything, all of it on one day: no other day ever was."""
    rows = sync["reconciliation"]
    return len(rows) == 1 and rows[0]["agrees"] and rows[0]["hub"]["entries"] == sync["last_seq"]


async def line_of(http: httpx.AsyncClient) -> dict[str, Any]:
    menu = (await http.get("/v1/menu")).json()
    plain = next(one for one in menu["products"] if not one["option_group_ids"] and not one["open_price"])
    return {"product_id": plain["id"], "quantity": 1}


async def sync_of(http: httpx.AsyncClient) -> dict[str, Any]:
    return dict((await http.get("/v1/sync")).json())
