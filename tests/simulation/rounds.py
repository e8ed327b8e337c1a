"""One round from one seed: trade in bad weather, heal, drain, and see whether everything is there once."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest import mock

import httpx

from hub.domain.entries import Entry
from tests.simulation.loop import VirtualLoop
from tests.simulation.mistakes import MISTAKES
from tests.simulation.people import Handheld
from tests.simulation.times import time_problems
from tests.simulation.wire import Transport
from tests.simulation.world import Life, World
from tests.support.audit import ack_problems, chain_problems, order_problems, same_problems
from tests.support.core import check

# Small, so that a round has many saves.
UNSAVED_MAX = 25


@dataclass
class Round:
    seed: int
    problems: list[str] = field(default_factory=list)
    trace: str = ""
    acks: int = 0
    entries: int = 0
    calls: int = 0
    faults: int = 0
    virtual_s: float = 0.0
    counts: dict[str, int] = field(default_factory=dict)


def simulate(seed: int, *, mistake: str = "") -> Round:
    """Play the round. The same seed plays the same."""
    outcome = Round(seed)
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(_play(outcome, mistake))
    except Exception:
        outcome.problems.append(traceback.format_exc())
    finally:
        logging.disable(before)
    return outcome


async def _play(outcome: Round, mistake: str) -> None:
    world = World(outcome.seed, mistake=mistake)
    with _virtual(world, outcome.seed), MISTAKES.get(mistake, contextlib.nullcontext)():
        background = [asyncio.create_task(world.remember())]
        try:
            await _trade(world, outcome)
        finally:
            await world.end(clean=False)
            background += world.wire.stray
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            world.cloud.close()


async def _trade(world: World, outcome: Round) -> None:
    random_ = world.random
    await world.open_store()
    crew = [
        Handheld(world, f"h{n}", random.Random(f"{outcome.seed}-{n}")) for n in range(random_.randint(2, 5))
    ]
    working = [asyncio.create_task(one.live()) for one in crew]
    try:
        await world.chaos(world.loop.time() + random_.uniform(8, 20))
        for one in crew:
            one.over = True
        life = await world.heal()
        async with asyncio.timeout(600):
            await asyncio.gather(*working)
    finally:
        for task in working:
            task.cancel()
        await asyncio.gather(*working, return_exceptions=True)
    stuck = await world.drained(life)
    if stuck is not None:
        outcome.problems.append(f"not drained: {stuck}")
    await _audit(world, life, crew, outcome)
    # And once more after a last restart: nothing rests on what was in memory only.
    await world.end(clean=random_.random() < 0.5)
    life = await world.start()
    await _compare(life, outcome)
    for one in crew:
        for ack in one.acks[:2] + one.acks[-2:]:
            await one.again(life, ack)
        outcome.problems += one.problems
    raws = b"".join(entry.raw for entry in life.journal.disk.entries)
    world.note("end", raws, world.cloud.stored())
    outcome.trace = world.trace
    outcome.counts = world.counts
    outcome.virtual_s = world.loop.time()
    outcome.calls, outcome.faults = world.wire.calls, world.wire.faults


async def _audit(world: World, life: Life, crew: list[Handheld], outcome: Round) -> None:
    ours = [entry.raw for entry in life.journal.all]
    outcome.entries = len(ours)
    outcome.acks = sum(len(one.acks) for one in crew)
    outcome.problems += same_problems(ours, world.cloud.stored()) + chain_problems(ours)
    outcome.problems += ack_problems(ours, [ack for one in crew for ack in one.acks])
    for one in crew:
        outcome.problems += order_problems(ours, one.acks)
    problems, moved = time_problems(life.journal.all, life)
    outcome.problems += problems
    world.counts["entries corrected"] = moved
    await _compare(life, outcome)


async def _compare(life: Life, outcome: Round) -> None:
    """State and day reports are what the journal's bytes alone say."""

    async def entries() -> list[Entry]:
        return list(life.journal.all)

    seen: Any = SimpleNamespace(core=life.core, keeper=life.keeper, journal=life.journal, entries=entries)
    try:
        await check(seen)
    except AssertionError as error:
        outcome.problems.append(f"state: {error}")


@contextlib.contextmanager
def _virtual(world: World, seed: int) -> Iterator[None]:
    """Every clock and every dice of the product in the round's hand."""
    loop = world.loop
    time = SimpleNamespace(
        time=world.wall,
        time_ns=lambda: int(world.wall() * 1e9),
        monotonic=lambda: 1000.0 + loop.time(),
        monotonic_ns=lambda: int((1000.0 + loop.time()) * 1e9),
        perf_counter=loop.time,
    )
    stamps = random.Random(f"{seed}-stamps")
    state = random.getstate()
    random.seed(seed)  # tenacity's jitter
    with contextlib.ExitStack() as stack:
        for module in ("hub.service.saving", "hub.service.writer", "hub.upstream.keeper", "hub.clock"):
            stack.enter_context(mock.patch(f"{module}.time", time))
        stack.enter_context(mock.patch("hub.service.saving.UNSAVED_MAX", UNSAVED_MAX))
        stack.enter_context(mock.patch("hub.upstream.waits.routes", str))
        stack.enter_context(
            mock.patch("cloud.master.secrets.token_hex", lambda n: f"{stamps.getrandbits(8 * n):x}")
        )
        stack.enter_context(
            mock.patch.object(httpx, "AsyncHTTPTransport", return_value=Transport(world.wire))
        )
        try:
            yield
        finally:
            random.setstate(state)
