"""`python -m tests.soak --rounds HOURS`: a store's days on one hub, in minutes, with mixed faults (F18)."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from pathlib import Path

from tests.soak.rounds import SALES_A_DAY, Outcome, soak
from tests.support.rounds import asked_for, closing


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--sales", type=int, default=SALES_A_DAY, help="a day")
    parser.add_argument("--mistake", default="", help="a defect of tests/support/mistaken.py: must be found")
    asked = asked_for(parser, rounds=72)

    def told(outcome: Outcome) -> None:
        look = outcome.looks[-1]
        print(
            f"  hour {look.hours}: {outcome.acks} acknowledged, {look.rss_mb:.1f} MB, {look.files} files open,"
            f" {look.written / 1e6:.1f} MB written",
            flush=True,
        )

    with tempfile.TemporaryDirectory(prefix="storehub-soak-") as folder:
        outcome = asyncio.run(
            soak(
                Path(folder),
                hours=asked.rounds,
                seed=asked.seed,
                sales_a_day=asked.sales,
                mistake=asked.mistake,
                told=told,
            )
        )
    print(
        f"{outcome.looks[-1].hours} hours of {asked.sales} sales a day, {outcome.troubles} troubles:"
        f" {outcome.acks} acknowledged, {outcome.entries} entries at both ends; memory grew by"
        f" {outcome.growth_mb:.1f} MB after the first day; {outcome.written_a_day / 1e6:.1f} MB written a day at this"
        f" speed (at the pace of life: python -m bench.wear); {outcome.took_s:.0f} s in all"
    )
    return closing(
        outcome.problems,
        asked,
        program="soak",
        good="every acknowledged fact is at both ends once, and nothing grows",
    )


if __name__ == "__main__":
    raise SystemExit(main())
