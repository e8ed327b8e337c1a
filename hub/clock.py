"""The box's clock and the ids it mints: what the pure core is handed. See docs/time.md."""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from hub.domain.entries import Stamp
from hub.domain.errors import ClockKnown

# No hub ran before this program was written.
NOT_BEFORE = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
# A box that was off for longer than this is rarer than a clock that shows anything.
OFF_S_MAX: Final = 366 * 86400.0
# Two times that differ by less are the same: a Date counts whole seconds, and travels.
SAME_S: Final = 2.0
# What kernel and cloud may differ by before one of them is wrong.
AGREE_S: Final = 5.0
# Sources that are known to be right. `earlier`: the time was known earlier in this boot.
TRUSTED: Final = ("ntp", "cloud", "person", "earlier", "rtc")
_random = random.Random(secrets.randbits(256))  # noqa: S311


def new_id() -> str:
    """A UUIDv7: ids made later sort later, so trees of them grow at one edge."""
    # Unique is enough, nobody gains by guessing one: so no call to the kernel for each.
    now_ms, chance = time.time_ns() // 1_000_000, _random.getrandbits(74)
    variant = 0x8000 | chance >> 12 & 0x3FFF
    return f"{now_ms >> 16:08x}-{now_ms & 0xFFFF:04x}-7{chance & 0xFFF:03x}-{variant:04x}-{chance >> 26:012x}"


def boot_id() -> str:
    """This boot of the machine: monotonic times compare only within one."""
    try:
        return (
            Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip().replace("-", "")[:16]
        )
    except OSError:
        return secrets.token_hex(8)


class Before(Struct, frozen=True):
    """What the journal remembers of the time: that of its last entry, and the last one that was known to be right.

    same_boot: the last entry was made since the machine started, so its monotonic_ms goes on in ours.
    """

    unix_s: float = 0.0
    monotonic_ms: int = 0
    trusted: bool = False
    same_boot: bool = False
    known_unix_s: float = 0.0

    def floor(self) -> float:
        """No hub's clock starts before this."""
        if self.trusted or self.unix_s <= self.known_unix_s + OFF_S_MAX or not self.known_unix_s:
            return max(self.unix_s, self.known_unix_s)
        # An entry from 2099 that nobody has confirmed must not hold the clock for ever.
        return self.known_unix_s


