"""``make bench``: one run, one table, as ratios, each beside its target; the same in ``out/bench.json``.

    python -m bench.run [--only orders,card,lan,replay,small,scale] [--rounds 3] [--seconds 4] [--quick]

What is measured runs on the first core, everything else on the last. Rounds of all that is compared are
interleaved and the median is judged. ``--quick`` is for trying a change: one short round, a small backlog and
journal; its figures are noise. Exits 1 when a target was missed.
"""

from __future__ import annotations

import argparse
import datetime
import importlib
import os
import platform
import shutil
import sqlite3
import sys
import tempfile
import time
from pathlib import Path

from bench import boxes, machine
from bench.context import BACKLOG_ENTRIES, Bench
from bench.results import Row, table, write_json
from bench.stolen import Stolen
from bench.template import make_template

SECTIONS = ("orders", "card", "lan", "replay", "small", "scale")
OUT = boxes.ROOT / "out"


def arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench.run", description="Measure the hub beside its baselines.")
    parser.add_argument("--only", default=",".join(SECTIONS), help=f"of {', '.join(SECTIONS)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each closed loop with 64 clients")
    parser.add_argument("--quick", action="store_true", help="one short round, small amounts")
    parser.add_argument("--json", type=Path, default=OUT / "bench.json")
    parser.add_argument(
        "--keep", action="store_true", help="keep the working folder, with the programs' logs"
    )
    options = parser.parse_args(argv)
    options.only = options.only.split(",")
    if unknown := set(options.only) - set(SECTIONS):
        parser.error(f"no such section: {', '.join(sorted(unknown))}")
    if options.quick:
        options.rounds, options.seconds = 1, 2.0
    return options


def facts(work: Path) -> dict[str, object]:
    """What the figures depend on."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    return {
        "measured_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "kernel": platform.release(),
        "load_before": os.getloadavg()[0],
        "disk_is_journalled_ext4": machine.is_journalled(work),
    }


def measure(options: argparse.Namespace, work: Path, stolen: Stolen) -> tuple[list[Row], list[str]]:
    """The rows of the sections asked for, and the names of those that could not be measured to the end."""
    from rich.console import Console

    console = Console(stderr=True)
    console.log("importing the menu and pairing the devices")
    hub_core, rest_core = machine.cores()
    bench = Bench(
        work=work,
        template=make_template(work),
        rounds=options.rounds,
        seconds=options.seconds,
        hub_core=hub_core,
        rest_core=rest_core,
        backlog_entries=BACKLOG_ENTRIES // 10 if options.quick else BACKLOG_ENTRIES,
        million=20_000 if options.quick else 1_000_000,
        note=console.log,
        stolen=stolen,
    )
    rows: list[Row] = []
    broken: list[str] = []
    for name in options.only:
        try:
            rows += importlib.import_module(f"bench.sections.{name}").run(bench)
        except Exception:
            # What the other sections took minutes to measure is not thrown away with this one.
            console.print_exception()
            broken.append(name)
    return rows, broken


def main(argv: list[str]) -> int:
    from rich.console import Console

    options = arguments(argv)
    OUT.mkdir(exist_ok=True)
    # Beside the sources, not in /tmp: that is memory on many machines, and syncs would cost nothing there.
    work = Path(tempfile.mkdtemp(prefix="bench-", dir=OUT))
    try:
        about = facts(work)
        with Stolen() as stolen:
            began = time.perf_counter()
            rows, broken = measure(options, work, stolen)
            about["stolen"] = stolen.share(began, time.perf_counter())
        write_json(rows, about | {"broken": broken}, options.json)
    finally:
        if options.keep:
            print(f"kept {work}", file=sys.stderr)
        else:
            shutil.rmtree(work, ignore_errors=True)
    title = (
        f"{about['processor']}, {about['cores']} cores, {about['stolen']:.0%} of their time taken by the host;"
        f" Python {about['python']}, SQLite {about['sqlite']}"
    )
    if options.quick:
        title += "; quick: noise"
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(table(rows, title))
    missed = [row.what for row in rows if row.passed is False]
    console.print(
        f"{len(missed)} missed: {'; '.join(missed)}" if missed else "every target met", highlight=False
    )
    if broken:
        console.print(f"not measured to the end: {', '.join(broken)}", highlight=False)
    return 1 if missed or broken else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
