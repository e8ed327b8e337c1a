"""`python -m tests.hostile --seconds 20 [--tls] [attack …]`: every attack for so long, while thirty handhelds work."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.hostile.trial import HANDHELDS, PLAIN, TLS_ONLY, Report, trial


def show(report: Report) -> None:
    print(
        f"{'attack':16} {'asked':>6} {'failed':>6} {'p50 ms':>7} {'p99 ms':>7} {'worst':>7}  the attackers saw"
    )
    for name, tally in report.during.items():
        for part in name.split("+"):
            score = report.scores[part]
            seen = ", ".join(f"{key} {value}" for key, value in score.items() if value and key != "bad")
            print(
                f"{part:16} {tally.asked:6} {tally.failures.total():6} {tally.percentile(0.5) * 1e3:7.1f}"
                f" {tally.percentile(0.99) * 1e3:7.1f} {max(tally.took_s, default=0) * 1e3:7.1f}  {seen}"
            )
            for line in score["bad"]:
                print("   ", line)
    honest = report.honest
    print(
        f"\n{HANDHELDS} handhelds: {honest.asked} orders, {honest.failures.total()} failed {dict(honest.failures)},"
        f" p99 {honest.percentile(0.99) * 1e3:.1f} ms; resident {report.rss_before / 1e6:.0f} MB before,"
        f" {report.rss_most / 1e6:.0f} MB at most; {report.log_lines} log lines;"
        f" descriptors {report.descriptors[0]} before, {report.descriptors[1]} after; {report.malformed} requests sent"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--mistake", default="")
    parser.add_argument("attacks", nargs="*")
    options = parser.parse_args()
    names = options.attacks or (*PLAIN, *(TLS_ONLY if options.tls else ()))
    program = ("tests.hostile.mistaken", options.mistake) if options.mistake else ("hub",)
    with tempfile.TemporaryDirectory() as folder:
        rounds = [((name,), options.seconds) for name in names]
        report = asyncio.run(trial(Path(folder), rounds, tls=options.tls, program=program))
        show(report)
    bad = [line for score in report.scores.values() for line in score["bad"]]
    sys.exit(1 if report.honest.failures or bad else 0)


if __name__ == "__main__":
    main()
