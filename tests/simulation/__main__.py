"""`python -m tests.simulation --seed N --rounds N`: rounds from seeds N, N+1, … on virtual time."""

from __future__ import annotations

import argparse
import secrets
import sys
import time

from tests.simulation.rounds import Round, simulate


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="of the first round")
    parser.add_argument("--rounds", type=int, default=None, help="[default: 1 with --seed, else 200]")
    parser.add_argument("--mistake", default="", help="a defect to put in, to see that it is found")
    asked = parser.parse_args()
    first = secrets.randbits(31) if asked.seed is None else asked.seed
    rounds = asked.rounds or (200 if asked.seed is None else 1)
    print(f"seeds {first} to {first + rounds - 1}", flush=True)
    began = time.monotonic()
    played: list[Round] = []
    for seed in range(first, first + rounds):
        outcome = simulate(seed, mistake=asked.mistake)
        played.append(outcome)
        for problem in outcome.problems[:10]:
            print(f"seed {seed}: {problem[:1000]}")
        if outcome.problems:
            print(f"{len(outcome.problems)} problems. Again: make sim SEED={seed}")
            return 1
        if sys.stdout.isatty() and len(played) % 10 == 0:
            print(f"  {len(played)} of {rounds}", end="\r", flush=True)
    _tell(played, time.monotonic() - began)
    return 0


def _tell(played: list[Round], took_s: float) -> None:
    total = {
        name: sum(getattr(one, name) for one in played) for name in ("acks", "entries", "calls", "faults")
    }
    counts: dict[str, int] = {}
    for one in played:
        for name, count in one.counts.items():
            counts[name] = counts.get(name, 0) + count
    hours = sum(one.virtual_s for one in played) / 3600
    print(
        f"{len(played)} rounds, {hours:.1f} h of the store's time in {took_s:.1f} s"
        f" ({len(played) / took_s:.1f} a second): {total['acks']} acknowledged, {total['entries']} entries,"
        f" {total['calls']} calls to the cloud, {total['faults']} of them disturbed"
    )
    print("  " + ", ".join(f"{count} {name}" for name, count in sorted(counts.items()) if name != "ack"))
    if len(played) == 1:
        print(f"  trace {played[0].trace}")
    print("every acknowledged fact is at both ends once, with the same bytes, in one chain")


if __name__ == "__main__":
    raise SystemExit(main())