class BoxClock:
    """Wall time in the store's zone, its business date (営業日), and how far it can be trusted.

    It runs on monotonic time from what it was last told, so a step of the machine's clock changes nothing until
    somebody who knows says so. day_change: the time of day at which the business day turns, e.g. 05:00.
    synchronised: whether the kernel's time is disciplined by NTP now. battery: whether the machine has a clock that
    went on while it was off.
    """

    def __init__(
        self,
        *,
        zone: str,
        day_change: timedelta,
        before: Before | None = None,
        synchronised: Callable[[], bool] = lambda: False,
        battery: bool = False,
    ) -> None:
        self._zone = ZoneInfo(zone)
        self._day_change = day_change
        self._synchronised = synchronised
        # The last stamp, and what it was made of: milliseconds, offset, source.
        self._made_of = (-1, 0.0, "")
        self._made: Stamp
        self._second = -1
        self._prefix = ""
        self._suffix = ""
        self._date = ""
        # How often what was said of the time before was found to be wrong, or right at last.
        self.turns = 0
        # The last step of the machine's clock that nobody had asked for, in seconds.
        self.stepped_s = 0.0
        self._ntp_refuted = False
        before = before or Before()
        floor = self._floor = before.floor()
        self._seen_s = self._offset_s = time.time() - time.monotonic()
        if synchronised() and time.time() >= NOT_BEFORE:
            self.source = "ntp"
        elif before.same_boot and before.trusted:
            self._offset_s = before.unix_s - before.monotonic_ms / 1000
            self.source = "earlier"
        elif time.time() < floor or (floor and time.time() > floor + OFF_S_MAX):
            self._offset_s = floor - time.monotonic()
            self.source = "journal"
        elif time.time() < NOT_BEFORE:
            # A first boot without a clock battery. In 1970 there was no tax rate, and no certificate.
            self._offset_s = NOT_BEFORE - time.monotonic()
            self.source = "none"
        else:
            self.source = "rtc" if battery else "system"

    @property
    def trusted(self) -> bool:
        return self.source in TRUSTED

    @property
    def offset_s(self) -> float:
        """Wall time less monotonic time."""
        return self._offset_s

    @property
    def zone(self) -> ZoneInfo:
        return self._zone

    def unix_s(self) -> float:
        return time.monotonic() + self._offset_s

    def monotonic(self) -> float:
        return time.monotonic()

    # -- what others say of the time ------------------------------------------------------------------------------

    def heard(self, unix_s: float, source: str) -> None:
        """What an authenticated answer of the cloud says: right to a second or so. It outweighs NTP."""
        offset = unix_s - time.monotonic()
        self._ntp_refuted = self._synchronised() and abs(offset - self._machine_s()) > AGREE_S
        if self.source == "ntp" and not self._ntp_refuted:
            return
        self._believe(offset, source if source in TRUSTED else "cloud")

    def said(self, unix_s: float) -> None:
        """What a person who looked at a watch says. Raises ClockKnown when the box knows better."""
        if self.source in ("ntp", "cloud", "earlier"):
            raise ClockKnown(source=self.source, time=self.stamp().time)
        self._believe(unix_s - time.monotonic(), "person")

    def supposed(self, unix_s: float) -> None:
        """What somebody with a certificate of the cloud's name says, whatever its dates: believed for looking at
        certificates only, and only within a year of what the journal knows.
        """
        low = max(self._floor, NOT_BEFORE)
        if self.trusted or unix_s < low or (self._floor and unix_s > low + OFF_S_MAX):
            return
        self._offset_s, self.source = unix_s - time.monotonic(), "hint"
        self._second = -1

    def look(self) -> None:
        """To be called about once a second: follow NTP, notice steps of the machine's clock."""
        seen = self._machine_s()
        step = seen - self._seen_s
        self._seen_s = seen
        if self._synchronised():
            if not self._ntp_refuted and time.time() >= NOT_BEFORE:
                self._believe(seen, "ntp")
            return
        if self._ntp_refuted and abs(seen - self._offset_s) <= AGREE_S:
            self._ntp_refuted = False
        if abs(step) > SAME_S:
            self.stepped_s = step
            # Nobody knows better: what was set by hand is as good a guess as any, if it can be true at all.
            if self.source in ("none", "system") and time.time() >= NOT_BEFORE:
                self._offset_s, self.source = seen, "system"
                self._second = -1

    def _machine_s(self) -> float:
        return time.time() - time.monotonic()

    def _believe(self, offset_s: float, source: str) -> None:
        known, off = self.trusted, abs(offset_s - self._offset_s)
        if known and off <= SAME_S:
            # Right to a second is no reason to jump; NTP is right to much less.
            if source == "ntp":
                self._offset_s = offset_s
            if source != "person":
                self.source = source
            return
        self._offset_s, self.source = offset_s, source
        self._second = -1
        self.turns += 1

    # -- the time ---------------------------------------------------------------------------------------------------

    def stamp(self) -> Stamp:
        now_ms = time.monotonic_ns() // 1_000_000
        # Orders come in bursts: those of one millisecond share their stamp.
        of = (now_ms, self._offset_s, self.source)
        if of == self._made_of:
            return self._made
        now = now_ms / 1000 + self._offset_s
        second = int(now)
        if second != self._second:
            self._turn(second)
        self._made = Stamp(
            f"{self._prefix}.{int(now * 1000) % 1000:03d}{self._suffix}",
            now,
            self._date,
            now_ms,
            self.trusted,
        )
        self._made_of = of
        return self._made

    def at(self, unix_s: float) -> tuple[str, str]:
        """RFC 3339 and business date of a moment."""
        local = datetime.fromtimestamp(unix_s, self._zone)
        return local.isoformat(timespec="milliseconds"), (local - self._day_change).date().isoformat()

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
