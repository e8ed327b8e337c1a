"""Voltage and heat as a Raspberry Pi's kernel tells them, and when it is time to worry."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.power.sensors import Readings, read
from hub.power.watch import DIP_SHOWN_S, MachineHealth


def put(sys: Path, name: str, text: str) -> None:
    (sys / name).parent.mkdir(parents=True, exist_ok=True)
    (sys / name).write_text(text)


def pi(sys: Path, *, alarm: str = "0\n", throttled: str = "0\n", millidegrees: str = "48312\n") -> Path:
    put(sys, "class/hwmon/hwmon0/name", "cpu_thermal\n")
    put(sys, "class/hwmon/hwmon0/in0_lcrit_alarm", "1\n")
    put(sys, "class/hwmon/hwmon1/name", "rpi_volt\n")
    put(sys, "class/hwmon/hwmon1/in0_lcrit_alarm", alarm)
    put(sys, "devices/platform/soc/soc:firmware/get_throttled", throttled)
    put(sys, "class/thermal/thermal_zone0/temp", millidegrees)
    put(sys, "class/thermal/thermal_zone1/temp", "-274000\n")
    return sys


def test_a_well_pi(tmp_path: Path) -> None:
    assert read(pi(tmp_path)) == Readings(48.312, False, False, False)


@pytest.mark.parametrize(
    ("alarm", "throttled", "found"),
    [
        ("1\n", "0\n", (True, False, False)),
        ("0\n", "50005\n", (True, True, True)),
        ("0\n", "50000\n", (False, True, False)),
        ("0\n", "8\n", (False, False, True)),
        ("garbage", "0\n", (False, False, False)),
    ],
)
def test_what_the_firmware_says(
    tmp_path: Path, alarm: str, throttled: str, found: tuple[bool, bool, bool]
) -> None:
    seen = read(pi(tmp_path, alarm=alarm, throttled=throttled))
    assert (seen.low_voltage, seen.low_voltage_before, seen.slowed) == found


def test_a_machine_without_sensors_is_silent(tmp_path: Path) -> None:
    health = MachineHealth(sensors=lambda: read(tmp_path))
    health.took(read(tmp_path))
    assert health.view() == dict.fromkeys(
        ("power", "power_was_low", "heat", "celsius", "slowed", "ups"), None
    )


def test_a_dip_is_shown_until_it_stays_away() -> None:
    now = [0.0]
    health = MachineHealth(now=lambda: now[0])
    health.took(Readings(low_voltage=True))
    health.took(Readings(low_voltage=False))
    now[0] = DIP_SHOWN_S - 1
    assert health.view()["power"] == "low"
    health.took(Readings(low_voltage=True))
    now[0] += DIP_SHOWN_S - 1
    assert health.view()["power"] == "low"
    now[0] += 2
    health.took(Readings(low_voltage=False))
    assert health.view()["power"] == "ok"


def test_heat_goes_up_at_once_and_down_with_five_degrees() -> None:
    health = MachineHealth()
    seen = []
    for celsius in (60.0, 79.9, 80.0, 78.0, 75.1, 75.0, 85.0, 80.1, 80.0, 75.0, 90.0):
        health.took(Readings(celsius=celsius))
        seen.append(health.heat)
    assert seen == ["ok", "ok", "warm", "warm", "warm", "ok", "hot", "hot", "warm", "ok", "hot"]


@given(st.lists(st.floats(min_value=20, max_value=110), min_size=1, max_size=40))
def test_heat_is_never_off_by_more_than_its_hysteresis(temperatures: list[float]) -> None:
    health = MachineHealth()
    for celsius in temperatures:
        health.took(Readings(celsius=celsius))
        assert health.heat in {
            "ok": ("ok",), "warm": ("warm", "ok") if celsius < 80 else ("warm", "hot"), "hot": ("hot",)
        }["hot" if celsius >= 85 else "ok" if celsius <= 75 else "warm"] or (
            75 < celsius < 85 and health.heat == ("hot" if celsius > 80 else "warm")
        )  # fmt: skip
