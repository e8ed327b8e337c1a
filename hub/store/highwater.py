"""A witness beside the journal: how far it had come, in a file of its own.

SQLite drops all commits after a damaged byte of its WAL without a word. A journal that ends before this
mark has lost entries.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final
from zlib import crc32

import msgspec
from msgspec import Struct

from hub.domain.facts import After

SECTOR_BYTES: Final = 512


class _Sum(Struct):
    sum: int | None = None


def _sum(mark: After) -> int:
    # One flipped bit in the number would be a loss that never was.
    return crc32(f"{mark.epoch}:{mark.seq}:{mark.hash}".encode())


class HighWater:
    """Written about once a second at most, without a sync: it costs no order anything, and need not be exact."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._written: After | None = None

    def read(self) -> After | None:
        """The mark; None when there is none, or it cannot be read."""
        try:
            raw = self._path.read_bytes()
            mark, check = msgspec.json.decode(raw, type=After), msgspec.json.decode(raw, type=_Sum)
        except (OSError, ValueError):
            return None
        # What an older version wrote has none.
        return mark if check.sum in (None, _sum(mark)) else None

    def write(self, position: After) -> None:
        """Raises OSError."""
        if position == self._written:
            return
        mark = msgspec.json.encode({**msgspec.to_builtins(position), "sum": _sum(position)})
        # In its place, and always as long: a file made anew each time would be sent to the card each time. One sector,
        # which a power cut leaves as it was or as it is; anything else does not add up, and is no mark.
        file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.pwrite(file, mark.ljust(SECTOR_BYTES), 0)
        finally:
            os.close(file)
        self._written = position
