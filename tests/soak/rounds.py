"""Days of a store on one hub that never ends, in minutes: sales at full speed, with the troubles of a week (F18)."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from hub.demo.wan import Line
from tests.support.audit import ack_problems, chain_problems, order_problems, same_problems
from tests.support.handheld import Handheld
from tests.support.rig import Program, Rig

SALES_A_DAY = 3_000
# Looked at after so many hours' sales, with everything at the cloud and nobody asking.
LOOK_HOURS = 8
# Until then a hub fills what it keeps on purpose: recent entries, filter, the day's report.
WARM_HOURS = 24
GROWTH_MB_A_DAY = 1.0
# Resident memory of an honest hub goes up and down by so much with what was saved last.
NOISE_MB = 6.0
MORE_FILES_MAX = 3
RUDE = (
    b"GET / HTTP/1.1\r\nHost: ",
    b"\x16\x03\x01\x02\x00",
    b"POST /v1/orders HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
)


@dataclass
class Look:
    hours: int
    rss_mb: float
    files: int
    written: int


@dataclass
class Outcome:
    looks: list[Look] = field(default_factory=list)
    troubles: int = 0
    acks: int = 0
    entries: int = 0
    took_s: float = 0.0
    problems: list[str] = field(default_factory=list)

    @property
    def growth_mb(self) -> float:
        """Of memory, from the first third after warming up to the last."""
        warm = [look.rss_mb for look in self.looks if look.hours >= WARM_HOURS]
        third = max(len(warm) // 3, 1)
        return median(warm[-third:]) - median(warm[:third]) if warm else 0.0

    @property
    def written_a_day(self) -> float:
        first, last = self.looks[0], self.looks[-1]
        return (last.written - first.written) * 24 / max(last.hours - first.hours, 1)


async def soak(
    folder: Path,
    *,
    hours: int,
    seed: int,
    sales_a_day: int = SALES_A_DAY,
    handhelds: int = 6,
    mistake: str = "",
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """So many hours' sales. In the end everything is there once at both ends, and nothing has grown that should not."""
    outcome = Outcome()
    began = time.monotonic()
    async with Rig(folder, mistake=mistake) as rig:
        paired = [await rig.pair(f"Register {n}") for n in range(handhelds)]
        _, manager = await rig.pair("Manager", "manager")
        crew = [
            Handheld(device, token, rig.port, random.Random(f"{seed}-{n}"), orders_a_check=1)
            for n, (device, token) in enumerate(paired)
        ]
        chance = random.Random(seed)
        for hour in range(LOOK_HOURS, hours + 1, LOOK_HOURS):
            await _open(rig, crew, sales_a_day * hour // 24, chance, outcome)
            await rig.drained(manager, within_s=120)
            outcome.looks.append(_look(rig.hub, hour))
            outcome.acks = sum(len(one.acks) for one in crew)
            told(outcome)
        ours, theirs = await rig.exports()
        outcome.entries = len(ours)
        outcome.problems += same_problems(ours, theirs) + chain_problems(ours)
        outcome.problems += ack_problems(ours, [ack for one in crew for ack in one.acks])
        for one in crew:
            outcome.problems += one.problems + order_problems(ours, one.acks)
        await rig.hub.stop()
    outcome.problems += _grown(outcome)
    outcome.took_s = time.monotonic() - began
    return outcome


async def _open(rig: Rig, crew: list[Handheld], sales: int, chance: random.Random, outcome: Outcome) -> None:
    """Until there were so many sales in all."""
    over = asyncio.Event()
    tasks = [asyncio.create_task(one.work(over)) for one in crew]
    tasks.append(asyncio.create_task(_trouble(rig, over, chance, outcome)))
    while sum(ack.wish.path == "/v1/sales" for one in crew for ack in one.acks) < sales:
        await asyncio.sleep(0.1)
        if any(task.done() for task in tasks):
            break
    over.set()
    # Nothing is broken off: a cloud that is being started must be there.
    await asyncio.gather(*tasks)


async def _trouble(rig: Rig, over: asyncio.Event, chance: random.Random, outcome: Outcome) -> None:
    """The line, the cloud, rude clients, a machine that stands still for a moment."""
    while not over.is_set():
        await asyncio.sleep(chance.uniform(0.1, 1.0))
        outcome.troubles += 1
        kind = chance.random()
        if kind < 0.5:
            await rig.wan.switch(chance.choice([Line.UP, Line.UP, Line.SILENT, Line.REFUSED]))
        elif kind < 0.75:
            await asyncio.gather(*(_rude(rig.port, chance) for _ in range(20)))
        elif kind < 0.9:
            os.kill(rig.hub.pid, signal.SIGSTOP)
            await asyncio.sleep(chance.uniform(0.1, 1.0))
            os.kill(rig.hub.pid, signal.SIGCONT)
        else:
            await rig.cloud.kill()
            await rig.cloud.start()


async def _rude(port: int, chance: random.Random) -> None:
    with suppress(OSError):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(chance.choice(RUDE))
        await asyncio.sleep(chance.uniform(0, 0.3))
        writer.transport.abort()


def _look(hub: Program, hours: int) -> Look:
    return Look(hours, hub.rss_bytes() / 1e6, hub.descriptors(), hub.written_bytes())


def _grown(outcome: Outcome) -> list[str]:
    problems = []
    first, last = outcome.looks[0], outcome.looks[-1]
    days = (last.hours - WARM_HOURS) / 24
    if outcome.growth_mb > max(days, 0) * GROWTH_MB_A_DAY + NOISE_MB:
        problems.append(
            f"memory grew by {outcome.growth_mb:.1f} MB: {[round(one.rss_mb) for one in outcome.looks]}"
        )
    if last.files > first.files + MORE_FILES_MAX:
        problems.append(f"open files: {[one.files for one in outcome.looks]}")
    return problems
