"""Rounds of load and power cuts: whatever was acknowledged before each of them must be there after it, in one chain."""

from __future__ import annotations

import asyncio
import random
import shutil
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from hub.app import open_hub
from hub.datadir import DataDir
from hub.domain.commands import ApplyMaster
from hub.operations import device_add
from hub.settings import Settings
from tests.powercut.disks import Disk, Ext4, Modelled
from tests.support.audit import ack_problems, chain_problems, order_problems
from tests.support.core import MENU
from tests.support.handheld import Ack, Handheld
from tests.support.ports import free_port
from tests.support.rig import STORE, Program, RigError, run

LIFE_S = (0.2, 1.2)
READY_S_MAX = 3.0
# A store is counted and left after so many cuts, and the next ones have a new one: what is held in memory to be
# compared, and what each start is compared with, stays bounded however many cuts there are.
STORE_CUTS = 20


@dataclass
class Outcome:
    cuts: int = 0
    acks: int = 0
    entries: int = 0
    lost_bytes: int = 0
    ready_s: list[float] = field(default_factory=list)
    ready_cpu_s: list[float] = field(default_factory=list)
    took_s: float = 0.0
    problems: list[str] = field(default_factory=list)


async def power_cuts(
    folder: Path,
    *,
    rounds: int,
    seed: int,
    handhelds: int = 8,
    ext4: bool = False,
    synchronous: str = "full",
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Cut the power once a round: of ext4, or of the model, with bare POSIX directories in turn."""
    outcome = Outcome()
    began = time.monotonic()
    kinds = [Ext4] if ext4 else [partial(Modelled, strict=False), partial(Modelled, strict=True)]
    data, paired = await prepared(folder, handhelds)
    for number, cuts in enumerate(_shares(rounds, len(kinds))):
        place = folder / f"store-{number}"
        place.mkdir()
        disk = kinds[number % len(kinds)](place, data)
        await _store(place, disk, paired, cuts, f"{seed}-{number}", synchronous, outcome, told)
        shutil.rmtree(place)
    outcome.took_s = time.monotonic() - began
    return outcome


def _shares(rounds: int, kinds: int) -> Iterator[int]:
    """How many cuts each store gets; the kinds of disks in turns, each at least once where there are so many."""
    while rounds > 0:
        cuts = min(STORE_CUTS, -(-rounds // kinds))
        yield cuts
        rounds -= cuts
        kinds = max(kinds - 1, 1)


async def _store(
    folder: Path,
    disk: Disk,
    paired: list[tuple[str, str]],
    rounds: int,
    seed: str,
    synchronous: str,
    outcome: Outcome,
    told: Callable[[Outcome], None],
) -> None:
    chance = random.Random(seed)
    mistake = "" if synchronous == "full" else "synchronous-off"
    async with hub_on(folder, disk, mistake=mistake) as (hub, port):
        crew = [
            Handheld(device, token, port, random.Random(f"{seed}-{n}"))
            for n, (device, token) in enumerate(paired)
        ]
        over = asyncio.Event()
        working = [asyncio.create_task(one.work(over)) for one in crew]
        acks_before = outcome.acks
        try:
            for number in range(rounds):
                known = [ack for one in crew for ack in one.acks]
                await hub.start()
                outcome.ready_s.append(hub.ready_s)
                outcome.ready_cpu_s.append(hub.ready_cpu_s)
                raws = await _entries(Path(disk.mnt))
                outcome.problems += chain_problems(raws) + _missing(raws, known)
                outcome.problems += await asyncio.to_thread(_file_problems, Path(disk.mnt) / "journal.db")
                await asyncio.sleep(chance.uniform(*LIFE_S))
                before = [len(one.acks) for one in crew]
                outcome.lost_bytes += await asyncio.to_thread(disk.cut, number, chance)
                await hub.kill()
                # A plug ends the box with its disk: what was answered from then on had no power to be answered.
                for one, count in zip(crew, before, strict=True):
                    del one.acks[count:]
                outcome.cuts += 1
                outcome.acks = acks_before + sum(len(one.acks) for one in crew)
                outcome.problems += await asyncio.to_thread(disk.on)
                told(outcome)
            await hub.start()
            over.set()
            await asyncio.gather(*working)
            raws = await _entries(Path(disk.mnt))
            outcome.acks = acks_before + sum(len(one.acks) for one in crew)
            outcome.entries += len(raws)
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


@asynccontextmanager
async def hub_on(folder: Path, disk: Any, *, mistake: str = "") -> AsyncIterator[tuple[Program, int]]:
    """A hub on this disk, whose `mnt` is the data directory, not started yet; and its port."""
    port = free_port()
    with disk:
        defects = ",".join(name for name in ("off-the-file-system", mistake) if name)
        hub = Program(
            (
                "tests.support.mistaken", defects, "run", "--http", "--no-mdns", "--port", str(port),
                "--data", disk.mnt, "--store-id", STORE,
            ),
            folder / "hub.log",
        )  # fmt: skip
        try:
            yield hub, port
        finally:
            await hub.kill()


def _missing(raws: list[bytes], known: list[Ack]) -> list[str]:
    """Acknowledged before the cut, and not there after it."""
    return [problem for problem in ack_problems(raws, known) if problem.startswith("lost")]


def _file_problems(path: Path) -> list[str]:
    """What SQLite itself finds wrong."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        found = db.execute("PRAGMA integrity_check").fetchone()[0]
    return [] if found == "ok" else [f"integrity_check: {found}"]


async def prepared(folder: Path, handhelds: int) -> tuple[Path, list[tuple[str, str]]]:
    """A data directory with menu and devices, and the devices' ids and tokens."""
    place = folder / "data"
    data = DataDir(place)
    assert data.lock()
    try:
        async with open_hub(Settings(data=str(place), store_id=STORE), data, replay=False) as hub:
            await hub.box.core.desk.order(ApplyMaster("import", MENU))
            made = [
                await device_add(hub.box, name=f"Register {number}", role="register")
                for number in range(handhelds)
            ]
    finally:
        data.unlock()
    return place, [(one["device_id"], one["token"]) for one in made]


async def _entries(data: Path) -> list[bytes]:
    return (await run("hub", "export", "--data", str(data))).encode().splitlines()
