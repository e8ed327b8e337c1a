"""How fast the backlog may go up, and when it makes room for the store."""

from __future__ import annotations

from msgspec import Struct


class PaceSettings(Struct, frozen=True):
    """The default yields to the LAN; yield_to_lan False is full pace."""

    yield_to_lan: bool = True
    entries_per_s_max: int | None = None
    # Two batches are in memory at once. Over 40 ms, twice as large ones are a third faster, larger ones hardly.
    batch_entries_max: int = 4000
    batch_bytes_max: int = 4 * 1024 * 1024
    # While devices are being served: a batch small enough that reading and packing it delays no answer.
    busy_batch_entries_max: int = 250
    # The pause after a batch, as a multiple of the time it took, when the LAN is at its busiest.
    busy_pause_ratio: float = 1.0
    busy_pause_s_max: float = 1.0
