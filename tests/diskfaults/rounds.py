"""Disks that are full, read-only, in error or slow, at many moments under load, and when the hub starts (fault F9)."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.powercut.disks import faulty
from tests.powercut.rounds import hub_on, prepared
from tests.support.audit import ack_problems, chain_problems, order_problems
from tests.support.handheld import Handheld, Line
from tests.support.rig import Program, RigError, run

# The goal, and what no neighbours of the machine excuse.
REFUSE_S_GOAL, REFUSE_S_MAX = 1.0, 5.0
HEAL_S_MAX = 15.0
# The file system's word for each, and whether it answers at all before it is healed.
FAULTS = {
    "full": "enospc 1",
    "read-only": "readonly on",
    "failing syncs": "eio-fsync 1000000",
    "failing writes": "eio-write 1000000",
    "some failing syncs": "eio-fsync 3",
    "slow": "slow-fsync 1.0 2.5",
}
# Nothing can be written until it is over; commits are late, and are done.
LASTING = ("full", "read-only", "failing writes", "failing syncs")
SLOW = ("slow", "stall")


@dataclass
class Outcome:
    faults: Counter[str] = field(default_factory=Counter)
    acks: int = 0
    refused: int = 0
    refuse_s: list[float] = field(default_factory=list)
    heal_s: list[float] = field(default_factory=list)
    stall_s: list[float] = field(default_factory=list)
    starts: int = 0
    # With trouble at exact points: the changes that met it, and the points that were not reached.
    struck: Counter[str] = field(default_factory=Counter)
    unreached: int = 0
    problems: list[str] = field(default_factory=list)


class Eyes:
    """A register that reads, and says how a write is refused."""

    def __init__(self, port: int, token: str) -> None:
        self._port, self._token = port, token
        self._count = 0

    async def ask(
        self, method: str, path: str, body: Any = None, key: str = ""
    ) -> tuple[int, dict[str, Any], float]:
        line = Line(self._port)
        self._count += 1
        began = time.monotonic()
        try:
            headers = {
                "Authorization": f"Bearer {self._token}",
                "Idempotency-Key": key or f"eyes-{self._count}",
            }
            content = b"" if body is None else json.dumps(body).encode()
            status, _, answer = await line.ask(method, path, headers, content)
            return status, json.loads(answer), time.monotonic() - began
        finally:
            line.close()

    async def order(self) -> tuple[int, dict[str, Any], float]:
        body = {"table_id": "eyes", "lines": [{"product_id": "p1", "quantity": 1}]}
        return await self.ask("POST", "/v1/orders", body)


@dataclass
class Evening:
    """A store on a disk that trouble comes to, while its registers work."""

    fs: Any
    hub: Program
    eyes: Eyes
    crew: list[Handheld]


@asynccontextmanager
async def evening(
    folder: Path,
    outcome: Outcome,
    disk_of: Callable[[Path, Path], Any],
    *,
    seed: str,
    handhelds: int,
    mistake: str,
    rest_s: float = 0.0,
) -> AsyncIterator[Evening]:
    """At its end every acknowledged fact is counted."""
    data, paired = await prepared(folder, handhelds + 1)
    fs = disk_of(folder, data)
    async with hub_on(folder, fs, mistake=mistake) as (hub, port):
        crew = [
            Handheld(device, token, port, random.Random(f"{seed}-{n}"), rest_s=rest_s)
            for n, (device, token) in enumerate(paired[1:])
        ]
        over = asyncio.Event()
        await hub.start()
        working = [asyncio.create_task(one.work(over)) for one in crew]
        try:
            yield Evening(fs, hub, Eyes(port, paired[0][1]), crew)
            over.set()
            await asyncio.gather(*working)
            raws = (await run("hub", "export", "--data", fs.mnt)).encode().splitlines()
            outcome.acks += sum(len(one.acks) for one in crew)
            outcome.refused += sum(one.refused for one in crew)
            outcome.problems += chain_problems(raws)
            outcome.problems += ack_problems(raws, [ack for one in crew for ack in one.acks])
            for one in crew:
                outcome.problems += one.problems + order_problems(raws, one.acks)
            await hub.stop()
        except RigError as error:
            outcome.problems.append(str(error))
        finally:
            over.set()
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)


async def disk_faults(
    folder: Path,
    *,
    rounds: int,
    seed: int,
    handhelds: int = 4,
    mistake: str = "",
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Each round is one fault at one moment of one store's evening; every seventh is there when the hub starts."""
    outcome = Outcome()
    chance = random.Random(seed)
    async with evening(
        folder, outcome, faulty, seed=str(seed), handhelds=handhelds, mistake=mistake
    ) as store:
        for number in range(rounds):
            at_start = number % 7 == 6
            name = chance.choice(LASTING) if at_start else list(FAULTS)[number % len(FAULTS)]
            await asyncio.sleep(chance.uniform(0.02, 0.25))
            problems = await _round(store, name, chance, outcome, at_start=at_start)
            outcome.problems += [
                f"round {number} ({name}{', at the start' if at_start else ''}): {p}" for p in problems
            ]
            told(outcome)
    return outcome


