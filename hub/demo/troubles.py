"""The evening's troubles: the line is cut, the hub killed, the line refuses, all of it heals; and who watches."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import Any, Final

import httpx

from hub.demo.client import Device, Refused
from hub.demo.scene import Scene
from hub.demo.screen import Screen
from hub.demo.wan import Line

# When what breaks, in parts of all tickets served.
CUT_AT: Final = 0.25
KILL_AT: Final = 0.45
REFUSE_AT: Final = 0.60
HEAL_AT: Final = 0.80
# The hub waits 15 s at most between two attempts to reach the cloud; the backlog takes a few more.
DRAIN_S_MAX: Final = 90.0
POLL_S: Final = 0.2


@dataclass(slots=True)
class _Shown:
    """screen.Counts of a scene."""

    scene: Scene

    def __getattr__(self, name: str) -> Any:
        scene = self.scene
        return {
            "seen": scene.feed[-1] if scene.feed else 0,
            "hub": scene.state,
            "retried": scene.traffic.retried,
        }.get(name, getattr(scene, name, None))


async def break_things(scene: Scene, screen: Screen) -> None:
    """Cut the line, kill the hub, let the line refuse, heal it: each at its part of the evening."""
    await _served(scene, CUT_AT)
    await scene.wan.switch(Line.SILENT)
    scene.line = "silent"
    screen.happened("[bold]the WAN falls silent[/]: the router is up, nothing comes through", "break")
    await _served(scene, KILL_AT)
    await scene.hub.kill()
    scene.state = "killed"
    killed_at = time.monotonic()
    screen.happened("[bold]kill -9 of the hub[/] while orders are on their way", "break")
    before = scene.traffic.replayed
    await scene.hub.start("--port", scene.url.rpartition(":")[2])
    scene.state = "up"
    screen.happened(
        f"the hub serves again after {time.monotonic() - killed_at:.1f} s, handhelds send again what had no answer",
        "good",
    )
    await _served(scene, REFUSE_AT)
    await scene.wan.switch(Line.REFUSED)
    scene.line = "refused"
    screen.happened("[bold]the WAN refuses[/] every connection", "break")
    await _served(scene, HEAL_AT)
    waiting = scene.entries - scene.acked
    await scene.wan.switch(Line.UP)
    scene.line = "up"
    screen.happened(f"[bold]the WAN is back[/], {waiting:,} entries wait at the hub", "good")
    if replayed := scene.traffic.replayed - before:
        screen.happened(
            f"{replayed} answers had been lost in the crash: the retry got the first answer again", "note"
        )


async def _served(scene: Scene, part: float) -> None:
    while scene.tickets < int(part * scene.tickets_all):
        await scene.changed.wait()
        scene.changed.clear()


async def follow(scene: Scene, kitchen: Device, after: int) -> None:
    """The kitchen display: follow the live feed over the kill, without gap or repeat."""
    place = f"{scene.sync['epoch']}:{after}"
    async for event in kitchen.events(after=place):
        if event.kind.startswith("storehub."):
            scene.feed.append(int(event.id.rpartition(":")[2]))


async def watch(scene: Scene, manager: Device, screen: Screen) -> None:
    shown = _Shown(scene)
    while True:
        with contextlib.suppress(httpx.TransportError, Refused):
            scene.sync = await manager.read("/v1/sync")
            scene.entries = int(scene.sync["last_seq"])
            # A hub that has just started asks the cloud how far it is; till then it knows less than we do.
            scene.acked = max(scene.acked, int(scene.sync["acked_seq"]))
        screen.show(shown)
        await asyncio.sleep(POLL_S)


async def drain(scene: Scene, screen: Screen, manager: Device, following: asyncio.Task[None]) -> None:
    """Until the cloud has everything, has compared its sums with the hub's, and the display has seen the last entry."""
    ends = time.monotonic() + DRAIN_S_MAX
    asked = False
    while time.monotonic() < ends:
        if following.done():
            following.result()
        sync = scene.sync
        sent = not sync["unsent"]["count"] and sync["last_seq"] == scene.entries
        if sent and not asked:
            screen.happened("the cloud has every entry", "good")
            # The hub compares when a replay has ended, then once a minute. A person who looks does not wait for that.
            asked = True
            for path in ("/v1/sync/pause", "/v1/sync/resume"):
                await manager.press(path)
        elif sent and _compared(sync) and scene.feed and scene.feed[-1] >= scene.entries:
            screen.happened("both ends have compared their sums", "good")
            return
        await asyncio.sleep(POLL_S)
    screen.happened(
        f"after {DRAIN_S_MAX:.0f} s the cloud still has not everything: {scene.sync['link']}", "bad"
    )


def _compared(sync: dict[str, Any]) -> bool:
    """Whether the newest comparison holds the last entry, and every other one came to a result."""
    rows = sync["reconciliation"]
    heads = {row["hub"]["last_seq"] for row in rows}
    return sync["last_seq"] in heads and all(row["agrees"] is not None for row in rows)
