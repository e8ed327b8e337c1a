"""Power, heat and a UPS, as the machine tells them: of its supply a Raspberry Pi tells in hwmon."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.doctor.findings import Finding, Patient, text_of

# A Raspberry Pi slows itself down at 80 °C and harder at 85.
HEAT_C_WARN: Final = 75
HEAT_C_FAIL: Final = 85
_LOW: Final = ("undervoltage detected", "under-voltage detected", "voltage normalised")


def power(patient: Patient) -> Iterator[Finding]:
    machine = patient.machine
    sensors = [
        path.parent
        for path in (machine.sys / "class/hwmon").glob("*/name")
        if (text_of(path) or "").startswith("rpi_volt")
    ]
    alarms = [text_of(sensor / "in0_lcrit_alarm") for sensor in sensors]
    log = (machine.run("dmesg") or "").lower().splitlines()
    told = sum(any(word in line for word in _LOW[:2]) for line in log)
    if "1" in alarms:
        yield Finding("power", "fail", "low", {"times": max(told, 1)})
    elif told:
        yield Finding("power", "warn", "was", {"times": told})
    elif alarms:
        yield Finding("power", "ok", "fine")
    else:
        yield Finding("power", "skip", "unknown")


def heat(patient: Patient) -> Iterator[Finding]:
    found = [text_of(path) for path in (patient.machine.sys / "class/thermal").glob("thermal_zone*/temp")]
    degrees = [int(text) // 1000 for text in found if text and text.lstrip("-").isdigit()]
    if not degrees:
        yield Finding("heat", "skip", "unknown")
        return
    words = {"degrees": max(degrees)}
    if max(degrees) >= HEAT_C_FAIL:
        yield Finding("heat", "fail", "hot", words)
    elif max(degrees) >= HEAT_C_WARN:
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
