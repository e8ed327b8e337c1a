"""Orders a second where a sync takes as long as on the disks that stores have, beside one commit a request."""

from __future__ import annotations

import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

from bench import boxes
from bench.context import Bench
from bench.results import Row, median, ratios
from bench.sections.orders import measured

SECTION = "card"
# A virtual machine's disk may say yes to a sync in 0.1 ms. A good SSD takes a third of a millisecond, an SD card five.
DISKS = {"a good SSD (each sync 0.3 ms longer)": 300, "an SD card (each sync 5 ms longer)": 5000}
GROUP = ("hub", "aiosqlite")
SOURCE = boxes.ROOT / "bench" / "slow_sync.c"


def run(bench: Bench) -> list[Row]:
    """Both side by side on each disk, round after round. Nothing where there is no C compiler."""
    if shutil.which("cc") is None:
        bench.note("no C compiler: slower disks are left out")
        return []
    library = compiled(bench.folder("slow-sync"))
    rate: dict[tuple[str, str], list[float]] = defaultdict(list)
    for turn in range(bench.rounds):
        for disk, extra_us in DISKS.items():
            bench.note(f"round {turn + 1} of {bench.rounds}: {', '.join(GROUP)} on {disk}")
            env = {"LD_PRELOAD": str(library), "SLOW_SYNC_US": str(extra_us)}
            for which, found in measured(bench, GROUP, kept=turn == 0, env=env).items():
                rate[disk, which].append(found.per_s)
    return [row(disk, rate[disk, "hub"], rate[disk, "aiosqlite"]) for disk in DISKS]


def compiled(folder: Path) -> Path:
    """The library that is loaded before libc."""
    library = folder / "slow_sync.so"
    subprocess.run(
        ["cc", "-O2", "-shared", "-fPIC", "-o", str(library), str(SOURCE), "-ldl"], check=True, timeout=60
    )
    return library


def row(disk: str, hub: list[float], aiosqlite: list[float]) -> Row:
    over = ratios(hub, aiosqlite)
    return Row(
        SECTION,
        f"orders/s on {disk}, over FastAPI + aiosqlite, one commit each",
        median(over),
        "×",
        f"hub {median(hub):,.0f}/s; {median(aiosqlite):,.0f}/s",
        at_least=3.0,
        rounds=over,
    )
