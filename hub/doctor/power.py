"""Power, heat and a UPS, as the machine tells them: of its supply a Raspberry Pi tells in hwmon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.doctor.findings import Finding, Patient
from hub.power.sensors import read
from hub.power.watch import HOT_C, WARM_C

_LOW: Final = ("undervoltage detected", "under-voltage detected")


def power(patient: Patient) -> Iterator[Finding]:
    seen = read(patient.machine.sys)
    log = (patient.machine.run("dmesg") or "").lower().splitlines()
    told = sum(any(word in line for word in _LOW) for line in log)
    if seen.low_voltage:
        yield Finding("power", "fail", "low", {"times": max(told, 1)})
    elif told or seen.low_voltage_before:
        yield Finding("power", "warn", "was", {"times": max(told, 1)})
    elif seen.low_voltage is not None:
        yield Finding("power", "ok", "fine")
    else:
        yield Finding("power", "skip", "unknown")


def heat(patient: Patient) -> Iterator[Finding]:
    celsius = read(patient.machine.sys).celsius
    if celsius is None:
        yield Finding("heat", "skip", "unknown")
        return
    words = {"degrees": int(celsius)}
    if celsius >= HOT_C:
        yield Finding("heat", "fail", "hot", words)
    elif celsius >= WARM_C:
        yield Finding("heat", "warn", "warm", words)
    else:
        yield Finding("heat", "ok", "fine", words)


def ups(patient: Patient) -> Iterator[Finding]:
    """As NUT tells it: OB on battery, LB battery low, RB replace the battery."""
    names = (patient.machine.run("upsc", "-l") or "").split()
    if not names:
        yield Finding("ups", "skip", "none")
        return
    for name in names[:1]:
        status = (patient.machine.run("upsc", name, "ups.status") or "").split()
        charge = (patient.machine.run("upsc", name, "battery.charge") or "").strip() or "?"
        words = {"name": name, "status": " ".join(status) or "?", "charge": charge}
        if not status:
            yield Finding("ups", "warn", "mute", words)
        elif "LB" in status:
            yield Finding("ups", "fail", "empty", words)
        elif "OB" in status:
            yield Finding("ups", "warn", "battery", words)
        elif "RB" in status:
            yield Finding("ups", "warn", "replace", words)
        else:
            yield Finding("ups", "ok", "fine", words)
