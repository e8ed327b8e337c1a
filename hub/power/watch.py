"""Looks at power and heat now and then, and says when it is time to worry and when no more."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any, Final, Literal

from hub.power.nut import Ups, UpsPlace, ask
from hub.power.sensors import Readings, read

log = logging.getLogger(__name__)

EVERY_S: Final = 10.0
# A Pi slows itself down at 80 and stops being reliable above 85 degrees; it has to cool down well below to be well.
WARM_C: Final = 80.0
HOT_C: Final = 85.0
COOLER_BY_C: Final = 5.0
# A dip of the voltage takes milliseconds: it is shown until it has not come back for so long.
DIP_SHOWN_S: Final = 600.0

Heat = Literal["ok", "warm", "hot"]


class MachineHealth:
    """ups: where upsd is asked; None: nobody is. sensors and now are the test's to replace."""

    def __init__(
        self,
        *,
        ups: UpsPlace | None = None,
        sensors: Callable[[], Readings] = read,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._place = ups
        self._sensors = sensors
        self._now = now
        self._dipped_at: float | None = None
        self._readings = Readings()
        self.heat: Heat = "ok"
        self.ups: Ups | None = None

    @property
    def low_voltage(self) -> bool:
        return self._dipped_at is not None and self._now() - self._dipped_at < DIP_SHOWN_S

    @property
    def on_battery(self) -> bool:
        """Then nothing long is begun."""
        return self.ups is not None and self.ups.state in ("battery", "low")

    async def run(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(EVERY_S)

    async def look(self) -> None:
        # The firmware answers through a mailbox, which takes milliseconds.
        self.took(await asyncio.to_thread(self._sensors))
        if self._place is not None:
            before, self.ups = self.ups, await ask(self._place)
            if before is None or before.state != self.ups.state:
                log.warning("the UPS is on %s %s", self.ups.state, self.ups.reason)

    def took(self, readings: Readings) -> None:
        """Judge new readings."""
        self._readings = readings
        if readings.low_voltage:
            if not self.low_voltage:
                log.warning("the voltage is too low: the power supply or its cable is too weak")
            self._dipped_at = self._now()
        heat = _heat(self.heat, readings.celsius)
        if heat != self.heat:
            log.warning("the machine is %s: %.0f degrees", heat, readings.celsius or 0.0)
        self.heat = heat

    def view(self) -> dict[str, Any]:
        """`box` in GET /v1/sync. null: this machine has no such sensor, or nobody told of a UPS."""
        seen, ups = self._readings, self.ups
        return {
            "power": None if seen.low_voltage is None else "low" if self.low_voltage else "ok",
            "power_was_low": seen.low_voltage_before,
            "heat": None if seen.celsius is None else self.heat,
            "celsius": seen.celsius,
            "slowed": seen.slowed,
            "ups": None
            if ups is None
            else {
                "state": ups.state,
                "minutes_left": ups.minutes_left,
                "charge": ups.charge,
                "reason": ups.reason,
            },
        }


def _heat(before: Heat, celsius: float | None) -> Heat:
    """Hysteresis: a step down takes five degrees."""
    if celsius is None:
        return "ok"
    if celsius >= HOT_C or (before == "hot" and celsius > HOT_C - COOLER_BY_C):
        return "hot"
    if celsius >= WARM_C or (before != "ok" and celsius > WARM_C - COOLER_BY_C):
        return "warm"
    return "ok"
