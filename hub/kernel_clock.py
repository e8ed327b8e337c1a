"""What the kernel knows of its own time, read without another program: is it disciplined, and by what was it set."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path
from typing import Any, Final

# linux/timex.h
_STA_UNSYNC: Final = 0x0040
_TIME_ERROR: Final = 5
# struct timex begins with modes and, behind padding, four longs and the status; it is 208 bytes on 64 bits.
_HEAD: Final = struct.Struct("<i4xqqqqi")
_SIZE: Final = 512
TIMESYNCD: Final = Path("/run/systemd/timesync/synchronized")
RTC: Final = Path("/sys/class/rtc")


@cache
def _adjtimex() -> Any:
    try:
        import ctypes

        return ctypes.CDLL(None, use_errno=True).adjtimex
    except (ImportError, OSError, AttributeError, MemoryError):
        return None


def synchronised(timesyncd: Path = TIMESYNCD) -> bool:
    """Whether NTP disciplines the kernel's clock at this moment. Setting the clock by hand ends that.

    Where the call is forbidden, whether systemd-timesyncd has heard a server since the machine started.
    """
    call = _adjtimex()
    if call is not None:
        import ctypes

        buffer = ctypes.create_string_buffer(_SIZE)
        state = call(buffer)
        if state >= 0:
            status = _HEAD.unpack_from(buffer, 0)[5]
            return state != _TIME_ERROR and not status & _STA_UNSYNC
    return timesyncd.exists()


def battery(folder: Path = RTC) -> bool:
    """Whether the machine's clock was set at its start from one that goes on while it is off."""
    for clock in sorted(folder.glob("rtc*/hctosys")):
        try:
            if clock.read_text(encoding="ascii").strip() == "1":
                return True
        except OSError:
            continue
    return False
