"""`python -m tests.crash --rounds N`: the real hub is killed, starved of memory, stopped or hung under load (F4)."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.crash.ends import KINDS, why_not
from tests.crash.rounds import Outcome, crash
from tests.support.rounds import asked_for, closing, spread


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--handhelds", type=int, default=12)
    parser.add_argument("--mistake", default="", help="a defect to put in, to see that it is found")
    parser.add_argument(
        "--kind", choices=KINDS, action="append", help="how it ends; several; all when none is given"
    )
    asked = asked_for(parser, rounds=20)
    for kind in KINDS:
        if reason := why_not(kind):
            print(f"not here: {kind}: {reason}")

    def told(outcome: Outcome) -> None:
        if sys.stdout.isatty() or outcome.rounds % 10 == 0:
            print(f"  round {outcome.rounds}: {outcome.acks} acknowledged", end="\r", flush=True)

    with tempfile.TemporaryDirectory(prefix="storehub-crash-") as folder:
        outcome = asyncio.run(
            crash(
                Path(folder),
                rounds=asked.rounds,
                seed=asked.seed,
                handhelds=asked.handhelds,
                mistake=asked.mistake,
                kinds=asked.kind or KINDS,
                told=told,
            )
        )
    print(
        f"{outcome.rounds} ends of the hub {dict(outcome.ends)}, {outcome.cloud_kills} kills of the cloud,"
        f" {outcome.line_cuts} cuts of the line: {outcome.acks} acknowledged of {outcome.tries} requests,"
        f" {outcome.refused} refused, {outcome.asked_again} asked again, {outcome.entries} entries at both ends;"
        f" started again in {spread(outcome.ready_s)}; served again, watchdog and all, {spread(outcome.back_s)}"
        f" after it stopped to; {outcome.took_s:.0f} s in all"
    )
    return closing(
        outcome.problems,
        asked,
        program="crash",
        good="every acknowledged fact is at both ends once, with the same bytes, in one chain",
    )


if __name__ == "__main__":
    raise SystemExit(main())
