"""make machine SEED= ROUNDS=: the whole store at once, for longer than CI has time.

A failure prints the deeds that led to it, as few as hypothesis finds; the same SEED finds the same.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections import Counter

from tests.whole.machine import REFUSALS, run


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=200, help="stores, each with some dozens of deeds")
    parser.add_argument("--no-shrink", action="store_true", help="tell the first failure as it came")
    wish = parser.parse_args()
    logging.disable(logging.CRITICAL)
    run(wish.rounds, seed=wish.seed, shrink=not wish.no_shrink)
    told = ", ".join(f"{slug} {count}" for slug, count in Counter(REFUSALS).most_common())
    print(f"seed {wish.seed}: the twelve invariants held in {wish.rounds} stores; refused on the way: {told}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
