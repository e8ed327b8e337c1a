"""The data directory, the hub in it, its journal, its clock. What each finding means in words is in texts.toml."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from hub.datadir import DataDir, DataDirError
from hub.doctor.findings import Finding, Patient
from hub.store.mended import Span

# Checked in full: what is newer than this many entries. `storehub verify` reads everything.
CHAIN_ENTRIES: Final = 5000
# Keys, and what holds the token of a standby or the code of a set-up.
SECRET: Final = ("identity*.json", "*.key", "standby.json", "setup.json", "tls/*.key", "tls/server.pem")


def folder(folder: DataDir) -> Iterator[Finding]:
    path = folder.path
    if not path.is_dir():
        yield Finding("folder", "fail", "missing", {"path": str(path)})
        return
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("folder", "fail", "closed", {"path": str(path), "user": _user()})
        return
    strangers = sorted({item.name for item in path.iterdir() if item.stat().st_uid != path.stat().st_uid})
    if strangers:
        yield Finding("folder", "fail", "strangers", {"path": str(path), "files": ", ".join(strangers)})
    elif _others_may(path):
        yield Finding("folder", "warn", "open", {"path": str(path)})
    else:
        yield Finding("folder", "ok", "fine", {"path": str(path)})


def credentials(patient: Patient) -> Iterator[Finding]:
    """Whoever reads these files can be this store's hub, or send to its cloud."""
    data = patient.folder.path
    secret = [path for pattern in SECRET for path in sorted(data.glob(pattern))]
    config = os.environ.get("STOREHUB_CONFIG")
    world = []
    if config:
        settings = Path(config)
        # The service's group may read these; nobody else may.
        world = [settings.with_name("storehub.env")]
        try:
            if "cloud_token" in settings.read_text(encoding="utf-8", errors="replace"):
                world.append(settings)
        except OSError:
            pass  # A settings file that cannot be read was said when the settings were loaded.
    exposed = [item for item in secret if _others_may(item)]
    exposed += [item for item in world if _others_may(item, 0o007)]
    if exposed:
        yield Finding("credentials", "fail", "open", {"files": ", ".join(str(item) for item in exposed)})
    else:
        yield Finding("credentials", "ok", "fine")


def _others_may(path: Path, mask: int = 0o077) -> bool:
    try:
        return bool(path.stat().st_mode & mask)
    except OSError:
        return False


def _user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def hub(patient: Patient) -> Iterator[Finding]:
    folder, running = patient.folder, patient.running
    if running is not None:
        yield Finding("hub", "ok", "running", {"since": running["hub"]["started_at"]})
        return
    try:
        if folder.free():
            yield Finding("hub", "warn", "stopped")
            return
    except DataDirError as error:
        yield Finding("hub", "fail", "unreadable", {"error": str(error)})
        return
    yield Finding("hub", "fail", "mute", {"path": str(folder.path)})


def journal(patient: Patient) -> Iterator[Finding]:
    from hub.cli.common import reading
    from hub.store.highwater import HighWater
    from hub.store.holes import holes_of, spans
    from hub.store.mended import HOLES, named, repairs_of
    from hub.store.mended import NOTE as REPAIRS

    folder, running = patient.folder, patient.running
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
            repairs = repairs_of(journal.note(REPAIRS))
            mark = HighWater(folder.highwater).read()
            missing = spans(holes_of(journal.note(HOLES)), starts := journal.epochs())
            known = {start.epoch for start in starts}
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
    elif repairs and (
        lost := named(_missing(running, [*(span for one in repairs for span in one.lost), *missing]))
    ):
        yield Finding(
            "journal", "fail", "lost", {"at": repairs[-1].at, "lost": lost, "copy": repairs[-1].copy}
        )
    elif repairs:
        yield Finding("journal", "warn", "repaired", {"at": repairs[-1].at, "copy": repairs[-1].copy})
    else:
        yield Finding("journal", "ok", "fine", {"entries": seq})


def _missing(running: Mapping[str, object] | None, lost: Sequence[Span]) -> tuple[Span, ...]:
    """What a repair named as lost and has not come back since, as far as the hub that runs knows."""
    if running is not None and "lost" in running:
        return msgspec.convert(running["lost"], tuple[Span, ...])
    return tuple(lost)


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


def clock(patient: Patient) -> Iterator[Finding]:
    running = patient.running
    if running is not None and not running["clock"]["trusted"]:
        yield Finding("clock", "warn", "untrusted", {"time": running["clock"]["time"]})
        return
    if running is not None and running["clock"]["source"] == "person":
        yield Finding("clock", "ok", "person", {"time": running["clock"]["time"]})
        return
    now = datetime.now(UTC).astimezone().isoformat(timespec="seconds")
    said = patient.machine.run("timedatectl", "show", "--property=NTPSynchronized", "--value")
    synchronised = {"yes": True, "no": False}.get((said or "").strip())
    if synchronised is None:
        yield Finding("clock", "skip", "unknown", {"time": now})
    elif synchronised:
        yield Finding("clock", "ok", "fine", {"time": now})
    else:
        yield Finding("clock", "warn", "free", {"time": now})
