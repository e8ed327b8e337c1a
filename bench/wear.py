"""What a store writes to its card in an hour: idle, and in a busy one.

    python -m bench.wear [--minutes 5] [--orders-an-hour 300] [--json FILE]

A real hub with its feed open, on the disk that the folder for temporary files is on. Bytes are those that the kernel
counts for the process as sent to the device (/proc/<pid>/io, write_bytes: whole pages, the WAL among them), so the
folder must not be in memory. Nothing is played faster than it happens: the busy stretch has the pace of the busy hour,
every third order is paid, and both stretches are multiplied to an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import httpx

from tests.support.process import HubProcess, hub_process

# The first minute after a start writes what a start writes.
SETTLE_S = 40.0


async def measure(minutes: float, an_hour: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="storehub-wear-") as work:
        async with hub_process(Path(work)) as hub:
            _, token = await hub.device("manager")
            headers = {"authorization": f"Bearer {token}"}
            async with httpx.AsyncClient(base_url=hub.url, headers=headers, timeout=30) as http:
                feed = asyncio.create_task(_listen(http))
                await asyncio.sleep(SETTLE_S)
                idle = await _stretch(hub, asyncio.sleep(minutes * 60))
                print(f"idle: {idle} bytes", flush=True)
                busy = await _stretch(hub, _evening(http, minutes * 60, an_hour))
                feed.cancel()
                await asyncio.gather(feed, return_exceptions=True)
        hours = minutes / 60
        return {
            "minutes_each": minutes,
            "orders_an_hour": an_hour,
            "idle_bytes_an_hour": round(idle / hours),
            "busy_bytes_an_hour": round(busy / hours),
            "bytes_an_order": round(busy / (an_hour * hours)),
        }


async def _stretch(hub: HubProcess, what: Any) -> int:
    before = hub.written_bytes()
    await what
    return hub.written_bytes() - before


async def _listen(http: httpx.AsyncClient) -> None:
    async with http.stream("GET", "/v1/events", timeout=None) as answer:
        async for _ in answer.aiter_bytes():
            pass


async def _evening(http: httpx.AsyncClient, seconds: float, an_hour: int) -> None:
    every_s = 3600 / an_hour
    loop = asyncio.get_running_loop()
    plenty = {"idempotency-key": "plenty"}
    (await http.patch("/v1/products/beer", json={"remaining": 10_000}, headers=plenty)).raise_for_status()
    begin = loop.time()
    for number in range(round(seconds / every_s)):
        lines = [
            {"product_id": "beer", "quantity": 2},
            {"product_id": "beer", "quantity": 1, "note": "later"},
        ]
        table = {"table_id": f"t{number % 2 + 1}", "lines": lines}
        made = await http.post("/v1/orders", json=table, headers={"idempotency-key": f"order-{number}"})
        made.raise_for_status()
        if number % 3 == 2:
            said = made.json()
            sale = {
                "check_id": said["check_id"],
                "tenders": [{"method": "cash", "amount": said["check_total"]}],
            }
            paid = await http.post("/v1/sales", json=sale, headers={"idempotency-key": f"sale-{number}"})
            paid.raise_for_status()
        await asyncio.sleep(max(begin + (number + 1) * every_s - loop.time(), 0))


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.wear", description="Bytes written to the card in an hour.")
    parser.add_argument("--minutes", type=float, default=5.0, help="of each stretch")
    parser.add_argument("--orders-an-hour", type=int, default=300)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    found = asyncio.run(measure(options.minutes, options.orders_an_hour))
    print(json.dumps(found, indent=1))
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
