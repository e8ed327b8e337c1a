"""`python -m tests.powercut --rounds N`: cut the power of the hub's file system under load, then count (F1, F2)."""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.powercut.disks import why_no_ext4, why_not
from tests.powercut.rounds import READY_S_MAX, Outcome, power_cuts
from tests.support.rounds import asked_for, closing, spread

ALONE = "POWERCUT_ALONE"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.powercut", description=__doc__)
    parser.add_argument(
        "--ext4", action="store_true", help="a real ext4, instead of the model that is harsher"
    )
    parser.add_argument("--synchronous", choices=["full", "off"], default="full", help="off: must lose facts")
    asked = asked_for(parser, rounds=20)
    if reason := why_no_ext4() if asked.ext4 else why_not():
        print(f"skipped: {reason}")
        return 0
    if asked.ext4 and ALONE not in os.environ:
        # Any mount namespace that begins on this machine meanwhile would hold a copy of the mount, and then it is not
        # unmounted when we unmount it: in a namespace of our own nobody copies it.
        again = [sys.executable, "-m", "tests.powercut", *sys.argv[1:], "--seed", str(asked.seed)]
        alone = ["unshare", "--mount", "--propagation", "private", *again]
        return subprocess.run(alone, env=os.environ | {ALONE: "yes"}, check=False).returncode

    def told(outcome: Outcome) -> None:
        print(
            f"  cut {outcome.cuts}: {outcome.acks} acknowledged, ready after {outcome.ready_s[-1]:.2f} s",
            flush=True,
        )

    with tempfile.TemporaryDirectory(prefix="storehub-powercut-") as folder:
        outcome = asyncio.run(
            power_cuts(
                Path(folder),
                rounds=asked.rounds,
                seed=asked.seed,
                ext4=asked.ext4,
                synchronous=asked.synchronous,
                told=told,
            )
        )
    print(
        f"{outcome.cuts} power cuts, {outcome.lost_bytes} unsynced bytes gone: {outcome.acks} acknowledged,"
        f" {outcome.entries} entries; ready again after {spread(outcome.ready_s)}"
        f" (goal {READY_S_MAX:.0f} s), processor time of a start {spread(outcome.ready_cpu_s)};"
        f" {outcome.took_s:.0f} s in all"
    )
    return closing(
        outcome.problems,
        asked,
        program="powercut --ext4" if asked.ext4 else "powercut",
        good="every acknowledged fact is there once, in one chain",
    )


if __name__ == "__main__":
    raise SystemExit(main())
