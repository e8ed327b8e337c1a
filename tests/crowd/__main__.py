"""`python -m tests.crowd --requests N`: fifty devices that repeat, reorder, alter and hang up (row F12)."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import tempfile
import time
from pathlib import Path

from tests.crowd.guests import DEVICES, Outcome, crowd


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.crowd", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--devices", type=int, default=DEVICES)
    parser.add_argument("--mistake", default="", help="a defect of tests/support/mistaken.py: must be found")
    asked = parser.parse_args()
    seed = secrets.randbits(32) if asked.seed is None else asked.seed
    print(f"seed {seed}, {asked.requests} requests, {asked.devices} devices", flush=True)
    began = time.monotonic()

    def told(outcome: Outcome) -> None:
        print(f"  {outcome.requests} requests, {len(outcome.problems)} problems", flush=True)

    with tempfile.TemporaryDirectory(prefix="storehub-crowd-") as folder:
        outcome = asyncio.run(
            crowd(
                Path(folder), requests=asked.requests, seed=seed, devices=asked.devices, mistake=asked.mistake,
                told=told,
            )
        )  # fmt: skip
    took = sorted(outcome.took_s)
    print(
        f"{outcome.requests} requests, {outcome.acks} acknowledged, {outcome.storms} reconnect storms,"
        f" besides {dict(outcome.kinds)}; answers p50 {took[len(took) // 2] * 1000:.0f} ms,"
        f" p99 {took[int(len(took) * 0.99)] * 1000:.0f} ms; {time.monotonic() - began:.0f} s in all"
    )
    for problem in outcome.problems[:20]:
        print(f"WRONG: {problem[:1000]}")
    if outcome.problems:
        again = f"--requests {asked.requests} --seed {seed} --devices {asked.devices}"
        print(f"{len(outcome.problems)} problems. Again: python -m tests.crowd {again}")
        return 1
    print("each key has one effect and one answer, and another body under it was refused every time")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
