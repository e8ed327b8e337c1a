"""Rehearse an outage of the internet on the running hub: what the floor would have noticed, and what the cloud."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, Final

import httpx

from hub.control import ask
from hub.datadir import DataDir
from hub.doctor.drills import DrillRefused
from hub.doctor.findings import Finding

BEFORE_S: Final = 4.0
PROBE_EVERY_S: Final = 0.2
LOOK_EVERY_S: Final = 1.0
# A waiter notices a second; and twice as slow as before, plus what scatters anyway, is slower.
WORST_MS_MAX: Final = 1000.0
SCATTER_MS: Final = 25.0
# The hub counts from a moment earlier than this does, and is looked at once a second.
EARLY_S: Final = 2 * LOOK_EVERY_S
COMPARED_S_MAX: Final = 20.0
Told = Callable[[str], None]


class Probe:
    """Asks the hub over its own LAN address, as a device does, until it is stopped."""

    def __init__(self, url: str, folder: DataDir) -> None:
        verify: ssl.SSLContext | bool = True
        if url.startswith("https"):
            verify = ssl.create_default_context(cafile=str(folder.tls / "ca.pem"))
        self._http = httpx.AsyncClient(base_url=url, verify=verify, trust_env=False, timeout=5.0)
        self.phase = "before"
        self.took: dict[str, list[float]] = {"before": [], "during": [], "after": []}
        self.missed = 0
        self.asked = 0

    async def run(self) -> None:
        async with self._http:
            while True:
                phase, began = self.phase, time.monotonic()
                self.asked += 1
                try:
                    answer = await self._http.get("/readyz")
                    answer.raise_for_status()
                    self.took[phase].append(1000 * (time.monotonic() - began))
                except httpx.HTTPError:
                    self.missed += 1
                await asyncio.sleep(PROBE_EVERY_S)


async def rehearse_wan(
    folder: DataDir, *, seconds: float, drain_s: float, told: Told = lambda text: None
) -> list[Finding]:
    """Hold the replay for so long, or until a person ends it, then watch it catch up.

    The hub itself ends the outage, so it ends also when this process is gone.
    Raises DrillRefused, ControlError, OSError.
    """
    first = await ask(folder.control, "look")
    if first["link"]["state"] not in ("online", "degraded"):
        raise DrillRefused(
            f"the link is {first['link']['state']} already ({first['link']['reason']}): that is no rehearsal"
        )

    def at_first(look: dict[str, Any]) -> bool:
        told(f"before: {_line(look)}")
        return False

    probe = Probe(first["base_url"], folder)
    probing = asyncio.create_task(probe.run(), name="drill probe")
    try:
        await _watch(folder, BEFORE_S, at_first)
        before = await ask(folder.control, "look")
        await ask(folder.control, "drill.wan", seconds=seconds)
        probe.phase, began = "during", time.monotonic()
        looks: list[dict[str, Any]] = []

        def seen(look: dict[str, Any]) -> bool:
            looks.append(look)
            told(f"line cut, {max(0, seconds - (time.monotonic() - began)):.0f} s left: {_line(look)}")
            return not look["link"]["reason"].startswith("drill")

        await _watch(folder, seconds, seen)
        held = time.monotonic() - began
        probe.phase, back = "after", time.monotonic()
        last = await _drained(folder, drain_s, told)
        drained = time.monotonic() - back
        if not last["unsent"]["count"]:
            last = await _compared(folder, last, before, told)
        # What nothing waited for is over before it was asked once.
        while not probe.took["after"] and not probe.missed:  # noqa: ASYNC110 - once or twice
            await asyncio.sleep(PROBE_EVERY_S)
    finally:
        probing.cancel()
        await asyncio.gather(probing, return_exceptions=True)
    early = held < seconds - EARLY_S
    return list(_findings(folder, probe, before, looks, last, held=held, early=early, drained=drained))


async def _watch(folder: DataDir, seconds: float, enough: Callable[[dict[str, Any]], bool]) -> None:
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        if enough(await ask(folder.control, "look")):
            return
        await asyncio.sleep(min(LOOK_EVERY_S, max(left, 0)))


async def _drained(folder: DataDir, drain_s: float, told: Told) -> dict[str, Any]:
    ends = time.monotonic() + drain_s
    while True:
        look: dict[str, Any] = await ask(folder.control, "look")
        told(f"line back: {_line(look)}")
        up = look["link"]["state"] in ("online", "degraded")
        if (up and not look["unsent"]["count"]) or time.monotonic() > ends:
            return look
        await asyncio.sleep(PROBE_EVERY_S)


async def _compared(
    folder: DataDir, look: dict[str, Any], before: dict[str, Any], told: Told
) -> dict[str, Any]:
    """Wait for a comparison of today with the cloud that is younger than the drill."""
    ends = time.monotonic() + COMPARED_S_MAX
    known = _today(before)
    while time.monotonic() < ends and look["last_seq"] > before["last_seq"]:
        today = _today(look)
        if today is not None and today["agrees"] is not None and today != known:
            break
        told("comparing with the cloud")
        await asyncio.sleep(PROBE_EVERY_S)
        look = await ask(folder.control, "look")
    return look


def _today(look: dict[str, Any]) -> dict[str, Any] | None:
    rows = [row for row in look["reconciliation"] if row["business_date"] == look.get("business_date")]
    return rows[0] if rows else None


def _line(look: dict[str, Any]) -> str:
    return f"link {look['link']['state']}, entry {look['last_seq']:,}, {look['unsent']['count']:,} unsent"


def _findings(
    folder: DataDir,
    probe: Probe,
    before: dict[str, Any],
    looks: list[dict[str, Any]],
    last: dict[str, Any],
    *,
    held: float,
    early: bool,
    drained: float,
) -> Iterator[Finding]:
    yield Finding("outage", "warn" if early else "ok", "early" if early else "held", {"seconds": round(held)})
    yield _lan(probe)
    yield _orders(folder, before, looks)
    most = max((look["unsent"]["count"] for look in looks), default=0)
    fresh = len(last["quarantined"]) - len(before["quarantined"])
    if fresh > 0:
        yield Finding("backlog", "fail", "aside", {"count": fresh})
    elif last["unsent"]["count"]:
        words = {
            "left": last["unsent"]["count"],
            "seconds": round(drained, 1),
            "link": last["link"]["state"],
        }
        yield Finding("backlog", "fail", "stuck", words)
    else:
        yield Finding("backlog", "ok", "drained", {"most": most, "seconds": round(drained, 1)})
    today = _today(last)
    if today is None or today["agrees"] is None:
        yield Finding("days", "ok", "later")
    elif today["agrees"]:
        words = {"date": today["business_date"], "entries": today["hub"]["entries"]}
        yield Finding("days", "ok", "agree", words)
    else:
        yield Finding("days", "fail", "differ", {"date": today["business_date"]})


def _lan(probe: Probe) -> Finding:
    if probe.missed or not all(probe.took.values()):
        return Finding("lan", "fail", "silent", {"missed": probe.missed, "asked": probe.asked})
    middle = {phase: median(took) for phase, took in probe.took.items()}
    worst = max(max(took) for took in probe.took.values())
    words = {f"{phase}_ms": round(value, 1) for phase, value in middle.items()}
    slower = max(middle["during"], middle["after"]) > 2 * middle["before"] + SCATTER_MS
    slow = slower or worst > WORST_MS_MAX
    return Finding(
        "lan", "warn" if slow else "ok", "slower" if slow else "steady", {**words, "worst_ms": round(worst)}
    )


def _orders(folder: DataDir, before: dict[str, Any], looks: list[dict[str, Any]]) -> Finding:
    from hub.cli.common import reading
    from hub.domain import entries

    closed = [look["journal"] for look in looks if look["journal"]["state"] != "writable"]
    if closed:
        return Finding("orders", "fail", "closed", {"reason": closed[-1]["reason"]})
    first = before["last_seq"] + 1
    last = looks[-1]["last_seq"] if looks else before["last_seq"]
    types: list[str] = []
    if last >= first:
        with reading(folder.path) as journal:
            types = [entries.read(raw).type for _, raw in journal.entries(first, last)]
    words = {
        "orders": types.count("storehub.order.placed.v1"),
        "sales": types.count("storehub.sale.completed.v1"),
        "entries": len(types),
    }
    return Finding("orders", "ok", "taken", words) if types else Finding("orders", "skip", "quiet")
