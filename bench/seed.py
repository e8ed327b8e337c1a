"""A journal of many entries, made by the hub's own core in this process: checks opened, filled and settled.

    python -m bench.seed DATA ENTRIES

DATA holds a hub with the menu of ``bench.orders`` and its devices. Nothing is skipped but HTTP: every command
is decided, every entry chained and committed, every table kept: what is read back is what years leave.
Orders have one line, as a million of four would take gigabytes and minutes more.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import msgspec

from bench import orders
from hub.app import open_hub
from hub.datadir import DataDir
from hub.domain import commands
from hub.domain.device import Device
from hub.service.box import Box
from hub.service.desk import Request
from hub.settings import load

PARTIES_AT_ONCE = 256
ORDERS_A_PARTY = 4

_order = msgspec.json.Decoder(commands.PlaceOrder).decode
_sale = msgspec.json.Decoder(commands.CompleteSale).decode


def fill(data: Path, entries: int, *, env: dict[str, str]) -> None:
    """Bring the journal in ``data`` to at least that many entries, in a process of its own."""
    command = [sys.executable, "-m", "bench.seed", str(data), str(entries)]
    subprocess.run(
        command, check=True, timeout=1800, env=dict(os.environ) | env, cwd=Path(__file__).parent.parent
    )


async def grow(data: Path, entries: int) -> int:
    """Parties in waves: each sits at a table of its own, orders a few times and pays."""
    folder = DataDir(data)
    if not folder.lock():
        raise SystemExit(f"a hub runs on {data}")
    rng = random.Random(entries)
    bodies = [orders.order_body(rng, "t") for _ in range(997)]
    for body in bodies:
        body["lines"] = body["lines"][:1]  # type: ignore[index]
    async with open_hub(load({"data": str(data)}, os.environ), folder, replay=False) as hub:
        box = hub.box
        waiter = next(d for d in box.core.state.devices.committed.values() if d.role == "handheld")
        while hub.journal.position.seq < entries:
            tables = (f"t-{table:04d}" for table in range(PARTIES_AT_ONCE))
            await asyncio.gather(*(party(box, waiter, table, rng, bodies) for table in tables))
        return hub.journal.position.seq


async def party(
    box: Box, waiter: Device, table_id: str, rng: random.Random, bodies: list[dict[str, object]]
) -> None:
    """One check from the first order to the sale."""
    answer = b""
    for _ in range(ORDERS_A_PARTY):
        body = json.dumps(rng.choice(bodies) | {"table_id": table_id}, ensure_ascii=False)
        order = _order(body.replace("%b", orders.next_stamp().decode()).encode())
        answer = await submit(box, waiter, "/v1/orders", order)
    check = json.loads(answer)
    total = check["check_total"]
    tender = {"method": "cash", "amount": total, "tendered": total}
    sale = _sale(json.dumps({"check_id": check["check_id"], "tenders": [tender]}).encode())
    await submit(box, waiter, "/v1/sales", sale)


async def submit(box: Box, waiter: Device, path: str, command: commands.Command) -> bytes:
    """The answer to a write."""
    key = orders.next_stamp().decode() + "-8000-000000000000"
    return (await box.core.desk.submit(Request(waiter, key, "POST", path, command))).body


def main(argv: list[str]) -> int:
    import uvloop

    print(uvloop.run(grow(Path(argv[0]), int(argv[1]))))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
