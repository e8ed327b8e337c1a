"""How many entries the next batch holds: what the line delivered lately, within what the pace allows. Pure."""

from __future__ import annotations

from typing import Final

from hub.upstream.pace import PaceSettings

# Some 25 KB on the line: 3 s at 64 kbit/s.
FIRST_ENTRIES: Final = 200
FIRST_BYTES: Final = 512 * 1024
# A slow line's batch takes about this long; on a fast one the round trip decides and the limits are reached.
AIM_S: Final = 1.5
# A batch that came back this soon says that the round trip decides: the next one may be eight times as large, and still
# takes about as long as is aimed for.
SOON_S: Final = 0.2
# Below this many raw bytes a second the line is worth the processor's time for tighter packing.
SLOW_LINE_BYTES_PER_S: Final = 1024 * 1024


class BatchSizer:
    """Grows while batches come back quickly; shrinks to what the line carries, and by half on refusal."""

    def __init__(self, pace: PaceSettings) -> None:
        self._pace = pace
        self._bytes_limit = pace.batch_bytes_max
        self._entries = min(FIRST_ENTRIES, pace.batch_entries_max)
        self._bytes = min(FIRST_BYTES, pace.batch_bytes_max)
        self._rate: float | None = None

    @property
    def slow_line(self) -> bool:
        return self._rate is not None and self._rate < SLOW_LINE_BYTES_PER_S

    def is_large(self, *, entries: int, raw_bytes: int) -> bool:
        """Such as are only sent over a line that brought smaller ones soon."""
        return entries * 2 >= self._pace.batch_entries_max or raw_bytes * 2 >= self._pace.batch_bytes_max

    def limits(self, busy: float) -> tuple[int, int]:
        """(entries, bytes) of the next batch. busy: how much the LAN asks of the hub, 0 to 1."""
        entries = self._entries
        if self._pace.entries_per_s_max is not None:
            entries = min(entries, self._pace.entries_per_s_max)
        if (heeded := self._pace.heeded(busy)) > 0:
            entries = min(entries, int(self._pace.busy_batch_entries_max / heeded))
        return max(1, entries), max(1, self._bytes)

    def delivered(self, *, entries: int, raw_bytes: int, took_s: float) -> None:
        took_s = max(took_s, 0.001)
        rate = raw_bytes / took_s
        self._rate = rate if self._rate is None else 0.7 * self._rate + 0.3 * rate
        if took_s < AIM_S / 2:
            # Only a batch that was full says that more would fit.
            if entries * 2 >= self._entries or raw_bytes * 2 >= self._bytes:
                more = 8 if took_s < SOON_S else 2
                self._entries = min(self._entries * more, self._pace.batch_entries_max)
                # A limit that a 413 taught is tested again, gently: it may have been one large entry.
                self._bytes_limit = min(self._pace.batch_bytes_max, int(self._bytes_limit * 1.05) + 1024)
                self._bytes = min(self._bytes * more, self._bytes_limit)
        elif took_s > AIM_S * 1.5:
            share = AIM_S / took_s
            self._entries = max(1, int(entries * share))
            self._bytes = max(1024, int(raw_bytes * share))

    def timed_out(self) -> None:
        self._halve()

    def too_large(self, raw_bytes: int) -> None:
        """413: stay below this size from now on."""
        self._bytes_limit = max(1, min(self._bytes_limit, raw_bytes // 2))
        self._bytes = min(self._bytes, self._bytes_limit)
        self._entries = max(1, self._entries // 2)

    def _halve(self) -> None:
        self._entries = max(1, self._entries // 2)
        self._bytes = max(1024, self._bytes // 2)


def pause_s(pace: PaceSettings, *, busy: float, took_s: float, entries: int) -> float:
    """How long to rest after a batch: for the LAN's sake, and for the limit that was set."""
    rest = min(pace.busy_pause_s_max, took_s * pace.busy_pause_ratio * pace.heeded(busy))
    if pace.entries_per_s_max is not None:
        rest = max(rest, entries / pace.entries_per_s_max - took_s)
    return rest
