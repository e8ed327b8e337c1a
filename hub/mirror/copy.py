"""Single entries of the copy on the second medium, for a repair."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from hub.mirror.medium import MediumError, entries_in, segments

log = logging.getLogger(__name__)


class MirrorCopy:
    """A segment at a time in memory. Reads in the caller's thread; nothing it gives is checked."""

    def __init__(self, folder: Path) -> None:
        try:
            self._segments = segments(folder)
        except OSError as error:
            log.warning("the mirror cannot be read: %s", error)
            self._segments = []
        self._open: Path | None = None
        self._entries: dict[int, bytes] = {}

    def entry(self, seq: int) -> bytes | None:
        """None when it is not there, or the medium cannot be read."""
        segment = next(
            (one for one in reversed(self._segments) if int(one.stem.partition("-")[2]) <= seq), None
        )
        if segment is None:
            return None
        if segment != self._open:
            self._open, self._entries = segment, dict(self._read(segment))
        return self._entries.get(seq)

    @staticmethod
    def _read(segment: Path) -> Iterator[tuple[int, bytes]]:
        try:
            for entry in entries_in(segment):
                yield entry.seq, entry.raw
        except (MediumError, OSError) as error:
            log.warning("the mirror cannot be read: %s", error)
