"""A store at work beside a line that is having a bad day: what it felt of it, and what it said."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.support.audit import ack_problems, chain_problems, order_problems, same_problems
from tests.support.handheld import Handheld
from tests.support.line import FaultyLine
from tests.support.mistaken_upstream import QUICKER
from tests.support.rig import Rig

HANDHELDS = 4
# Five sales a minute on each, in the line's time.
REST_S = 12.0 / QUICKER
LOOK_S = 0.1
# A request that waited for the line would have waited for longer than this; a busy machine is slower than a shop's.
LAN_S_MAX = 7.5
# What the machine may add to the line's seconds when other programs want it too.
SLACK_S = 4.0
# A backlog of 10,000 sales; twice the goal, for the machine's sake.
DRAINED_S_MAX = 120.0


@dataclass(frozen=True)
class Seen:
    """What GET /v1/sync said at a moment."""

    at: float
    state: str
    reason: str
    acked: int


@dataclass
class Figures:
    """What all stores together went through."""

    rounds: int = 0
    faults: int = 0
    acks: int = 0
    entries: int = 0
    lan_s: list[float] = field(default_factory=list)
    # By what had to be noticed: after how many seconds it was.
    noticed_s: dict[str, list[float]] = field(default_factory=dict)
    # Backlogs: sales, seconds until the cloud had them, and the LAN's answers meanwhile.
    drained: list[tuple[int, float]] = field(default_factory=list)
    drain_lan_s: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


class Store:
    """One hub, one cloud, four handhelds that go on whatever the line does."""

    def __init__(
        self,
        folder: Path,
        seed: str,
        figures: Figures,
        mistake: str,
        line: Callable[[int], Any] | None = None,
    ) -> None:
        """line: what stands before the cloud at this port, if it is not to be a FaultyLine."""
        self.chance = random.Random(seed)
        self.figures = figures
        self.rig = Rig(
            folder,
            mistake=",".join(filter(None, ("quick-line", mistake))),
            line=line or (lambda port: FaultyLine(port, chance=random.Random(seed))),
        )
        self.line: Any = self.rig.wan
        self.crew: list[Handheld] = []
        self.seen: list[Seen] = []
        self.name = seed
        self._folder = folder
        self._over = asyncio.Event()
        self._working: list[asyncio.Task[None]] = []
        self._manager = ""

    async def __aenter__(self) -> Store:
        await self.rig.__aenter__()
        try:
            _, self._manager = await self.rig.pair("Manager", "manager")
            for number in range(HANDHELDS):
                device, token = await self.rig.pair(f"Handheld {number}")
                chance = random.Random(f"{self.name}-{number}")
                self.crew.append(Handheld(device, token, self.rig.port, chance, rest_s=REST_S))
            self._working = [asyncio.create_task(one.work(self._over)) for one in self.crew]
            self._working.append(asyncio.create_task(self._watch()))
            await self.until("online", within_s=30)
        except BaseException as error:
            await self.__aexit__(type(error), error, None)
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        await self.rig.__aexit__(kind, error, trace)

    def wrong(self, what: str) -> None:
        self.figures.problems.append(f"{self.name}: {what}")

    @property
    def now(self) -> Seen:
        return self.seen[-1]

    async def until(self, *states: str, within_s: float, since: float = 0.0) -> float | None:
        """Seconds from `since` until one of the states was shown; None when it was not in time."""
        ends = time.monotonic() + within_s
        place = 0
        while True:
            for seen in self.seen[place:]:
                if seen.at >= since and seen.state in states:
                    return seen.at - since
            place = len(self.seen)
            if time.monotonic() > ends:
                return None
            await asyncio.sleep(LOOK_S / 2)

    async def expect(self, what: str, *states: str, line_s: float) -> None:
        """Now something happens to the line that must show within so many of its seconds."""
        since = time.monotonic()
        within_s = line_s / QUICKER + SLACK_S
        found = await self.until(*states, within_s=within_s, since=since)
        if found is None:
            self.wrong(f"{what}: not shown within {within_s:.1f} s: {self.now}")
        else:
            self.figures.noticed_s.setdefault(what, []).append(found)

    async def drain(self) -> float | None:
        """Wait until the cloud has all of what there is now; the seconds, or None. Not once something was wrong."""
        if self.figures.problems:
            return None
        began, calls = time.monotonic(), self.line.connections
        with suppress(TimeoutError):
            sync = await self.rig.sync(self._manager)
            async with asyncio.timeout(DRAINED_S_MAX):
                while sync is None or self.now.acked < sync["last_seq"]:
                    await asyncio.sleep(LOOK_S)
                    sync = sync or await self.rig.sync(self._manager)
                return time.monotonic() - began
        calls = self.line.connections - calls
        self.wrong(f"not drained within {DRAINED_S_MAX:.0f} s and {calls} connections: {self.now}")
        return None

    def lan_since(self, began: float) -> list[float]:
        return [took for one in self.crew for at, took in one.took if at >= began]

    async def audit(self) -> None:
        """Both ends hold the same bytes, each acknowledged fact once, in order; nobody in the store waited."""
        self._over.set()
        await asyncio.gather(*self._working)
        await self.line.heal()
        try:
            await self.rig.drained(self._manager, within_s=5.0 if self.figures.problems else DRAINED_S_MAX)
        except TimeoutError:
            self.wrong(f"not drained in the end: {self.now}")
        ours, theirs = await self.rig.exports()
        acks = [ack for one in self.crew for ack in one.acks]
        found = same_problems(ours, theirs) + chain_problems(ours) + ack_problems(ours, acks)
        for one in self.crew:
            found += one.problems + order_problems(ours, one.acks)
        for problem in found[:5]:
            self.wrong(problem)
        took = self.lan_since(0.0)
        if max(took) > LAN_S_MAX:
            self.wrong(f"a device waited {max(took):.1f} s for its answer")
        self.figures.lan_s += took
        self.figures.acks += len(acks)
        self.figures.entries += len(ours)

    async def _watch(self) -> None:
        """A console that looks all the time. Never does the hub say that the cloud has what it has not."""
        while not self._over.is_set():
            sync = await self.rig.sync(self._manager)
            if sync is None:
                self.wrong("the hub does not say how the replay stands")
            else:
                link = sync["link"]
                seen = Seen(time.monotonic(), link["state"], link["reason"], sync["acked_seq"])
                self.seen.append(seen)
                has = await asyncio.to_thread(self._cloud_has)
                if seen.acked > has:
                    self.wrong(f"{seen.acked} entries count as sent, and the cloud has {has}: {seen}")
                if sync["problem"]:
                    self.wrong(f"the replay broke off: {sync['problem']}")
            await asyncio.sleep(LOOK_S)

    def _cloud_has(self) -> int:
        with closing(sqlite3.connect(f"file:{self._folder / 'cloud.db'}?mode=ro", uri=True)) as db:
            found: Any = db.execute("SELECT max(cursor_seq) FROM hubs").fetchone()[0]
            return int(found)
