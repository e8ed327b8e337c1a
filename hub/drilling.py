"""Drills that a person begins on the console: `storehub drill` in a process of its own, one at a time.

The same rehearsals as the command line's (hub.doctor.drill_wan, drill_box), with what must not be left to a page: a
bound on how long each may take, room on the disk, and only what tells something of this store.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from hub.domain.errors import DrillRefused
from hub.examining import doctor_says
from hub.ports import DrillKind
from hub.service.box import Box
from hub.settings import Settings

log = logging.getLogger(__name__)

KINDS: Final[tuple[DrillKind, ...]] = ("wan", "box")
# Besides the outage itself: what is measured before, the backlog, the comparison with the cloud (hub.doctor.drill_wan).
WAN_MORE_S: Final = 240.0
BOX_S_MAX: Final = 900.0
# A rehearsed hub ends, and its directory is taken away, well within it; the unit gives the whole hub 30 s.
LEAVE_S: Final = 5.0
# A backup, what is restored from it, and what is written there; and then the disk is not nearly full yet.
JOURNALS: Final = 3
ROOM_BYTES: Final = 256 * 1024 * 1024


class Driller:
    """stop() ends what runs; the outage of a rehearsed line is ended by the replay itself."""

    def __init__(self, settings: Settings, folder: Path, box: Box) -> None:
        self._settings = msgspec.structs.replace(settings, data=str(folder.absolute()))
        self._box = box
        self._task: asyncio.Task[None] | None = None
        self._running: dict[str, Any] | None = None
        self._last: dict[str, Any] | None = None

    def view(self) -> dict[str, Any]:
        drills = [{"kind": kind, "why": self._why_not(kind)} for kind in KINDS]
        return {"running": self._running, "last": self._last, "drills": drills}

    def begin(self, kind: DrillKind, seconds: float) -> None:
        why = self._why_not(kind)
        if why is not None:
            raise DrillRefused(kind=kind, why=why)
        at = datetime.fromisoformat(self._box.clock.stamp().time)
        most_s = seconds + WAN_MORE_S if kind == "wan" else BOX_S_MAX
        told = {"kind": kind, "at": at.isoformat()}
        self._running = {**told, "ends_by": (at + timedelta(seconds=most_s)).isoformat()}
        self._task = asyncio.create_task(self._rehearse(told, seconds, most_s), name="drill")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _why_not(self, kind: DrillKind) -> str | None:
        box = self._box
        if self._running is not None:
            return "running"
        if box.role != "primary":
            return "role"
        if kind == "wan":
            return None if box.upstream.online else "line"
        if self._settings.mirror_dir is None and box.copies.of("standby").state == "none":
            # From a backup that is made for the purpose every dead box comes back: that would prove nothing.
            return "copy"
        storage = box.storage()
        free, journal = storage["free_bytes"], storage["journal_bytes"]
        known = free is not None and journal is not None
        return None if known and free > JOURNALS * journal + ROOM_BYTES else "space"

    async def _rehearse(self, told: dict[str, Any], seconds: float, most_s: float) -> None:
        found: dict[str, Any] = {"state": "unfinished", "steps": {"en": [], "ja": []}}
        log.info("a drill begins: %s", told["kind"])
        try:
            async with asyncio.timeout(most_s):
                said = await doctor_says(self._settings, "drill", told["kind"], str(seconds), leave_s=LEAVE_S)
            found = msgspec.json.decode(said)
        except (TimeoutError, OSError, msgspec.DecodeError) as error:
            log.warning("the drill did not come to an end: %r", error)
        finally:
            self._last, self._running, self._task = {**told, **found}, None, None
        log.info("the drill has ended: %s %s", told["kind"], found["state"])
