"""A store, its hub through many lives, the line and the cloud, in one process, on virtual time, from one seed."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from typing import Any

from hub.clock import BoxClock
from hub.domain.commands import ApplyMaster
from hub.domain.entries import Entry
from hub.domain.facts import After
from hub.ports import EpochStart, StoreError
from hub.service.clockwork import ClockWork, before_of
from hub.service.hub import Core
from hub.upstream.pace import PaceSettings
from hub.upstream.service import CloudUpstream
from tests.simulation.simcloud import SimCloud
from tests.simulation.wire import Weather, Wire
from tests.support.core import IDENTITY, MENU, NOON
from tests.support.disk import Disk, DiskJournal, DiskKeeper
from tests.support.memory import MemoryAnnouncer
from tests.support.rig import HUB

DAY_CHANGE = timedelta(hours=5)


class ShakyJournal(DiskJournal):
    """A disk that fails now and then while the weather is rough."""

    def __init__(self, world: World) -> None:
        super().__init__(world.disk, sync=world.sync)
        self._world = world

    def _chance(self, likelihood: float) -> bool:
        return self._world.rough and self._world.random.random() < likelihood

    async def append(self, group: Sequence[Entry], *, opens: EpochStart | None = None) -> None:
        if self._chance(0.03):
            self.faults.append(self._world.random.choice(["lost", "kept", "kept", "full"]))
        await super().append(group, opens=opens)

    async def reopen(self) -> None:
        if self._chance(0.3):
            self.reopen_faults.append(True)
        await super().reopen()

    def check_disk(self) -> None:
        if self._chance(0.05):
            self.other_faults.append(True)
        super().check_disk()


class Life:
    """The hub from one start to its end."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._requests: set[asyncio.Task[Any]] = set()
        self.journal = ShakyJournal(world)
        self.keeper = DiskKeeper(self.journal)
        self.core: Core
        self.up: CloudUpstream
        self.tending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises StoreError."""
        world = self._world
        clock = BoxClock(
            zone="Asia/Tokyo",
            day_change=DAY_CHANGE,
            before=await before_of(self.journal, self.journal, world.boot),
        )
        self.core = Core(
            identity=IDENTITY,
            journal=self.journal,
            keeper=self.keeper,
            clock=clock,
            mint=world.mint,
            online=lambda: True,
        )
        await self.core.start(epoch=world.next_epoch(), boot=world.boot, witness=world.high_water)
        assert self.core.behind is None, f"an alarm without a loss: {self.core.behind}"
        self.up = CloudUpstream(
            url="http://127.0.0.1:9",
            token="t",
            hub_id=HUB,
            journal=self.journal,
            notes=self.journal,
            office=self.core.desk,
            announcer=MemoryAnnouncer(),
            clock=clock,
            running_sales_total=lambda: self.core.state.counters.committed.get("sales_total", 0),
            lan_busy=lambda: 0.0,
            status_facts=dict,
            pace=PaceSettings(batch_entries_max=world.random.choice([3, 12, 100])),
        )
        await self.up.start()
        self.work = ClockWork(self.core, self.journal, clock, boot=world.boot)
        self.tending = asyncio.create_task(self.work.run(), name="clock")

    @property
    def times_settled(self) -> bool:
        """Whether the times before the right one was known have been looked at: the clock is tended once a second."""
        clock = self.work._clock
        return not clock.trusted or self.work._turn == clock.turns

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """A request's task, which ends with the hub."""
        task = asyncio.get_running_loop().create_task(work)
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)
        return task

    async def kill(self) -> None:
        tasks = [
            *self.core._tasks,
            *(self.up._workers if hasattr(self, "up") else ()),
            *([self.tending] if self.tending else ()),
            *_by_age(self._requests),
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._close()

    async def stop(self) -> None:
        if self.tending is not None:
            self.tending.cancel()
            await asyncio.gather(self.tending, return_exceptions=True)
        await self.up.stop()
        await self.core.stop()
        await asyncio.gather(*_by_age(self._requests), return_exceptions=True)

    async def _close(self) -> None:
        if hasattr(self, "up") and self.up._engine is not None:
            await self.up._engine.close()


def _by_age(tasks: set[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """A set's order is that of addresses: no two runs have the same."""
    return sorted(tasks, key=lambda task: int(task.get_name().rpartition("-")[2]))


class World:
    def __init__(self, seed: int, *, mistake: str = "") -> None:
        self.random = random.Random(seed)
        self.mistake = mistake
        self.loop = asyncio.get_running_loop()
        self.disk = Disk()
        self.skew_s = 0.0
        self.boot = "b0"
        self.rough = True
        self.cloud = SimCloud(self.true_time, gullible=mistake == "gullible-cloud")
        self.wire = Wire(self.cloud, random.Random(f"{seed}-wire"), unix_s=self.true_time)
        self.life: Life | None = None
        self.high_water: After | None = None
        self.starts = 0
        self.counts: dict[str, int] = {}
        self._ids = 0
        self._trace = sha256()

    # -- what everybody uses ------------------------------------------------------------------------------------

    def true_time(self) -> float:
        return NOON + self.loop.time()

    def wall(self) -> float:
        """What the box's own clock says."""
        return self.true_time() + self.skew_s

    def mint(self) -> str:
        self._ids += 1
        return f"id-{self._ids:06d}"

    def next_epoch(self) -> str:
        self.starts += 1
        return f"{self.starts:016x}"

    async def sync(self) -> None:
        await asyncio.sleep(self.random.choice([0.0005, 0.002, 0.002, 0.02]))

    def note(self, *words: object) -> None:
        """For the trace: two runs of one seed must say the same."""
        self._trace.update(f"{self.loop.time():.6f} {words}\n".encode())
        self.counts[str(words[0])] = self.counts.get(str(words[0]), 0) + 1

    @property
    def trace(self) -> str:
        return self._trace.hexdigest()

    # -- the hub's lives ----------------------------------------------------------------------------------------

    async def start(self) -> Life:
        while True:
            life = Life(self)
            try:
                await life.start()
            except StoreError as error:
                self.note("start failed", str(error))
                await life.kill()
                await asyncio.sleep(1.0)
                continue
            self.life = life
            self.note("start", life.journal.position)
            return life

    async def open_store(self) -> None:
        """The first start, with a menu."""
        self.rough = False
        life = await self.start()
        await life.core.desk.order(ApplyMaster("import", MENU))
        self.rough = True

    async def end(self, *, clean: bool) -> None:
        life, self.life = self.life, None
        if life is None:
            return
        self.note("stop" if clean else "kill", life.journal.position)
        await (life.stop() if clean else life.kill())

    async def remember(self) -> None:
        """The high-water mark, about once a second."""
        while True:
            await asyncio.sleep(1.0)
            if self.life is not None:
                self.high_water = self.life.journal.position

    # -- what happens to them -----------------------------------------------------------------------------------

    async def chaos(self, until_s: float) -> None:
        weathers = [Weather.ROUGH] * 4 + list(Weather)
        self.wire.weather = Weather.ROUGH
        while self.loop.time() < until_s:
            await asyncio.sleep(self.random.uniform(0.2, 4.0))
            life = self.life
            match self.random.randrange(12):
                case 0 | 1 | 2:
                    self.wire.weather = self.random.choice(weathers)
                    self.note("weather", self.wire.weather.value)
                case 3 | 4 | 5:
                    await self.end(clean=self.random.random() < 0.2)
                    await asyncio.sleep(self.random.uniform(0.0, 3.0))
                    if self.random.random() < 0.15:
                        self.skew_s = self.random.choice([-self.true_time() + 60, -3600.0, 90 * 86400.0])
                        self.boot = f"b{self.starts}"
                        self.note("boots with a wrong clock", self.skew_s)
                    await self.start()
                case 6:
                    self.skew_s += self.random.choice([-86400.0, -3600.0, -2.0, 2.0, 3600.0, 90 * 86400.0])
                    self.note("clock steps", self.skew_s)
                case 7:
                    self.cloud.back_up()
                    self.note("back-up")
                case 8:
                    self.cloud.restore()
                    self.note("the cloud goes back")
                case 9:
                    self.cloud.refused = frozenset(
                        ["x.acme.poison.v1"] if self.random.random() < 0.5 else ["storehub.order.placed.v1"]
                    )
                    self.note("the cloud refuses", sorted(self.cloud.refused))
                case 10 if life is not None:
                    with suppress(StoreError):
                        await life.core.save()
                    self.note("saved", life.core.saver.seq)
                case 11 if life is not None and self.random.random() < 0.4:
                    with suppress(StoreError):
                        await life.up.pause()
                        await asyncio.sleep(self.random.uniform(0.0, 2.0))
                        await life.up.resume()
                    self.note("paused and resumed")

    async def heal(self) -> Life:
        """From now on everything works."""
        self.rough = False
        self.wire.weather = Weather.FINE
        self.cloud.refused = frozenset()
        self.skew_s = 0.0
        life = self.life or await self.start()
        async with asyncio.timeout(60):
            while life.core.writer.trouble is not None:
                await asyncio.sleep(0.1)
        while True:
            # A fault that was on its way may meet this very request: who asked asks again.
            try:
                await life.up.resume()
                break
            except StoreError:
                await asyncio.sleep(0.1)
        self.note("healed")
        return life

    async def drained(self, life: Life, *, within_s: float = 3600.0) -> dict[str, Any] | None:
        """None when the cloud has everything and agrees; else what the replay says of itself."""
        end = self.loop.time() + within_s
        status: dict[str, Any] = {}
        tries = 0
        while self.loop.time() < end:
            await asyncio.sleep(0.5)
            status = await life.up.status()
            rows = status["reconciliation"]
            if (
                status["acked_seq"] == life.journal.position.seq
                and not status["quarantined"]
                and not life.up._keeper.changed
                and rows
                and all(row["agrees"] for row in rows)
                and life.times_settled
            ):
                return None
            tries += 1
            if tries % 20 == 0:
                await life.up.retry(None)
        return status
