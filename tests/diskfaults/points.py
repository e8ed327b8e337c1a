"""Trouble that begins exactly at the n-th change of the disk: of a hub at work, while it starts, while it stops."""

from __future__ import annotations

import asyncio
import random
import shutil
import time
from collections.abc import Callable
from itertools import product
from pathlib import Path

from tests.diskfaults.pointfs import KINDS, points
from tests.diskfaults.rounds import Evening, Outcome, evening, healed, in_trouble

# Changes that a hub makes meanwhile; at work there is no end of them. A point that is not reached is none.
CHANGES = {"at work": 80, "at a start": 20, "at a stop": 20}
# A store is counted after so many points, and the next ones have a new one: what is compared stays bounded.
STORE_POINTS = 100
STRUCK_S_MAX = 20.0


def _drawn(seed: int) -> list[tuple[str, int, str]]:
    """Every point once, in an order that the seed gives: when, the number of the change, what happens at it."""
    every = [
        (when, number, kind)
        for when, changes in CHANGES.items()
        for number, kind in product(range(1, changes + 1), KINDS)
    ]
    random.Random(seed).shuffle(every)
    return every


async def disk_points(
    folder: Path,
    *,
    rounds: int,
    seed: int,
    mistake: str = "",
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """The first so many points of the seed's order."""
    outcome = Outcome()
    drawn = _drawn(seed)[:rounds]
    defects = ",".join(name for name in ("busy-saver", mistake) if name)
    for first in range(0, len(drawn), STORE_POINTS):
        place = folder / f"store-{first}"
        place.mkdir()
        async with evening(
            place, outcome, points, seed=f"{seed}-{first}", handhelds=3, mistake=defects, rest_s=0.02
        ) as store:
            for when, number, kind in drawn[first : first + STORE_POINTS]:
                problems = await _point(store, when, number, kind, outcome)
                outcome.problems += [f"{kind} at change {number} {when}: {problem}" for problem in problems]
                told(outcome)
        shutil.rmtree(place)
    return outcome


async def _point(store: Evening, when: str, number: int, kind: str, outcome: Outcome) -> list[str]:
    if when == "at a start":
        await store.hub.kill()
    await asyncio.to_thread(store.fs.ctl, f"arm {number} {kind}")
    if when == "at a start":
        await store.hub.start()
    elif when == "at a stop":
        await store.hub.stop()
        _note(outcome, await _struck(store), kind)
        await asyncio.to_thread(store.fs.ctl, "heal")
        await store.hub.start()
        return await healed(store, outcome)
    struck, began = await _struck(store), time.monotonic()
    while not struck and when == "at work" and time.monotonic() - began < STRUCK_S_MAX:
        await asyncio.sleep(0.01)
        struck = await _struck(store)
    _note(outcome, struck, kind)
    return await (in_trouble(store, kind, outcome) if struck else healed(store, outcome))


def _note(outcome: Outcome, struck: str, kind: str) -> None:
    if struck:
        outcome.faults[kind] += 1
        outcome.struck[struck] += 1
    else:
        outcome.unreached += 1


async def _struck(store: Evening) -> str:
    return str((await asyncio.to_thread(store.fs.ctl, "struck"))["struck"])
