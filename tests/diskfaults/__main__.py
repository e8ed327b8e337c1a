"""`python -m tests.diskfaults --rounds N`: a disk in trouble at N moments (fault F9). Root, FUSE, powerfs.py."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from pathlib import Path

from tests.diskfaults.points import disk_points
from tests.diskfaults.rounds import REFUSE_S_GOAL, Outcome, disk_faults
from tests.powercut.disks import why_not
from tests.support.rounds import asked_for, closing, spread


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.diskfaults", description=__doc__)
    parser.add_argument("--mistake", default="", help="a defect of tests/support/mistaken.py: must be found")
    parser.add_argument(
        "--points", action="store_true", help="each at an exact change of the disk, by the seed"
    )
    asked = asked_for(parser, rounds=60)
    if reason := why_not():
        print(f"skipped: {reason}")
        return 0
    began = time.monotonic()

    def told(outcome: Outcome) -> None:
        if (done := outcome.faults.total() + outcome.unreached) % 25 == 0:
            print(f"  {done} faults, {len(outcome.problems)} problems", flush=True)

    with tempfile.TemporaryDirectory(prefix="storehub-diskfaults-") as folder:
        trouble = disk_points if asked.points else disk_faults
        outcome = asyncio.run(
            trouble(Path(folder), rounds=asked.rounds, seed=asked.seed, mistake=asked.mistake, told=told)
        )
    print(
        f"{outcome.faults.total()} faults {dict(outcome.faults)}: {outcome.acks} acknowledged,"
        f" {outcome.refused} refused; refused in {spread(outcome.refuse_s)} (goal {REFUSE_S_GOAL:.0f} s),"
        f" healed in {spread(outcome.heal_s)}, orders on a slow card {spread(outcome.stall_s)};"
        f" {time.monotonic() - began:.0f} s in all"
    )
    if asked.points:
        print(
            f"the changes that met them: {dict(outcome.struck)}; {outcome.unreached} points were not reached"
        )
    return closing(
        outcome.problems,
        asked,
        program="diskfaults --points" if asked.points else "diskfaults",
        good="every acknowledged fact is there once, and what was not taken was refused with a reason",
    )


if __name__ == "__main__":
    raise SystemExit(main())
