"""A batch: entries of one epoch, packed for the wire away from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import zstandard
from msgspec import Struct

from hub.domain.entries import Entry
from hub.domain.facts import After
from hub.ports import JournalReader

# Below this, handing the work to the thread takes longer than the work.
PACK_HERE_BYTES: Final = 32 * 1024
# Reading and hashing this many takes about a millisecond of the loop that also serves the devices.
PIECE_ENTRIES: Final = 250
LEVEL_FAST: Final = 1
LEVEL_TIGHT: Final = 3


class Batch(Struct, frozen=True):
    entries: Sequence[Entry]
    packed: bytes
    raw_bytes: int

    @property
    def epoch(self) -> str:
        return self.entries[0].epoch

    @property
    def first_seq(self) -> int:
        return self.entries[0].seq

    @property
    def last(self) -> After:
        entry = self.entries[-1]
        return After(entry.epoch, entry.seq, entry.hash)

    def at(self, seq: int) -> Entry | None:
        index = seq - self.first_seq
        return self.entries[index] if 0 <= index < len(self.entries) else None


class Packer:
    """Reads batches from the journal and packs them, one at a time."""

    def __init__(self, journal: JournalReader) -> None:
        self._journal = journal
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="upstream-pack")
        self._levels = {
            level: zstandard.ZstdCompressor(level=level, write_checksum=True)
            for level in (LEVEL_FAST, LEVEL_TIGHT)
        }

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def after(self, seq: int, *, count_max: int, bytes_max: int, tight: bool) -> Batch | None:
        """The next entries after seq, packed; None when there are none."""
        entries, raw_bytes = await self._read(seq, count_max, bytes_max)
        if not entries:
            return None
        level = LEVEL_TIGHT if tight else LEVEL_FAST
        if raw_bytes <= PACK_HERE_BYTES:
            packed = _pack(self._levels[level], entries, raw_bytes)
        else:
            loop = asyncio.get_running_loop()
            packed = await loop.run_in_executor(self._thread, _pack, self._levels[level], entries, raw_bytes)
        return Batch(entries, packed, raw_bytes)

    async def _read(self, seq: int, count_max: int, bytes_max: int) -> tuple[list[Entry], int]:
        """Entries of one epoch, read in pieces: each piece keeps the loop for a moment only."""
        entries: list[Entry] = []
        raw_bytes = 0
        while len(entries) < count_max:
            piece = await self._journal.after(
                seq, count_max=min(PIECE_ENTRIES, count_max - len(entries)), bytes_max=bytes_max - raw_bytes
            )
            if not piece or (entries and piece[0].epoch != entries[0].epoch):
                break
            entries += piece
            raw_bytes += sum(len(entry.raw) + 1 for entry in piece)
            seq = piece[-1].seq
            if raw_bytes >= bytes_max:
                break
        return entries, raw_bytes


def _pack(compressor: zstandard.ZstdCompressor, entries: Sequence[Entry], raw_bytes: int) -> bytes:
    """One line each, each line ended: the receiver splits at line breaks, which an entry never holds."""
    # Piece by piece: joining holds the interpreter, compressing lets it go.
    packing = compressor.compressobj(size=raw_bytes)
    packed = []
    for start in range(0, len(entries), PIECE_ENTRIES):
        piece = entries[start : start + PIECE_ENTRIES]
        packed.append(packing.compress(b"".join([part for entry in piece for part in (entry.raw, b"\n")])))
    packed.append(packing.flush())
    return b"".join(packed)
