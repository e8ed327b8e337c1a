"""`python -m tests.discovery --rounds N`: a handheld finds its hub on a LAN in trouble, and no other (F11). Root."""

from __future__ import annotations

import argparse
import secrets
import tempfile
import time
from pathlib import Path

from tests.discovery.rounds import Outcome, finding
from tests.support.netns import why_not


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.discovery", description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--mistake", default="", choices=("", "believes-anybody"), help="must be found")
    asked = parser.parse_args()
    if reason := why_not("nft", "unshare"):
        print(f"skipped: {reason}")
        return 0
    seed = secrets.randbits(32) if asked.seed is None else asked.seed
    print(f"seed {seed}, {asked.rounds} rounds", flush=True)
    began = time.monotonic()

    def told(outcome: Outcome) -> None:
        if outcome.rounds.total() % 10 == 0:
            print(f"  {outcome.rounds.total()} rounds", flush=True)

    with tempfile.TemporaryDirectory(prefix="storehub-finding-") as folder:
        outcome = finding(Path(folder), rounds=asked.rounds, seed=seed, mistake=asked.mistake, told=told)
    print(
        f"{outcome.rounds.total()} rounds {dict(outcome.rounds)}: {len(outcome.took_s)} times found, in"
        f" {_spread(outcome.took_s)}; at a new address after {_spread(outcome.moved_s)};"
        f" {time.monotonic() - began:.0f} s in all"
    )
    for problem in outcome.problems:
        print(f"WRONG: {problem}")
    if outcome.problems:
        print(f"Again: python -m tests.discovery --rounds {asked.rounds} --seed {seed}")
        return 1
    print("never a wrong hub")
    return 0


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds) or [0.0]
    return f"{ordered[len(ordered) // 2]:.1f} s (worst {ordered[-1]:.1f})"


if __name__ == "__main__":
    raise SystemExit(main())
