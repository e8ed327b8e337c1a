"""Rounds of trouble with the line to the cloud: long outages, bad weather, login pages (rows F5, F6 and F7)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.support.line import DOWN
from tests.support.mistaken_upstream import QUICKER
from tests.wan.cloud import Front, bad_cloud
from tests.wan.store import LAN_S_MAX, Figures, Store

# By RELIABILITY: half-open is noticed within 30 s, a network that is blocked within 15.
HALF_OPEN_S_MAX = 30.0
BLOCKED_S_MAX = 15.0
# One round of bad weather, in the line's seconds.
WEATHER_S = 300.0


async def late(store: Store, seconds: float) -> None:
    """A satellite: two seconds there and back."""
    store.line.delay_s = 1.0 / QUICKER
    await asyncio.sleep(seconds)


async def lossy(store: Store, seconds: float) -> None:
    store.line.loss = 0.3
    await asyncio.sleep(seconds)


async def narrow(store: Store, seconds: float) -> None:
    """64 kbit/s."""
    store.line.bytes_per_s = 8000.0 * QUICKER
    await asyncio.sleep(seconds)


async def silent(store: Store, seconds: float) -> None:
    store.line.silent()
    await asyncio.sleep(seconds)


async def half_open(store: Store, seconds: float) -> None:
    """What is sent arrives; no answer comes back."""
    store.line.silent(DOWN)
    await asyncio.sleep(seconds)


async def router(store: Store, seconds: float) -> None:
    """It was switched off and on: connections of before are dead, and nobody says so."""
    store.line.forget()
    await asyncio.sleep(seconds)


async def resets(store: Store, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        store.line.cut()
        await asyncio.sleep(store.chance.uniform(0.5, 5.0) / QUICKER)


async def refused(store: Store, seconds: float) -> None:
    await store.line.refuse()
    await asyncio.sleep(seconds)


async def flapping(store: Store, seconds: float) -> None:
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        store.line.silent()
        await asyncio.sleep(store.chance.uniform(0.5, 8.0) / QUICKER)
        store.line.speak()
        await asyncio.sleep(store.chance.uniform(0.5, 8.0) / QUICKER)


WEATHER = (late, lossy, narrow, silent, half_open, router, resets, refused, flapping)


async def outage(store: Store, backlog: int) -> None:
    """F5: nothing passes for as long as it takes to sell that much; then all of it goes up while selling goes on."""
    store.figures.faults += 1
    store.line.silent()
    await store.expect("silence", "degraded", "offline", line_s=HALF_OPEN_S_MAX)
    before = sum(len(one.acks) for one in store.crew)
    rest_s = store.crew[0].rest_s
    for one in store.crew:
        one.rest_s = 0.0
    while (made := sum(len(one.acks) for one in store.crew) - before) < backlog:
        await asyncio.sleep(0.05)
    for one in store.crew:
        one.rest_s = rest_s
    # Connections of hours ago are known to nobody any more.
    store.line.forget()
    healed = time.monotonic()
    await store.line.heal()
    if (took := await store.drain()) is not None:
        store.figures.drained.append((made, took))
        store.figures.drain_lan_s += store.lan_since(healed)


async def weather(store: Store, seconds: float) -> None:
    """F6: one fault after the other; among them once a line that is half open for long enough to be noticed."""
    ends = time.monotonic() + seconds
    store.figures.faults += 1
    chance = store.chance
    store.line.silent(*chance.choice(((), (DOWN,))))
    await store.expect("half-open", "degraded", "offline", line_s=HALF_OPEN_S_MAX)
    # Long enough for a device that waits for the line to be seen.
    await asyncio.sleep(LAN_S_MAX + 1.5)
    await store.line.heal()
    while time.monotonic() < ends:
        fault = chance.choice(WEATHER)
        store.figures.faults += 1
        await fault(store, chance.uniform(5.0, 60.0) / QUICKER)
        await store.line.heal()
        await asyncio.sleep(chance.uniform(0.0, 30.0) / QUICKER)
    await store.drain()


async def portal(store: Store) -> None:
    """F7: a login page in the cloud's place. That nothing counts as sent meanwhile is watched all the time."""
    store.figures.faults += 1
    kind = store.chance.choice(("200", "302"))
    store.line.intercept(kind)
    await store.expect(f"portal {kind}", "captive_portal", line_s=BLOCKED_S_MAX)
    await asyncio.sleep(store.chance.uniform(5.0, 30.0) / QUICKER)
    await store.line.heal()
    await store.drain()


def rows(backlog: int, seconds: float) -> dict[str, Callable[[Store], Awaitable[None]]]:
    return {
        "F6": lambda store: weather(store, seconds),
        "F7": portal,
        "F5": lambda store: outage(store, backlog),
        "F8": bad_cloud,
    }


async def wan(
    folder: Path,
    *,
    rounds: int,
    seed: int,
    row: str = "",
    stores: int = 1,
    backlog: int = 1000,
    weather_s: float = WEATHER_S / QUICKER,
    mistake: str = "",
    told: Callable[[Figures], None] = lambda figures: None,
) -> Figures:
    """Rounds of one row, or of F5 to F7 in turn, spread over so many stores at once; then both ends are compared."""
    figures = Figures()
    left = iter(range(rounds))
    known = rows(backlog, weather_s)

    async def one(number: int) -> None:
        place = folder / f"store-{number}"
        place.mkdir()
        line = Front if row == "F8" else None
        async with Store(place, f"{seed}-{number}", figures, mistake, line) as store:
            for turn in left:
                await known[row or list(known)[turn % 3]](store)
                figures.rounds += 1
                told(figures)
                if figures.problems:
                    break
            await store.audit()

    async with asyncio.TaskGroup() as group:
        for number in range(stores):
            group.create_task(one(number))
    return figures
