"""`python -m tests.crash --rounds N`: kill -9 the real hub under load, then count."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import sys
import tempfile
from pathlib import Path

from tests.crash.rounds import Outcome, crash


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crash", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None, help="of what handhelds, line and killer do")
    parser.add_argument("--handhelds", type=int, default=12)
    parser.add_argument("--mistake", default="", help="a defect to put in, to see that it is found")
    asked = parser.parse_args()
    seed = secrets.randbits(32) if asked.seed is None else asked.seed
    print(f"seed {seed}, {asked.rounds} rounds, {asked.handhelds} handhelds", flush=True)

    def told(outcome: Outcome) -> None:
        if sys.stdout.isatty() or outcome.rounds % 10 == 0:
            print(f"  round {outcome.rounds}: {outcome.acks} acknowledged", end="\r", flush=True)

    with tempfile.TemporaryDirectory(prefix="storehub-crash-") as folder:
        outcome = asyncio.run(
            crash(
                Path(folder),
                rounds=asked.rounds,
                seed=seed,
                handhelds=asked.handhelds,
                mistake=asked.mistake,
                told=told,
            )
        )
    ready = sorted(outcome.ready_s)
    print(
        f"{outcome.rounds} kills of the hub, {outcome.cloud_kills} of the cloud, {outcome.line_cuts} cuts of the line:"
        f" {outcome.acks} acknowledged of {outcome.tries} requests, {outcome.refused} refused,"
        f" {outcome.asked_again} asked again, {outcome.entries} entries at both ends;"
        f" ready again after {ready[len(ready) // 2]:.2f} s (worst {ready[-1]:.2f} s); {outcome.took_s:.0f} s in all"
    )
    for problem in outcome.problems[:20]:
        print(f"WRONG: {problem}")
    if outcome.problems:
        print(
            f"{len(outcome.problems)} problems. Again: python -m tests.crash --rounds {asked.rounds} --seed {seed}"
        )
        return 1
    print("every acknowledged fact is at both ends once, with the same bytes, in one chain")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
