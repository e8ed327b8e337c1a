"""`python -m tests.diskfaults --rounds N`: a disk in trouble at N moments (fault F9). Root, FUSE, powerfs.py."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from tests.diskfaults.rounds import Outcome, disk_faults
from tests.powercut.disks import why_not
from tests.support.rounds import asked_for, closing


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.diskfaults", description=__doc__)
    parser.add_argument("--mistake", default="", help="a defect of tests/support/mistaken.py: must be found")
    asked = asked_for(parser, rounds=60)
    if reason := why_not():
        print(f"skipped: {reason}")
        return 0
    began = time.monotonic()

    def told(outcome: Outcome) -> None:
        if sum(outcome.faults.values()) % 25 == 0:
            print(f"  {sum(outcome.faults.values())} faults, {outcome.acks} acknowledged", flush=True)

    with tempfile.TemporaryDirectory(prefix="storehub-diskfaults-") as folder:
        outcome = asyncio.run(
            disk_faults(Path(folder), rounds=asked.rounds, seed=asked.seed, mistake=asked.mistake, told=told)
        )
    print(
        f"{sum(outcome.faults.values())} faults {dict(outcome.faults)}, {outcome.starts} of them at a start:"
        f" {outcome.acks} acknowledged, {outcome.refused} refused; refused within {_worst(outcome.refuse_s)} s,"
        f" healed within {_worst(outcome.heal_s)} s, slowest answer of a slow card {_worst(outcome.stall_s)} s;"
        f" {time.monotonic() - began:.0f} s in all"
    )
    return closing(
        outcome.problems,
        asked,
        program="diskfaults",
        good="every acknowledged fact is there once, and what was not taken was refused with a reason",
    )


def _worst(seconds: list[float]) -> str:
    return f"{max(seconds, default=0.0):.2f}"


if __name__ == "__main__":
    raise SystemExit(main())