async def _round(
    store: Evening, name: str, chance: random.Random, outcome: Outcome, *, at_start: bool
) -> list[str]:
    outcome.faults[name] += 1
    if at_start:
        outcome.starts += 1
        await (store.hub.kill() if chance.random() < 0.5 else store.hub.stop())
        await asyncio.to_thread(store.fs.ctl, FAULTS[name])
        await store.hub.start()
    else:
        await asyncio.to_thread(store.fs.ctl, FAULTS[name])
    return await in_trouble(store, name, outcome, at_start=at_start)


async def in_trouble(store: Evening, name: str, outcome: Outcome, *, at_start: bool = False) -> list[str]:
    """What must hold while the disk is in this trouble, until it is well and takes an order again."""
    problems = []
    try:
        if name in SLOW:
            status, said, took = await store.eyes.order()
            outcome.stall_s.append(took)
            if status != 201:
                problems.append(f"a slow card is no reason to refuse: {status} {said}")
        elif name in LASTING:
            problems += await _refuses(store.eyes, outcome, at_start=at_start)
        problems += await _reads(store.eyes)
    except OSError as error:
        problems.append(f"no answer while the disk is {name}: {error!r}")
    return problems + await healed(store, outcome)


async def healed(store: Evening, outcome: Outcome) -> list[str]:
    await asyncio.to_thread(store.fs.ctl, "heal")
    began = time.monotonic()
    last: object = None
    while time.monotonic() - began < HEAL_S_MAX:
        try:
            last = await store.eyes.order()
            if last[0] == 201:
                outcome.heal_s.append(time.monotonic() - began)
                return []
        except OSError as error:
            last = error
        await asyncio.sleep(0.05)
    return [f"did not heal within {HEAL_S_MAX:.0f} s: {last!r}; it said {store.hub.said()[-400:]!r}"]


async def _refuses(eyes: Eyes, outcome: Outcome, *, at_start: bool) -> list[str]:
    """The first answers may say that nobody knows; then there is a reason, at once, and readyz says so too."""
    problems: list[str] = []
    for attempt in range(40):
        status, said, took = await eyes.order()
        if status not in (503, 507):
            # What needs no new page may still be taken on a disk that is full: it is kept, so it is right.
            if status == 201 and not at_start:
                await asyncio.sleep(0.05)
                continue
            return [f"answered {status}: {said}"]
        if said.get("slug") != "outcome-unknown" and attempt:
            outcome.refuse_s.append(took)
            if took > REFUSE_S_MAX:
                problems.append(f"refused after {took:.1f} s only")
            if not said.get("detail"):
                problems.append(f"refused without a reason: {said}")
            ready, _, _ = await eyes.ask("GET", "/readyz")
            if ready not in (503, 507):
                problems.append(f"readyz says {ready}")
            return problems
    return [*problems, "never refused"]


async def _reads(eyes: Eyes) -> list[str]:
    problems = []
    for path in ("/v1/checks?status=open", "/v1/menu", "/healthz"):
        status, said, _ = await eyes.ask("GET", path)
        if status != 200:
            problems.append(f"GET {path} says {status}: {said}")
    return problems
