"""A batch: entries of one epoch, packed for the wire away from the event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from msgspec import Struct
from zstandard import ZstdCompressor

from hub.domain.facts import After
from hub.ports import JournalReader
from hub.upstream.ledger import Tally, tallies_of

# Below this, handing the work to the thread takes longer than the work.
PACK_HERE_BYTES: Final = 32 * 1024
# Reading and counting this many takes some milliseconds of the loop. While that serves devices too, it takes pieces
# that it also packs within a millisecond (at the LAN's busiest; five times as many at a fifth of it), and does nothing
# for a moment before each: on a box with one core, the thread that commits runs only then.
PIECE_ENTRIES: Final = 250
BUSY_PIECE_ENTRIES: Final = 12
BUSY_REST_S: Final = 0.002
LEVEL_FAST: Final = 1
LEVEL_TIGHT: Final = 3


class Batch(Struct, frozen=True):
    """What is sent, and what the sums need of it: the entries' own bytes are in the journal."""

    tallies: Sequence[Tally]
    packed: bytes
    raw_bytes: int

    @property
    def epoch(self) -> str:
        return self.tallies[0].epoch

    @property
    def first_seq(self) -> int:
        return self.tallies[0].seq

    @property
    def last(self) -> After:
        last = self.tallies[-1]
        return After(last.epoch, last.seq, last.hash)

    def holds(self, seq: int) -> bool:
        return self.first_seq <= seq <= self.tallies[-1].seq


class Packer:
    """Reads batches from the journal and packs them piece by piece: never more than a piece is held unpacked."""

    def __init__(self, journal: JournalReader) -> None:
        self._journal = journal
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="upstream-pack")
        # By level. Their memory is a megabyte, which takes longer to get than a small batch to pack.
        self._spare: dict[int, ZstdCompressor] = {}

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def after(
        self, seq: int, *, count_max: int, bytes_max: int, tight: bool, beside: float = 0.0
    ) -> Batch | None:
        """The next entries after seq, of one epoch, packed; None when there are none.

        tight: packed as small as a slow line is worth. beside: how much devices want the loop meanwhile, 0 to 1.
        """
        at_once = min(PIECE_ENTRIES, int(BUSY_PIECE_ENTRIES / beside)) if beside > 0 else PIECE_ENTRIES
        loop = asyncio.get_running_loop()
        level = LEVEL_TIGHT if tight else LEVEL_FAST
        # One that nobody else has: a batch that was given up may still be in the thread, and keeps its own.
        compressor = self._spare.pop(level, None) or ZstdCompressor(level=level, write_checksum=True)
        packing = compressor.compressobj()
        tallies: list[Tally] = []
        parts: list[bytes] = []
        raw_bytes = 0
        while len(tallies) < count_max and raw_bytes < bytes_max:
            if beside > 0:
                await asyncio.sleep(BUSY_REST_S)
            piece = await self._journal.after(
                seq, count_max=min(at_once, count_max - len(tallies)), bytes_max=bytes_max - raw_bytes
            )
            if not piece or (tallies and piece[0].epoch != tallies[0].epoch):
                break
            tallies += tallies_of(piece)
            # One line each, each line ended: the receiver splits at line breaks, which an entry never holds.
            lines = b"".join([part for entry in piece for part in (entry.raw, b"\n")])
            if len(lines) <= PACK_HERE_BYTES:
                parts.append(packing.compress(lines))
            else:
                parts.append(await loop.run_in_executor(self._thread, packing.compress, lines))
            raw_bytes += len(lines)
            seq = piece[-1].seq
        # Nobody can take it before this turn of the loop is over.
        self._spare[level] = compressor
        if not tallies:
            return None
        parts.append(packing.flush())
        return Batch(tallies, b"".join(parts), raw_bytes)
