"""The service under systemd, how often it had to begin again, and which version runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

import click

from hub.doctor.findings import Finding, Patient
from hub.released import marker_of_this_program, offer_view, update_view

UNIT: Final = "storehub.service"
SHOWN: Final = ("LoadState", "ActiveState", "SubState", "UnitFileState", "NRestarts", "Result")
# Somebody who sets a box up starts it a few times; a box with a loose plug does it every day.
STARTS_WARN: Final = 4
SINCE: Final = timedelta(days=1)


def service(patient: Patient) -> Iterator[Finding]:
    said = patient.machine.run("systemctl", "show", UNIT, *(f"--property={name}" for name in SHOWN))
    shown = dict(line.split("=", 1) for line in (said or "").splitlines() if "=" in line)
    if shown.get("LoadState") != "loaded":
        yield Finding("service", "skip", "absent")
        return
    words = {
        "state": f"{shown.get('ActiveState', '')} ({shown.get('SubState', '')})",
        "result": shown.get("Result", ""),
        "restarts": int(shown.get("NRestarts") or 0),
    }
    if shown.get("ActiveState") != "active":
        yield Finding("service", "fail", "down", words)
    elif shown.get("UnitFileState") not in ("enabled", "enabled-runtime"):
        yield Finding("service", "warn", "disabled", words)
    elif words["restarts"]:
        yield Finding("service", "warn", "crashed", words)
    else:
        yield Finding("service", "ok", "fine", words)


def starts(patient: Patient) -> Iterator[Finding]:
    """How often the hub began in the last day, and in how many boots of the box: every start is in the journal."""
    from hub.cli.common import reading
    from hub.domain import entries

    if not patient.folder.journal.is_file():
        return
    began: list[str] = []
    try:
        with reading(patient.folder.path) as journal:
            last = journal.last()
            if last is None:
                return
            since = datetime.fromisoformat(entries.read(last[1]).time) - SINCE
            for start in reversed(journal.epochs()):
                first = next(iter(journal.entries(start.first_seq, start.first_seq)), None)
                if first is None:
                    break
                envelope = entries.read(first[1])
                if datetime.fromisoformat(envelope.time) < min(since, datetime.now(UTC) - SINCE):
                    break
                began.append(envelope.bootid)
    except (click.ClickException, ValueError):
        return  # The journal's own examination says what is wrong with it.
    words = {"starts": len(began), "boots": len(set(began))}
    if len(set(began)) > STARTS_WARN:
        yield Finding("starts", "warn", "boots", words)
    elif len(began) - len(set(began)) > STARTS_WARN:
        yield Finding("starts", "warn", "many", words)
    else:
        yield Finding("starts", "ok", "fine", words)


def version(patient: Patient) -> Iterator[Finding]:
    from importlib.metadata import version

    installed = version("storehub")
    running = (patient.running or {}).get("hub", {}).get("version", installed)
    last = update_view(marker_of_this_program())
    if last is not None and last["state"] not in ("done", "prepared"):
        # prepared: checked and waiting for its switch, a moment's matter.
        yield Finding("version", "fail" if last["state"] == "stuck" else "warn", last["state"], last)
    elif running != installed:
        yield Finding("version", "warn", "older", {"running": running, "installed": installed})
    elif offer := offer_view(patient.folder.path, running):
        yield Finding("version", "ok", "later", {"running": running, **offer})
    else:
        yield Finding("version", "ok", "fine", {"version": installed})
