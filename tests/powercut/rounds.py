"""Rounds of load and power cuts, on a file system that keeps what was synced and nothing else for sure."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support.audit import ack_problems, chain_problems, order_problems
from tests.support.handheld import Ack, Handheld
from tests.support.ports import free_port
from tests.support.rig import ROOT, STORE, Program, RigError, menu_file, run

POWERFS = ROOT.parent / "shared" / "tools" / "powerfs.py"
LIFE_S = (0.2, 1.2)
READY_S_MAX = 3.0
# What is gone: all that was not synced, or random pieces of it; with ext4's directories, or bare POSIX ones.
CUTS = (("lose", False), ("random", False), ("lose", True), ("random", True))


def why_not() -> str:
    """Why the power of a file system cannot be cut on this machine; '' when it can."""
    if not POWERFS.is_file():
        return f"{POWERFS} is not here"
    if importlib.util.find_spec("mfusepy") is None:
        return "mfusepy is not installed"
    if not os.path.exists("/dev/fuse"):
        return "there is no /dev/fuse"
    return "" if os.geteuid() == 0 else "mounting for others needs root"


def _powerfs() -> Any:
    spec = importlib.util.spec_from_file_location("powerfs", POWERFS)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@dataclass
class Outcome:
    cuts: int = 0
    acks: int = 0
    entries: int = 0
    lost_bytes: int = 0
    ready_s: list[float] = field(default_factory=list)
    took_s: float = 0.0
    problems: list[str] = field(default_factory=list)


async def power_cuts(
    folder: Path,
    *,
    rounds: int,
    seed: int,
    handhelds: int = 8,
    synchronous: str = "full",
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Cut the power once a round; after each one everything acknowledged must be there, in one chain."""
    outcome = Outcome()
    began = time.monotonic()
    # Each kind of directories is a file system of its own, and a store of its own.
    for strict in (False, True):
        modes = [mode for mode, dirs in CUTS if dirs is strict]
        share = rounds // 2 + (rounds % 2 if not strict else 0)
        place = folder / ("strict" if strict else "ext4")
        place.mkdir()
        if share:
            await _store(
                place, share, f"{seed}-{strict}", modes, strict, handhelds, synchronous, outcome, told
            )
    outcome.took_s = time.monotonic() - began
    return outcome


async def _store(
    folder: Path,
    rounds: int,
    seed: str,
    modes: list[str],
    strict: bool,
    handhelds: int,
    synchronous: str,
    outcome: Outcome,
    told: Callable[[Outcome], None],
) -> None:
    random_ = random.Random(seed)
    data, paired = await prepared(folder, handhelds)
    mistake = "" if synchronous == "full" else "synchronous-off"
    async with hub_on(folder, data, strict=strict, mistake=mistake) as (fs, hub, port):
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
                raws = await _entries(Path(fs.mnt))
                outcome.problems += chain_problems(raws) + _missing(raws, known)
                await asyncio.sleep(random_.uniform(*LIFE_S))
                mode = modes[number % len(modes)]
                cut = await asyncio.to_thread(fs.power_cut, mode, random_.randrange(1 << 30))
                await hub.kill()
                outcome.lost_bytes += cut["lost_bytes"]
                outcome.cuts += 1
                outcome.acks = acks_before + sum(len(one.acks) for one in crew)
                await asyncio.to_thread(fs.power_on)
                told(outcome)
            await hub.start()
            over.set()
            await asyncio.gather(*working)
            raws = await _entries(Path(fs.mnt))
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
async def hub_on(
    folder: Path, data: Path, *, strict: bool = False, mistake: str = ""
) -> AsyncIterator[tuple[Any, Program, int]]:
    """The file system that holds a copy of `data`, a hub on it (not started), and its port."""
    port = free_port()
    with _powerfs().PowerFS(folder / "fs", strict_dirs=strict, load=data) as fs:
        defects = ",".join(name for name in ("off-the-file-system", mistake) if name)
        hub = Program(
            (
                "tests.support.mistaken", defects, "run", "--http", "--no-mdns", "--port", str(port),
                "--data", fs.mnt, "--store-id", STORE,
            ),
            folder / "hub.log",
        )  # fmt: skip
        try:
            yield fs, hub, port
        finally:
            await hub.kill()


def _missing(raws: list[bytes], known: list[Ack]) -> list[str]:
    """Acknowledged before the cut, and not there after it."""
    return [problem for problem in ack_problems(raws, known) if problem.startswith("lost")]


async def prepared(folder: Path, handhelds: int) -> tuple[Path, list[tuple[str, str]]]:
    """A data directory with menu and devices, and the devices' ids and tokens."""
    data, menu = folder / "data", folder / "menu.json"
    menu.write_bytes(menu_file())
    await run("hub", "import", "--data", str(data), str(menu))
    paired = []
    for number in range(handhelds):
        said = await run(
            "hub", "device", "add", "--data", str(data), "--name", f"Register {number}", "--role", "register"
        )
        words = dict(word.split("=", 1) for word in said.split())
        paired.append((words["device"], words["token"]))
    return data, paired


async def _entries(data: Path) -> list[bytes]:
    return (await run("hub", "export", "--data", str(data))).encode().splitlines()
