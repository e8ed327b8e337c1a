"""When the store last rehearsed what, and how it went: drills.json in the data directory."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from hub.datadir import DataDir
from hub.doctor.findings import Finding, Patient, State

FILE: Final = "drills.json"
Kind = Literal["wan", "box"]
NAMES: Final[dict[Kind, str]] = {"wan": "drill_wan", "box": "drill_box"}
# The line fails every few weeks, a box every few years: the rarer it is, the less anybody remembers how it goes.
EVERY: Final[dict[Kind, timedelta]] = {"wan": timedelta(days=31), "box": timedelta(days=92)}


class DrillRefused(Exception):
    """It cannot be rehearsed now; the message says why."""


@contextmanager
def alone(folder: DataDir) -> Iterator[None]:
    """One drill at a time in a store, whoever begins it. Raises DrillRefused, OSError."""
    # On the directory itself: a file there would have to be kept out of copies, and `lock` is the hub's.
    handle = os.open(folder.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise DrillRefused("another drill is running") from error
    else:
        yield
    finally:
        os.close(handle)


def remember(folder: DataDir, kind: Kind, state: State) -> None:
    """Raises OSError."""
    known = _known(folder)
    known[kind] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "state": state}
    path = folder.path / FILE
    draft = path.with_suffix(".new")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(known))
    draft.replace(path)


def _known(folder: DataDir) -> dict[str, Any]:
    try:
        found = json.loads((folder.path / FILE).read_text())
        return found if isinstance(found, dict) else {}
    except (OSError, ValueError):
        return {}


def drills(patient: Patient) -> Iterator[Finding]:
    """For the doctor: whether it is time to rehearse again."""
    known, now = _known(patient.folder), datetime.now(UTC)
    for kind, every in EVERY.items():
        check = NAMES[kind]
        try:
            at, state = datetime.fromisoformat(known[kind]["at"]), known[kind]["state"]
        except (KeyError, TypeError, ValueError):
            yield Finding(check, "skip", "never")
            continue
        words = {"date": at.date().isoformat(), "days": (now - at).days}
        if state == "fail":
            yield Finding(check, "warn", "failed", words)
        elif now - at > every:
            yield Finding(check, "skip", "due", words)
        else:
            yield Finding(check, "ok", "done", words)
