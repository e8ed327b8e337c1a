"""`python -m tests.hostile --seconds 20 [--seed 1] [--tls] [attack …]`: every attack for so long, while thirty
handhelds work (row F13 of the fault matrix)."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
from pathlib import Path

from tests.hostile.trial import HANDHELDS, PLAIN, TLS_ONLY, Report, trial

RSS_BYTES_MAX = 125 * 2**20
# Buffers of OpenSSL for the most connections that may stay.
TLS_BYTES = 30 * 2**20
LOG_BYTES_AN_HOUR_MAX = 2**20
START_LOG_BYTES = 16 * 1024


def show(report: Report) -> None:
    print(
        f"{'attack':16} {'asked':>6} {'failed':>6} {'p50 ms':>7} {'p99 ms':>7} {'worst':>7} {'MB most':>7}"
        "  the attackers saw"
    )
    for name, tally in report.during.items():
        for part in name.split("+"):
            score = report.scores[part]
            seen = ", ".join(f"{key} {value}" for key, value in score.items() if value and key != "bad")
            print(
                f"{part:16} {tally.asked:6} {tally.failures.total():6} {tally.percentile(0.5) * 1e3:7.1f}"
                f" {tally.percentile(0.99) * 1e3:7.1f} {max(tally.took_s, default=0) * 1e3:7.1f}"
                f" {report.rss_after[name] / 1e6:7.0f}  {seen}"
            )
            for line in score["bad"]:
                print("   ", line)
    honest = report.honest
    print(
        f"\n{HANDHELDS} handhelds: {honest.asked} orders, {honest.failures.total()} failed {dict(honest.failures)},"
        f" p99 {honest.percentile(0.99) * 1e3:.1f} ms; resident {report.rss_before / 1e6:.0f} MB before,"
        f" {report.rss_most / 1e6:.0f} MB at most; {report.log_lines} log lines, {report.log_bytes} bytes;"
        f" descriptors {report.descriptors[0]} before, {report.descriptors[1]} after; {report.malformed} requests sent"
    )


def problems(report: Report, seconds: float, *, tls: bool) -> list[str]:
    """What the row forbids. Half a second for an honest client is told, and no failure: the machine may be busy."""
    found = [f"{count} honest orders failed: {kind}" for kind, count in report.honest.failures.items()]
    found += [f"{name}: {line}" for name, score in report.scores.items() for line in score["bad"]]
    if report.rss_most > RSS_BYTES_MAX + (TLS_BYTES if tls else 0):
        found.append(f"{report.rss_most / 2**20:.0f} MB resident")
    # What a start says is not of the attackers' making.
    if report.log_bytes > START_LOG_BYTES + LOG_BYTES_AN_HOUR_MAX * seconds / 3600:
        found.append(f"{report.log_bytes} bytes of log in {seconds:.0f} s")
    if report.descriptors[1] > report.descriptors[0] + 3:
        found.append(f"descriptors: {report.descriptors}")
    most_sent = max(score["sent_mb_max"] for score in report.scores.values())
    if most_sent >= 1:
        found.append(f"{most_sent} MB of one request were taken")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tls", action="store_true")
    parser.add_argument("--mistake", default="")
    parser.add_argument("attacks", nargs="*")
    options = parser.parse_args()
    names = options.attacks or (*PLAIN, *(TLS_ONLY if options.tls else ()))
    program = ("tests.hostile.mistaken", options.mistake) if options.mistake else ("hub",)
    print(f"seed {options.seed}, {len(names)} attacks of {options.seconds:.0f} s", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        rounds = [((name,), options.seconds) for name in names]
        report = asyncio.run(trial(Path(folder), rounds, tls=options.tls, seed=options.seed, program=program))
    show(report)
    found = problems(report, options.seconds * len(names), tls=options.tls)
    for problem in found:
        print(f"WRONG: {problem}")
    if found:
        print("most of the log:", *(f"{count} {line}" for line, count in report.log_most), sep="\n  ")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
