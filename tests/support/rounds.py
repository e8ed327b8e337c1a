"""What the programs of many rounds (crash, power cut, damage, disk faults, soak) share: the seed, and how they end."""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Sequence

SHOWN_MAX = 20


def asked_for(parser: argparse.ArgumentParser, *, rounds: int) -> argparse.Namespace:
    """The arguments, --rounds and --seed among them; a seed is drawn where none is given."""
    parser.add_argument("--rounds", type=int, default=rounds)
    parser.add_argument("--seed", type=int, default=None)
    asked = parser.parse_args()
    if asked.seed is None:
        asked.seed = secrets.randbits(32)
    print(f"seed {asked.seed}, {asked.rounds} rounds", flush=True)
    return asked


def closing(problems: Sequence[str], asked: argparse.Namespace, *, program: str, good: str) -> int:
    """Say what was wrong and how to see it again, or what held. The status to end with."""
    for problem in problems[:SHOWN_MAX]:
        print(f"WRONG: {_shortened(problem)}")
    if problems:
        print(
            f"{len(problems)} problems. Again: python -m tests.{program} --rounds {asked.rounds} --seed {asked.seed}"
        )
        return 1
    print(good)
    return 0


def _shortened(problem: str) -> str:
    """Its beginning and its end, where a program's last words stand."""
    return problem if len(problem) < 3000 else f"{problem[:500]} […] {problem[-2500:]}"


def spread(seconds: Sequence[float]) -> str:
    """Median, 99th percentile and worst."""
    ordered = sorted(seconds) or [0.0]
    middle, late = (ordered[-(-len(ordered) * part // 100) - 1] for part in (50, 99))
    return f"median {middle:.2f} s, p99 {late:.2f} s, worst {ordered[-1]:.2f} s"
