"""All examinations, side by side, none of which can keep the doctor from telling about the others."""

from __future__ import annotations

import asyncio
import threading
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

    found = _later("folder", partial(box.folder, folder))()
    if any(finding.state == "fail" for finding in found):
        return found
    running = asyncio.run(running_hub(folder))
    patient = Patient(settings, folder, running, wait_s, machine or Machine())
    jobs = [_later(name, partial(examination, patient)) for name, examination in _examinations()]
    for job in jobs:
        found += job()
    return found


def _examinations() -> list[tuple[str, Examination]]:
    """Each in a module of its subject; loaded here, so that the command line itself stays quick."""
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
        ("credentials", box.credentials),
        ("hub", box.hub),
        ("power", power.power),
        ("heat", power.heat),
        ("ups", power.ups),
        ("service", service.service),
        ("starts", service.starts),
        ("version", service.version),
        ("disk", disk.space),
        ("mount", disk.mount),
        ("card", disk.wear),
        ("io", disk.errors),
        ("speed", disk.speed),
        ("journal", box.journal),
        ("clock", box.clock),
        ("addresses", lan.addresses),
        ("port", ports.port),
        ("firewall", ports.firewall),
        ("certificate", certificate.certificate),
        ("mdns", multicast.seen),
        ("multicast", multicast.heard),
        ("isolation", lan.isolation),
        ("cloud", cloud.cloud),
        ("link", cloud.link),
        ("copies", copies.copies),
        ("drills", drills.drills),
    ]


def _later(name: str, look: Callable[[], Iterable[Finding]]) -> Callable[[], list[Finding]]:
    """Begin; call the answer to wait for it."""
    found: list[Finding] = []
    done = threading.Event()

    def work() -> None:
        try:
            found.extend(look())
        except Exception as error:
            # A bug in one examination must not hide what the others found.
            found[:] = [Finding("doctor", "fail", "broken", {"check": name, "error": repr(error)[:300]})]
        finally:
            done.set()

    # A daemon: one that hangs in the kernel must not keep the process from ending.
    threading.Thread(target=work, name=f"examine {name}", daemon=True).start()

    def wait() -> list[Finding]:
        if not done.wait(LIMIT_S):
            return [Finding("doctor", "fail", "stuck", {"check": name, "seconds": int(LIMIT_S)})]
        return found

    return wait


async def running_hub(folder: DataDir) -> dict[str, Any] | None:
    """What `storehub status` shows of the hub that runs there; None when none answers."""
    from hub.control import ControlError, ask

    try:
        async with asyncio.timeout(10):
            return dict(await ask(folder.control, "look"))
    except (OSError, ControlError, TimeoutError):
        return None
