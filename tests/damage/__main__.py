"""`python -m tests.damage --rounds N`: damage a hub's files in a hundred ways, start it, and count (fault F16)."""

from __future__ import annotations

import argparse
import asyncio
import logging
import secrets
import tempfile
import time
from pathlib import Path

from tests.damage.harm import HARMS
from tests.damage.rounds import SELL_S_MAX, Outcome, damage_rounds


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.damage", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--kind", choices=list(HARMS), action="append")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    seed = secrets.randbits(32) if asked.seed is None else asked.seed
    kinds = tuple(asked.kind or HARMS)
    print(f"seed {seed}, {asked.rounds} rounds", flush=True)
    began = time.monotonic()

    def told(outcome: Outcome) -> None:
        if outcome.rounds % 100 == 0:
            print(f"  {outcome.rounds} rounds, {len(outcome.problems)} problems", flush=True)

    with tempfile.TemporaryDirectory(prefix="storehub-damage-") as folder:
        outcome = asyncio.run(
            damage_rounds(Path(folder), rounds=asked.rounds, seed=seed, kinds=kinds, told=told)
        )
    ready = sorted(outcome.ready_s) or [0.0]
    print(
        f"{outcome.rounds} damaged stores: {dict(outcome.seen)}; {dict(outcome.lost)};"
        f" sold after {ready[len(ready) // 2]:.2f} s (worst {ready[-1]:.2f} s, goal {SELL_S_MAX:.0f} s);"
        f" {time.monotonic() - began:.0f} s in all"
    )
    for problem in outcome.problems[:20]:
        print(f"WRONG: {problem[:1000]}")
    if outcome.problems:
        print(
            f"{len(outcome.problems)} problems. Again: python -m tests.damage --rounds {asked.rounds} --seed {seed}"
        )
        return 1
    print("nothing acknowledged is lost that is not named, nothing is done twice")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
