"""`python -m tests.powercut --rounds N`: cut the power of the hub's file system under load, then count."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import tempfile
from pathlib import Path

from tests.powercut.rounds import READY_S_MAX, Outcome, power_cuts, why_not


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.powercut", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--synchronous", choices=["full", "off"], default="full", help="off: must lose facts")
    asked = parser.parse_args()
    if reason := why_not():
        print(f"skipped: {reason}")
        return 0
    seed = secrets.randbits(32) if asked.seed is None else asked.seed
    print(f"seed {seed}, {asked.rounds} cuts, synchronous {asked.synchronous}", flush=True)

    def told(outcome: Outcome) -> None:
        print(f"  cut {outcome.cuts}: {outcome.acks} acknowledged", flush=True)

    with tempfile.TemporaryDirectory(prefix="storehub-powercut-") as folder:
        outcome = asyncio.run(
            power_cuts(Path(folder), rounds=asked.rounds, seed=seed, synchronous=asked.synchronous, told=told)
        )
    ready = sorted(outcome.ready_s)
    print(
        f"{outcome.cuts} power cuts, {outcome.lost_bytes} unsynced bytes gone: {outcome.acks} acknowledged,"
        f" {outcome.entries} entries; ready again after {ready[len(ready) // 2]:.2f} s (worst {ready[-1]:.2f} s,"
        f" goal {READY_S_MAX:.0f} s); {outcome.took_s:.0f} s in all"
    )
    for problem in outcome.problems[:20]:
        print(f"WRONG: {problem[:1000]}")
    if outcome.problems:
        print(
            f"{len(outcome.problems)} problems. Again: python -m tests.powercut --rounds {asked.rounds} --seed {seed}"
        )
        return 1
    print("every acknowledged fact is there once, in one chain")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
