"""Rounds of a cloud that answers wrongly, late, not at all, or asks for patience (row F8)."""

from __future__ import annotations

import asyncio
import random
import time
from itertools import pairwise

from hub.demo.wan import Line
from tests.support.badcloud import BadCloud, Forward, Request
from tests.support.mistaken_upstream import QUICKER
from tests.wan.store import Store

PATIENCE_S = 2
FAULTS = (
    "500", "502", "503", f"503:{PATIENCE_S}", "429", f"429:{PATIENCE_S}", "delay:0.3", "drip:40", "drip:2000", "hang",
    "acklost", "acklost-hang", "half", "garbage", "html200", "json200", "302", "rst", "close", "flood",
)  # fmt: skip
# What a hub may ask of a cloud that is down: once in two seconds of the line, after the first hopeful tries.
TRIES_FIRST, TRY_S = 6, 2.0 / QUICKER


class Front(BadCloud):
    """Stands before the real cloud, for a Rig."""

    def __init__(self, port: int) -> None:
        super().__init__(Forward(port))

    async def heal(self) -> None:
        self.faults.clear()
        self.fault, self.only = "ok", None
        if self._server is None:
            await self.listen()

    async def switch(self, line: Line) -> None:
        if line is Line.UP:
            await self.heal()
        else:
            await self.vanish()


async def bad_cloud(store: Store) -> None:
    """A few faults, each for some requests or for some time; then the cloud is well, and gets everything."""
    front, chance = store.line, store.chance
    front.requests.clear()
    front.in_flight_max.clear()
    for _ in range(chance.randint(2, 4)):
        store.figures.faults += 1
        front.only = chance.choice((None, None, {"entries"}, {"cursor", "epochs"}, {"master"}))
        if chance.random() < 0.5:
            front.faults.extend(chance.choice((*FAULTS, "ok")) for _ in range(chance.randint(1, 8)))
            await asyncio.sleep(chance.uniform(0.2, 1.5))
        else:
            await _down(store, front, chance.choice(FAULTS), chance)
        await front.heal()
        await asyncio.sleep(chance.uniform(0.0, 0.5))
    await store.drain()
    for problem in (*_impatient(front.requests), *_at_once(front)):
        store.wrong(problem)


async def _down(store: Store, front: Front, fault: str, chance: random.Random) -> None:
    """One fault for all, for a while: tried again and again, and never in a storm."""
    front.fault = fault
    began, before = time.monotonic(), len(front.requests)
    await asyncio.sleep(chance.uniform(1.0, 4.0))
    # acklost and delays are no reason to rest: each try brings something.
    if fault.startswith(("acklost", "delay", "half", "drip:2000")):
        return
    hurt = [request for request in front.requests[before:] if request.fault == fault]
    most = TRIES_FIRST + (time.monotonic() - began) / TRY_S
    for leaf in {request.leaf for request in hurt}:
        if (tries := len([one for one in hurt if one.leaf == leaf])) > most:
            store.wrong(f"{tries} times {leaf} while the cloud is down ({fault}), {most:.0f} at most")


def _impatient(requests: list[Request]) -> list[str]:
    """Retry-After is obeyed by whoever was told."""
    found = []
    for stream in ("up", "downlink"):
        mine = [request for request in requests if request.stream == stream]
        for told, again in pairwise(mine):
            if told.fault.endswith(f":{PATIENCE_S}") and told.fault[:3] in ("503", "429"):
                waited = again.at - told.at
                if waited < PATIENCE_S:
                    found.append(
                        f"{again.leaf} after {waited:.2f} s, told to wait for {PATIENCE_S} s ({told.leaf})"
                    )
    return found


def _at_once(front: Front) -> list[str]:
    return [f"{most} requests in flight: {name}" for name, most in front.in_flight_max.items() if most > 1]
