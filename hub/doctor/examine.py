"""All examinations, side by side, none of which can keep the doctor from telling about the others."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Final

from hub.datadir import DataDir
from hub.doctor.findings import Finding, Machine, Patient
from hub.settings import Settings

Examination = Callable[[Patient], Iterable[Finding]]
# A disk that hangs takes whoever asks it along: after this the others are told without it.
LIMIT_S: Final = 25.0


def examine(
    settings: Settings, folder: DataDir, *, wait_s: float, machine: Machine | None = None
) -> list[Finding]:
    """All findings, in the order in which a technician would look. wait_s: how long to listen on the network."""
    from hub.doctor import box

    found = _together([("box", "folder", partial(box.folder, folder))])
    if any(finding.state == "fail" for finding in found):
        return found
    running = asyncio.run(running_hub(folder))
    patient = Patient(settings, folder, running, wait_s, machine or Machine())
    return found + _together(
        [(group, name, partial(examination, patient)) for group, name, examination in _examinations()]
    )


def _examinations() -> list[tuple[str, str, Examination]]:
    """Group, name, examination. Those of one group go one after the other, the groups side by side.

    Whoever opens the journal or its lock is in one group, as they would take each other for a hub.
    """
    from hub.doctor import (
        box,
        certificate,
        cloud,
        copies,
        disk,
        drills,
        lan,
        multicast,
        ports,
        power,
        service,
    )

    return [
        ("machine", "credentials", box.credentials),
        ("journal", "hub", box.hub),
        ("machine", "power", power.power),
        ("machine", "heat", power.heat),
        ("machine", "ups", power.ups),
        ("machine", "service", service.service),
        ("journal", "starts", service.starts),
        ("machine", "version", service.version),
        ("disk", "disk", disk.space),
        ("disk", "mount", disk.mount),
        ("disk", "card", disk.wear),
        ("disk", "io", disk.errors),
        ("disk", "speed", disk.speed),
        ("journal", "journal", box.journal),
        ("machine", "clock", box.clock),
        ("network", "addresses", lan.addresses),
        ("network", "port", ports.port),
        ("network", "firewall", ports.firewall),
        ("network", "certificate", certificate.certificate),
        ("mdns", "mdns", multicast.seen),
        ("multicast", "multicast", multicast.heard),
        ("isolation", "isolation", lan.isolation),
        ("cloud", "cloud", cloud.cloud),
        ("cloud", "link", cloud.link),
        ("machine", "copies", copies.copies),
        ("machine", "drills", drills.drills),
    ]


def _together(jobs: list[tuple[str, str, Callable[[], Iterable[Finding]]]]) -> list[Finding]:
    """The findings in the order of the jobs; who is not done in time is named in their place."""
    found: dict[str, list[Finding]] = {}
    threads = []
    for group in dict.fromkeys(group for group, _, _ in jobs):
        mine = [(name, look) for each, name, look in jobs if each == group]
        # A daemon: one that hangs in the kernel must not keep the process from ending.
        threads.append(
            threading.Thread(target=_one_by_one, args=(mine, found), name=f"doctor {group}", daemon=True)
        )
        threads[-1].start()
    ends = time.monotonic() + LIMIT_S
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    told: list[Finding] = []
    for _, name, _ in jobs:
        stuck = Finding("doctor", "fail", "stuck", {"check": name, "seconds": int(LIMIT_S)})
        told += found.get(name, [stuck])
    return told


def _one_by_one(
    jobs: list[tuple[str, Callable[[], Iterable[Finding]]]], found: dict[str, list[Finding]]
) -> None:
    for name, look in jobs:
        try:
            found[name] = list(look())
        except Exception as error:
            # A bug in one examination must not hide what the others found.
            found[name] = [Finding("doctor", "fail", "broken", {"check": name, "error": repr(error)[:300]})]


async def running_hub(folder: DataDir) -> dict[str, Any] | None:
    """What `storehub status` shows of the hub that runs there; None when none answers."""
    from hub.control import ControlError, ask

    try:
        async with asyncio.timeout(10):
            return dict(await ask(folder.control, "look"))
    except (OSError, ControlError, TimeoutError):
        return None
