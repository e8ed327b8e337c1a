"""Rounds of load against the real programs, whose hub ends in every way there is; and the count in the end."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from hub.demo.wan import Line
from tests.crash.ends import KINDS, PATIENCE_S, Watch, end, why_not
from tests.support.audit import ack_problems, chain_problems, order_problems, same_problems
from tests.support.handheld import Handheld
from tests.support.rig import Rig

# How long a hub lives, from its first answer on.
LIFE_S = (0.05, 0.8)
SAMPLE = 5


@dataclass
class Outcome:
    rounds: int = 0
    ends: Counter[str] = field(default_factory=Counter)
    acks: int = 0
    tries: int = 0
    refused: int = 0
    entries: int = 0
    cloud_kills: int = 0
    line_cuts: int = 0
    asked_again: int = 0
    # From the end of a process to the next one's first line; and what is hung or stopped, until it serves again.
    ready_s: list[float] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    took_s: float = 0.0
    problems: list[str] = field(default_factory=list)


async def crash(
    folder: Path,
    *,
    rounds: int,
    seed: int,
    handhelds: int = 12,
    mistake: str = "",
    kinds: Sequence[str] = KINDS,
    patience_s: float = PATIENCE_S,
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """End the hub once a round; in the end everything must be there once, here and in the cloud.

    patience_s: how long a hub that serves nobody may go on before it counts as not noticed.
    """
    random_ = random.Random(seed)
    outcome = Outcome()
    began = time.monotonic()
    new_key = mistake == "new-key"
    defects = ",".join(name for name in ("hang-when-told", "" if new_key else mistake) if name)
    able = [kind for kind in kinds if not why_not(kind)]
    async with (
        Watch(folder / "notify") as watch,
        Rig(folder, mistake=defects, environment=watch.environment) as rig,
    ):
        paired = [await rig.pair(f"Register {n}") for n in range(handhelds)]
        _, manager = await rig.pair("Manager", "manager")
        crew = [
            Handheld(device, token, rig.port, random.Random(f"{seed}-{n}"), new_key)
            for n, (device, token) in enumerate(paired)
        ]
        over = asyncio.Event()
        flapping = asyncio.create_task(_flap(rig, random.Random(f"{seed}-wan"), outcome))
        working = [asyncio.create_task(one.work(over)) for one in crew]
        try:
            for _ in range(rounds):
                await asyncio.sleep(random_.uniform(*LIFE_S))
                # One of each, then kills for the most part: they are quick.
                rest = random_.choices(able, [7 if kind == "killed" else 1 for kind in able])[0]
                kind = able[outcome.rounds] if outcome.rounds < len(able) else rest
                began_s = time.monotonic()
                outcome.problems += await end(kind, rig.hub, watch, patience_s)
                outcome.ends[kind] += 1
                if random_.random() < 0.1:
                    await rig.cloud.kill()
                    await rig.cloud.start()
                    outcome.cloud_kills += 1
                await rig.hub.start()
                outcome.ready_s.append(rig.hub.ready_s)
                if kind in ("stopped", "hung"):
                    outcome.back_s.append(time.monotonic() - began_s)
                await _ask_again(crew, random_, outcome)
                outcome.rounds += 1
                outcome.acks = sum(len(one.acks) for one in crew)
                told(outcome)
            over.set()
            await asyncio.gather(*working)
        finally:
            for task in (flapping, *working):
                task.cancel()
            await asyncio.gather(flapping, *working, return_exceptions=True)
        await _settle_open(crew)
        await rig.drained(manager)
        ours, theirs = await rig.exports()
        outcome.acks = sum(len(one.acks) for one in crew)
        outcome.tries = sum(one.tries for one in crew)
        outcome.refused = sum(one.refused for one in crew)
        outcome.entries = len(ours)
        outcome.problems += same_problems(ours, theirs) + chain_problems(ours)
        outcome.problems += ack_problems(ours, [ack for one in crew for ack in one.acks])
        for one in crew:
            outcome.problems += one.problems + order_problems(ours, one.acks)
        await rig.hub.stop()
    outcome.problems += _file_problems(rig.data / "journal.db")
    outcome.took_s = time.monotonic() - began
    return outcome


def _file_problems(path: Path) -> list[str]:
    """How the file says it is written. `synchronous` is of a connection: the hub reads its own back at every start."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        found = [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "integrity_check")]
    return [] if found == ["wal", "ok"] else [f"the file says {found}"]


async def _ask_again(crew: list[Handheld], random_: random.Random, outcome: Outcome) -> None:
    """Answers of earlier lives are given again, whatever happened in between."""
    known = [(one, ack) for one in crew for ack in one.acks[-200:]]
    for one, ack in random_.sample(known, min(SAMPLE, len(known))):
        await one.again(ack)
        outcome.asked_again += 1


async def _settle_open(crew: list[Handheld]) -> None:
    """What has no answer yet is asked for until it has: a handheld does not give up."""
    for one in crew:
        if one.wish is None:
            continue
        over = asyncio.Event()
        mark = one.wish.mark
        task = asyncio.create_task(one.work(over))
        async with asyncio.timeout(20):
            while one.wish is not None and one.wish.mark == mark:
                await asyncio.sleep(0.002)
        over.set()
        await task
        # What it began meanwhile was never acknowledged; it may be there or not, but once at most.


async def _flap(rig: Rig, random_: random.Random, outcome: Outcome) -> None:
    while True:
        await asyncio.sleep(random_.uniform(0.2, 1.5))
        line = random_.choice([Line.UP, Line.UP, Line.SILENT, Line.REFUSED])
        outcome.line_cuts += line is not Line.UP
        await rig.wan.switch(line)
