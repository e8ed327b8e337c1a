"""`python -m tests.wan --rounds N [--row F8]`: trouble with the line and the cloud (F5 to F8), ten times as fast."""

from __future__ import annotations

import argparse
import asyncio
import secrets
import tempfile
import time
from pathlib import Path

from tests.support.mistaken_upstream import QUICKER
from tests.wan.rounds import WEATHER_S, wan
from tests.wan.store import Figures


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.wan", description=__doc__)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--row", choices=("F5", "F6", "F7", "F8"), default="", help="else F5 to F7 in turn")
    parser.add_argument("--stores", type=int, default=1, help="at the same time")
    parser.add_argument("--backlog", type=int, default=1000, help="sales of a round of F5")
    parser.add_argument("--weather", type=float, default=WEATHER_S / QUICKER, help="seconds of a round of F6")
    parser.add_argument("--mistake", default="", help="a defect of tests/support/mistaken*.py: must be found")
    asked = parser.parse_args()
    seed = secrets.randbits(32) if asked.seed is None else asked.seed
    print(f"seed {seed}, {asked.rounds} rounds, {asked.stores} stores", flush=True)
    began = time.monotonic()

    def told(figures: Figures) -> None:
        if figures.rounds % 10 == 0:
            print(f"  {figures.rounds} rounds, {len(figures.problems)} problems", flush=True)

    with tempfile.TemporaryDirectory(prefix="storehub-wan-") as folder:
        figures = asyncio.run(
            wan(
                Path(folder), rounds=asked.rounds, seed=seed, row=asked.row, stores=asked.stores,
                backlog=asked.backlog, weather_s=asked.weather, mistake=asked.mistake, told=told,
            )
        )  # fmt: skip
    print(
        f"{figures.rounds} rounds, {figures.faults} faults: {figures.acks} acknowledged, {figures.entries} entries;"
        f" answers in the store {_spread(figures.lan_s)}; {time.monotonic() - began:.0f} s in all"
    )
    for what, took in sorted(figures.noticed_s.items()):
        print(
            f"  {what} shown after {_spread(took)}, of the line's time {max(took) * QUICKER:.0f} s at worst"
        )
    for sales, took_s in figures.drained:
        print(f"  {sales} orders and sales drained in {took_s:.1f} s")
    if figures.drain_lan_s:
        print(f"  answers in the store meanwhile {_spread(figures.drain_lan_s)}")
    for problem in figures.problems[:20]:
        print(f"WRONG: {problem[:1000]}")
    if figures.problems:
        again = f"--rounds {asked.rounds} --seed {seed} --stores {asked.stores}" + (
            f" --row {asked.row}" if asked.row else ""
        )
        print(f"{len(figures.problems)} problems. Again: python -m tests.wan {again}")
        return 1
    print("nothing waited for the line, nothing counted as sent that was not, both ends hold the same bytes")
    return 0


def _spread(seconds: list[float]) -> str:
    ordered = sorted(seconds)
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.99)]
    return f"{at[0] * 1000:.0f} ms (p99 {at[1] * 1000:.0f}, worst {ordered[-1] * 1000:.0f}, n {len(ordered)})"


if __name__ == "__main__":
    raise SystemExit(main())
