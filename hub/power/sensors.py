"""What the kernel says of voltage and heat, from sysfs as a Raspberry Pi has it. Where there is nothing: silence."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from msgspec import Struct

SYS: Final = Path("/sys")
_THROTTLED: Final = "devices/platform/soc/soc:firmware/get_throttled"
# Bits of get_throttled (Raspberry Pi documentation, "vcgencmd get_throttled"): now; 16 higher: since the start.
_LOW_VOLTAGE: Final = 0x1
_SLOWED: Final = 0x2 | 0x4 | 0x8
_LOW_VOLTAGE_BEFORE: Final = 0x10000


class Readings(Struct, frozen=True):
    """None: this machine has no such sensor. low_voltage_before: since it was started, if the firmware remembers."""

    celsius: float | None = None
    low_voltage: bool | None = None
    low_voltage_before: bool | None = None
    slowed: bool | None = None


def read(sys: Path = SYS) -> Readings:
    bits = _number(sys / _THROTTLED, base=16)
    alarms = [_number(file) for file in _of_driver(sys, "rpi_volt", "in*_lcrit_alarm")]
    known = [bool(alarm) for alarm in alarms if alarm is not None]
    if bits is not None:
        known.append(bool(bits & _LOW_VOLTAGE))
    zones = [_number(file) for file in sorted((sys / "class/thermal").glob("thermal_zone*/temp"))]
    # Zones that are switched off say 0 or less.
    degrees = [zone / 1000 for zone in zones if zone is not None and zone > 0]
    return Readings(
        celsius=max(degrees, default=None),
        low_voltage=any(known) if known else None,
        low_voltage_before=None if bits is None else bool(bits & _LOW_VOLTAGE_BEFORE),
        slowed=None if bits is None else bool(bits & _SLOWED),
    )


def _of_driver(sys: Path, driver: str, pattern: str) -> list[Path]:
    found: list[Path] = []
    for name in sorted((sys / "class/hwmon").glob("hwmon*/name")):
        try:
            if name.read_text(encoding="ascii").strip() == driver:
                found += sorted(name.parent.glob(pattern))
        except OSError:
            continue
    return found


def _number(file: Path, base: int = 10) -> int | None:
    try:
        return int(file.read_text(encoding="ascii").strip(), base)
    except (OSError, ValueError):
        return None
