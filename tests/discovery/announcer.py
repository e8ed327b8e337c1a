"""A hub's beacon as a program of its own, for a host of the test LAN.

usage: announcer.py '<facts as JSON>' HOST POLL_S RECHECK_S     reads lines: stop | update '<facts as JSON>'
Prints each state of the beacon as a line of JSON, and {"on_addresses": [...]} when it is told addresses.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import sys
from typing import Any

from hub.discovery import Beacon, BeaconFacts


def say(what: dict[str, Any]) -> None:
    print(json.dumps(what, ensure_ascii=False), flush=True)


async def main() -> None:
    facts = BeaconFacts(**json.loads(sys.argv[1]))
    beacon = Beacon(
        sys.argv[2],
        on_addresses=lambda addresses: say({"on_addresses": addresses}),
        # Quicker than in a shop only where a test does not measure it.
        poll_s=float(sys.argv[3]),
        recheck_s=float(sys.argv[4]),
    )
    reader = asyncio.StreamReader()
    orders, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await beacon.start(facts)
    told = None
    line: asyncio.Task[bytes] = asyncio.create_task(reader.readline())
    while True:
        if beacon.state != told:
            told = beacon.state
            say(dataclasses.asdict(told))
        done, _ = await asyncio.wait([line], timeout=0.05)
        if not done:
            continue
        command, _, argument = line.result().decode().strip().partition(" ")
        if command == "update":
            await beacon.update(BeaconFacts(**json.loads(argument)))
            line = asyncio.create_task(reader.readline())
        else:
            await beacon.stop()
            say(dataclasses.asdict(beacon.state))
            orders.close()
            return


asyncio.run(main())
