"""The box's clock and the ids it mints: what the pure core is handed."""

from __future__ import annotations

import random
import secrets
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.domain.entries import Stamp

# No hub ran before this program was written.
NOT_BEFORE = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
_random = random.Random(secrets.randbits(256))  # noqa: S311


def new_id() -> str:
    """A UUIDv7: ids made later sort later, so trees of them grow at one edge."""
    head = f"{time.time_ns() // 1_000_000:012x}"
    # Unique is enough, nobody gains by guessing one: so no call to the kernel for each.
    tail = f"{_random.getrandbits(76):019x}"
    return f"{head[:8]}-{head[8:]}-7{tail[:3]}-{'89ab'[int(tail[3], 16) & 3]}{tail[4:7]}-{tail[7:]}"


def boot_id() -> str:
    """This boot of the machine: monotonic times compare only within one."""
    try:
        return (
            Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip().replace("-", "")[:16]
        )
    except OSError:
        return secrets.token_hex(8)


class BoxClock:
    """Wall time in the store's zone, its business date (営業日), and how far it can be trusted.

    day_change: the time of day at which the business day turns, e.g. 05:00. floor: the time of the
    journal's last entry;
    a box without a clock battery that wakes up before it goes on from there, untrusted, until it hears the right time.
    """

    def __init__(self, *, zone: str, day_change: timedelta, floor_unix_s: float = 0.0) -> None:
        self._zone = ZoneInfo(zone)
        self._day_change = day_change
        self._offset_s = max(0.0, floor_unix_s - time.time())
        # A first boot without a clock battery: 1970 is no time that anyone should believe.
        self.source = "journal" if self._offset_s else "system" if time.time() >= NOT_BEFORE else "none"
        self._second = -1
        self._prefix = ""
        self._suffix = ""
        self._date = ""

    @property
    def trusted(self) -> bool:
        return self.source not in ("journal", "none")

    def unix_s(self) -> float:
        return time.time() + self._offset_s

    def monotonic(self) -> float:
        return time.monotonic()

    def heard(self, unix_s: float, source: str) -> None:
        """Right to a second or so. A system clock that lies further off than that is corrected for."""
        off = unix_s - time.time()
        if abs(off) < 2.0:
            self._offset_s, self.source = 0.0, "system"
        elif abs(off - self._offset_s) > 2.0 or not self.trusted:
            self._offset_s, self.source = off, source

    def stamp(self) -> Stamp:
        now = self.unix_s()
        second = int(now)
        if second != self._second:
            self._turn(second)
        return Stamp(
            f"{self._prefix}.{int(now * 1000) % 1000:03d}{self._suffix}",
            now,
            self._date,
            time.monotonic_ns() // 1_000_000,
            self.trusted,
        )

    def _turn(self, second: int) -> None:
        local = datetime.fromtimestamp(second, self._zone)
        text = local.isoformat()
        self._second, self._prefix, self._suffix = second, text[:19], text[19:]
        self._date = (local - self._day_change).date().isoformat()

    def business_date(self, time: str) -> str | None:
        """The business date of an RFC 3339 time with offset; None for a text that is none."""
        try:
            moment = datetime.fromisoformat(time)
        except ValueError:
            return None
        if moment.tzinfo is None:
            return None
        return (moment.astimezone(self._zone) - self._day_change).date().isoformat()

    def today(self) -> str:
        return self.stamp().business_date
