"""Thirty honest handhelds at work while others attack the hub: what both sides saw."""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.hostile.attacks import ATTACKS
from tests.hostile.honest import Handheld, Tally
from tests.support.process import HubProcess, hub_process
from tests.support.rig import ROOT

HANDHELDS = 30
# The ones that a hub with TLS alone can suffer.
TLS_ONLY = ("handshakes", "no_tls")
PLAIN = tuple(name for name in ATTACKS if name not in TLS_ONLY)


@dataclass
class Report:
    honest: Tally = field(default_factory=Tally)
    # By attack: the honest devices' time while it went on, and what the attackers counted.
    during: dict[str, Tally] = field(default_factory=dict)
    scores: dict[str, dict[str, Any]] = field(default_factory=dict)
    # The most there was until the end of each attack.
    rss_after: dict[str, int] = field(default_factory=dict)
    rss_before: int = 0
    rss_most: int = 0
    log_lines: int = 0
    log_bytes: int = 0
    # What it says most often, without what differs from line to line, and how often.
    log_most: list[tuple[str, int]] = field(default_factory=list)
    descriptors: tuple[int, int] = (0, 0)

    @property
    def malformed(self) -> int:
        return sum(score["sent"] for score in self.scores.values())


async def trial(
    folder: Path,
    rounds: Sequence[tuple[Sequence[str], float]],
    *,
    tls: bool = False,
    seed: int = 1,
    program: Sequence[str] = ("hub",),
) -> Report:
    """Each round: attacks that go on together, and for how many seconds. The handhelds work all the time."""
    report = Report()
    folder.mkdir(parents=True, exist_ok=True)
    async with hub_process(folder, tls=tls, program=program) as hub:
        paired = await hub.devices(HANDHELDS)
        _, token = await hub.device("manager")
        crew = [
            Handheld(n, hub.port, own, tls=hub.tls, keeps=n % 2 == 0) for n, (_, own) in enumerate(paired)
        ]
        over = asyncio.Event()
        now = Tally()
        working = [asyncio.create_task(one.work(lambda: now, over, every_s=1.0)) for one in crew]
        report.rss_before = hub.rss_bytes()
        report.descriptors = (hub.descriptors(), 0)
        try:
            await asyncio.sleep(1.0)
            for names, seconds in rounds:
                now = Tally()
                said = await asyncio.gather(
                    *(_attack(name, hub.port, seconds, token, tls=tls, seed=seed) for name in names)
                )
                report.scores.update(zip(names, said, strict=True))
                report.rss_after["+".join(names)] = hub.rss_bytes("VmHWM")
                report.during["+".join(names)] = now
        finally:
            over.set()
            await asyncio.gather(*working)
        for tally in report.during.values():
            _add(report.honest, tally)
        report.rss_most = hub.rss_bytes("VmHWM")
        said = hub.said()
        report.log_lines = len(said)
        report.log_most = Counter(re.sub(r"\d+", "N", line)[:120] for line in said).most_common(5)
        report.log_bytes = hub.log.stat().st_size
        await _quiet(hub, report.descriptors[0] + 3)
        report.descriptors = (report.descriptors[0], hub.descriptors())
    return report


async def _quiet(hub: HubProcess, most: int) -> None:
    """Wait until everybody's connections are gone."""
    for _ in range(100):
        if hub.descriptors() <= most:
            return
        await asyncio.sleep(0.05)


def _add(whole: Tally, part: Tally) -> None:
    whole.asked += part.asked
    whole.took_s += part.took_s
    whole.failures += part.failures


async def _attack(
    name: str, port: int, seconds: float, token: str, *, tls: bool, seed: int
) -> dict[str, Any]:
    words = (name, str(port), str(seconds), token, str(seed), *(["tls"] if tls else []))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.hostile.attacks", *words,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=ROOT, env=dict(os.environ),
    )  # fmt: skip
    out, err = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{name}: {err.decode()[-2000:]}")
    return json.loads(out)  # type: ignore[no-any-return]
