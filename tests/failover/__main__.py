"""`python -m tests.failover --rounds N`: kill the primary for good, promote the standby, count."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import tempfile
from pathlib import Path

from tests.failover.dinner import dinner


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.failover", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--handhelds", type=int, default=30)
    parser.add_argument("--wait", choices=["off", "standby", "both"], default="both")
    parser.add_argument(
        "--pruning", action="store_true", help="with a cloud, and boxes that remove what it has all the time"
    )
    parser.add_argument("--mistake", default="", help="a defect to put in, to see that it is found")
    asked = parser.parse_args()
    seed = secrets.randbits(32) if asked.seed is None else asked.seed
    wrong = 0
    for number in range(asked.rounds):
        wait = ("standby", "off")[number % 2] if asked.wait == "both" else asked.wait
        with tempfile.TemporaryDirectory(prefix="storehub-failover-") as folder:
            outcome = asyncio.run(
                dinner(
                    Path(folder),
                    seed=seed + number,
                    wait=wait,
                    handhelds=asked.handhelds,
                    pruning=asked.pruning,
                    mistake=asked.mistake,
                )
            )
        print(
            f"seed {seed + number}, wait {wait}: {outcome.acks} acknowledged, lag {outcome.lag_entries} entries,"
            f" {outcome.lost} acknowledged facts lost; serving {outcome.serving_s:.1f} s after the decision,"
            f" {outcome.acks_after} acknowledged since"
            + (f"; the new box has removed {outcome.removed} entries" if asked.pruning else ""),
            flush=True,
        )
        for problem in outcome.problems[:10]:
            print(f"WRONG: {problem}")
        wrong += bool(outcome.problems)
    print("no number twice, the old box fenced" if not wrong else f"{wrong} rounds were wrong")
    return min(wrong, 1)


if __name__ == "__main__":
    raise SystemExit(main())
