"""Rounds of wrong clocks from a seed: `make clocks SEED=7 ROUNDS=200`."""

from __future__ import annotations

import argparse
import logging
import random
import sys
import time

from tests.clocks.mistakes import MISTAKES
from tests.clocks.twins import play


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--mistake", choices=sorted(MISTAKES), default="")
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    print(f"seeds {asked.seed} to {asked.seed + asked.rounds - 1}")
    began, entries, corrected, moved = time.monotonic(), 0, 0, 0
    counts: dict[str, int] = {}
    for seed in range(asked.seed, asked.seed + asked.rounds):
        outcome = play(seed, mistake=asked.mistake)
        entries, corrected = entries + outcome.entries, corrected + outcome.corrected
        moved += outcome.moved
        for name, count in outcome.counts.items():
            counts[name] = counts.get(name, 0) + count
        if outcome.problems:
            print(f"seed {seed}: " + "\n  ".join(outcome.problems[:5]))
            print(f"Again: make clocks SEED={seed} ROUNDS=1")
            return 1
    took = time.monotonic() - began
    told = ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))
    print(
        f"{asked.rounds} rounds in {took:.0f} s: {entries} entries, {told}; {corrected} corrections of an entry,"
        f" {moved} ranges moved to another day"
    )
    print("every day adds up to what it would have with a clock that was always right")
    return 0


if __name__ == "__main__":
    sys.exit(main())
