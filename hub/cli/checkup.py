"""The doctor's examinations of the box itself. What each finding means in words is in doctor_texts.py."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from hub.datadir import DataDir, DataDirError
from hub.settings import Settings

State = Literal["ok", "warn", "fail"]
# Below this the hub may not get through the day; below the second it must be looked at.
DISK_BYTES_FAIL: Final = 200 * 1024 * 1024
DISK_BYTES_WARN: Final = 1024 * 1024 * 1024
CERTIFICATE_WARN: Final = timedelta(days=14)
# Checked in full: what is newer than this many entries. `storehub verify` reads everything.
CHAIN_ENTRIES: Final = 5000


class Finding(Struct, frozen=True):
    """check: what was looked at. what: which of its texts. words: what the texts name."""

    check: str
    state: State
    what: str
    words: dict[str, Any] = {}


def examine(settings: Settings, folder: DataDir, *, wait_s: float) -> list[Finding]:
    """All findings, in the order in which a technician would look."""
    found = list(_folder(folder))
    if any(finding.state == "fail" for finding in found):
        return found
    running = asyncio.run(_running(folder))
    found.append(_lock(folder, running))
    found.append(_disk(folder))
    found.extend(_journal(folder, running))
    found.extend(_clock(running))
    from hub.cli import checkup_net

    found.extend(checkup_net.examine(settings, folder, running, wait_s=wait_s))
    return found


async def _running(folder: DataDir) -> dict[str, Any] | None:
    from hub.control import ControlError, ask

    try:
        return dict(await ask(folder.control, "look"))
    except (OSError, ControlError):
        return None


def _folder(folder: DataDir) -> Iterator[Finding]:
    path = folder.path
    if not path.is_dir():
        yield Finding("folder", "fail", "missing", {"path": str(path)})
        return
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("folder", "fail", "closed", {"path": str(path), "user": _user()})
        return
    open_to_others = [
        item for item in (path, path / "identity.json", folder.tls / "ca.key") if _others_may(item)
    ]
    strangers = sorted({item.name for item in path.iterdir() if item.stat().st_uid != path.stat().st_uid})
    if strangers:
        yield Finding("folder", "fail", "strangers", {"path": str(path), "files": ", ".join(strangers)})
    elif open_to_others:
        yield Finding("folder", "warn", "open", {"files": ", ".join(str(item) for item in open_to_others)})
    else:
        yield Finding("folder", "ok", "fine", {"path": str(path)})


def _others_may(path: Path) -> bool:
    try:
        return bool(path.stat().st_mode & 0o077)
    except FileNotFoundError:
        return False


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _lock(folder: DataDir, running: dict[str, Any] | None) -> Finding:
    if running is not None:
        return Finding("hub", "ok", "running", {"since": running["hub"]["started_at"]})
    try:
        if folder.free():
            return Finding("hub", "warn", "stopped")
    except DataDirError as error:
        return Finding("hub", "fail", "unreadable", {"error": str(error)})
    return Finding("hub", "fail", "mute", {"path": str(folder.path)})


def _disk(folder: DataDir) -> Finding:
    usage = shutil.disk_usage(folder.path)
    state: State = (
        "fail" if usage.free < DISK_BYTES_FAIL else "warn" if usage.free < DISK_BYTES_WARN else "ok"
    )
    what = "fine" if state == "ok" else "low"
    return Finding(
        "disk", state, what, {"free_mb": usage.free // 1_000_000, "percent": 100 * usage.free // usage.total}
    )


def _journal(folder: DataDir, running: dict[str, Any] | None) -> Iterator[Finding]:
    from hub.cli.common import reading
    from hub.store.highwater import HighWater

    if not folder.journal.is_file():
        yield Finding("journal", "warn", "none")
        return
    import click

    try:
        with reading(folder.path) as journal:
            mode = journal.db.execute("PRAGMA journal_mode").fetchone()[0]
            quick = [row[0] for row in journal.db.execute("PRAGMA quick_check(3)")]
            last = journal.last()
            broken = _broken(
                journal.entries(max(journal.first_seq(), (last[0] if last else 0) - CHAIN_ENTRIES))
            )
            mark = HighWater(folder.highwater).read()
            known = {start.epoch for start in journal.epochs()}
    except (click.ClickException, msgspec.MsgspecError) as error:
        yield Finding("journal", "fail", "damaged", {"error": str(error)})
        return
    seq = last[0] if last else 0
    if quick != ["ok"]:
        yield Finding("journal", "fail", "damaged", {"error": "; ".join(quick)})
    elif broken is not None:
        yield Finding("journal", "fail", "broken", {"seq": broken})
    elif mark is not None and mark.epoch in known and mark.seq > seq:
        yield Finding("journal", "fail", "short", {"seq": seq, "mark": mark.seq})
    elif mode != "wal":
        yield Finding("journal", "fail", "mode", {"mode": mode})
    elif running is not None and running["journal"]["state"] != "writable":
        yield Finding("journal", "fail", "readonly", {"reason": running["journal"]["reason"]})
    else:
        yield Finding("journal", "ok", "fine", {"entries": seq})


def _broken(found: Iterator[tuple[int, bytes]]) -> int | None:
    """The first entry that does not follow the one before it."""
    from hub.domain import entries

    head: str | None = None
    for seq, raw in found:
        envelope = entries.read(raw)
        if envelope.seq != seq or (head is not None and envelope.prevhash != head):
            return seq
        head = entries.hash_of(raw)
    return None


def _clock(running: dict[str, Any] | None) -> Iterator[Finding]:
    if running is not None and not running["clock"]["trusted"]:
        yield Finding("clock", "warn", "untrusted", {"time": running["clock"]["time"]})
        return
    now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    synchronised = _ntp()
    if synchronised is None:
        yield Finding("clock", "ok", "unknown", {"time": now})
    elif synchronised:
        yield Finding("clock", "ok", "fine", {"time": now})
    else:
        yield Finding("clock", "warn", "free", {"time": now})


def _ntp() -> bool | None:
    """Whether the machine's clock is set by NTP; None where nobody can tell."""
    try:
        said = subprocess.run(
            ["timedatectl", "show", "--property=NTPSynchronized", "--value"],  # noqa: S607 - Debian's own
            capture_output=True,
            text=True,
            timeout=5,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return {"yes": True, "no": False}.get(said.stdout.strip()) if said.returncode == 0 else None
