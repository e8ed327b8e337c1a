"""How fast the backlog may go up, and when it makes room for the store."""

from __future__ import annotations

from msgspec import Struct


class PaceSettings(Struct, frozen=True):
    """The default yields to the LAN; yield_to_lan False is full pace."""

    yield_to_lan: bool = True
    entries_per_s_max: int | None = None
    # Two of them are under way at a time, so that neither the round trip nor the packing is waited for: larger ones
    # are no faster, and it takes longer until the first large one is there. A cloud unpacks up to 32 MB.
    # What stays in memory of a batch is its packed bytes and a few words an entry.
    batch_entries_max: int = 4_000
    batch_bytes_max: int = 8 * 1024 * 1024
    # While devices are being served: this many at the LAN's busiest, ten times as many at a tenth of it. A request to
    # the cloud takes milliseconds of the loop and a sync of its disk whatever is in it: so rather few than small ones,
    # and still more entries than a hundred devices make meanwhile.
    busy_batch_entries_max: int = 300
    # The pause after a batch, as a multiple of the time it took, when the LAN is at its busiest.
    busy_pause_ratio: float = 30.0
    # The time a batch took is mostly the line's: a far cloud must not make the pauses longer than this.
    busy_pause_s_max: float = 0.8

    def heeded(self, busy: float) -> float:
        """How much room devices are to have now, 0 to 1. busy: how much the LAN asks of the hub."""
        return min(busy, 1.0) if self.yield_to_lan else 0.0
