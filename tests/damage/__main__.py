"""`python -m tests.damage --rounds N`: damage a hub's files in a hundred ways, start it, and count (fault F16)."""

from __future__ import annotations

import argparse
import asyncio
import logging
import tempfile
import time
from pathlib import Path

from tests.damage.harm import HARMS
from tests.damage.rounds import SELL_S_MAX, Outcome, damage_rounds
from tests.support.rounds import asked_for, closing, spread


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.damage", description=__doc__)
    parser.add_argument("--kind", choices=list(HARMS), action="append")
    asked = asked_for(parser, rounds=200)
    logging.disable(logging.CRITICAL)
    kinds = tuple(asked.kind or HARMS)
    began = time.monotonic()

    def told(outcome: Outcome) -> None:
        if outcome.rounds % 100 == 0:
            print(f"  {outcome.rounds} rounds, {len(outcome.problems)} problems", flush=True)

    with tempfile.TemporaryDirectory(prefix="storehub-damage-") as folder:
        outcome = asyncio.run(
            damage_rounds(Path(folder), rounds=asked.rounds, seed=asked.seed, kinds=kinds, told=told)
        )
    print(
        f"{outcome.rounds} damaged stores: {dict(outcome.seen)}; {dict(outcome.lost)};"
        f" sold after {spread(outcome.ready_s)} (goal {SELL_S_MAX:.0f} s);"
        f" {time.monotonic() - began:.0f} s in all"
    )
    return closing(
        outcome.problems,
        asked,
        program="damage",
        good="nothing acknowledged is lost that is not named, nothing is done twice",
    )


if __name__ == "__main__":
    raise SystemExit(main())
