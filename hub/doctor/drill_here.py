"""A drill that the console begins, in the doctor's own process beside the hub."""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

from hub.control import ControlError
from hub.datadir import DataDir
from hub.doctor.drill_box import rehearse_box
from hub.doctor.drill_copy import Copy
from hub.doctor.drill_wan import rehearse_wan
from hub.doctor.drills import DrillRefused, alone, remember
from hub.doctor.findings import worst
from hub.doctor.texts import rows
from hub.settings import Settings

# As the command line waits for the backlog.
DRAIN_S: Final = 120.0
# On the disk: /tmp may lie in the memory that the hub needs. The service has one of its own, which goes with it.
ROOM: Final = Path("/var/tmp")  # noqa: S108 - the rehearsal makes a directory of its own there, for its user alone


def drill(settings: Settings, kind: str, seconds: float) -> bytes:
    """What GET /v1/drills tells of it. SIGTERM breaks it off; what was begun is taken away first."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    _goes_first_without_memory()
    folder = DataDir(Path(settings.data))
    try:
        with alone(folder):
            if kind == "wan":
                found = asyncio.run(rehearse_wan(folder, seconds=seconds, drain_s=DRAIN_S))
            else:
                copy = Copy(mirror=None if settings.mirror_dir is None else Path(settings.mirror_dir))
                found = rehearse_box(settings, folder, copy=copy, room=_room())
    except (DrillRefused, ControlError):
        return msgspec.json.encode({"state": "refused", "steps": {"en": [], "ja": []}})
    state = worst(found)
    with suppress(OSError):
        remember(folder, "wan" if kind == "wan" else "box", state)
    return msgspec.json.encode(
        {"state": state, "steps": {lang: rows(found, lang, "drill") for lang in ("en", "ja")}}
    )


def _room() -> Path | None:
    """Where the copy lies; None: where the environment says."""
    return None if "TMPDIR" in os.environ or not os.access(ROOM, os.W_OK) else ROOM


def _goes_first_without_memory() -> None:
    """So that the kernel ends the rehearsal, and the hub it starts, before the store's own hub."""
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("500")
