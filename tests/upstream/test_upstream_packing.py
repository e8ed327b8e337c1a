"""Batches hold what the journal holds, whatever became of the batch before, and leave the loop to the devices."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest
import zstandard

from hub.domain.entries import Entry
from hub.upstream.batches import BUSY_PIECE_ENTRIES, PIECE_ENTRIES, Batch, Packer
from tests.support.idle import watched_loop
from tests.support.memory import MemoryJournal, Store

ALL = 600


class Watched(MemoryJournal):
    """Notes how much is read at once, and can be made to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[int] = []
        self.go = asyncio.Event()
        self.go.set()

    async def after(self, seq: int, *, count_max: int, bytes_max: int) -> list[Entry]:
        found = await super().after(seq, count_max=count_max, bytes_max=bytes_max)
        self.read.append(len(found))
        await self.go.wait()
        return found


@pytest.fixture
async def journal() -> Watched:
    made = Watched()
    store = Store(made)
    store.start()
    store.facts(ALL - 1)
    return made


@pytest.fixture
async def packer(journal: Watched) -> AsyncIterator[Packer]:
    made = Packer(journal)
    yield made
    made.close()


def lines(batch: Batch | None) -> list[bytes]:
    assert batch is not None
    raw = zstandard.ZstdDecompressor().decompressobj().decompress(batch.packed)
    assert len(raw) == batch.raw_bytes
    return raw.splitlines()


@pytest.mark.parametrize(
    ("beside", "most"), [(0.0, PIECE_ENTRIES), (0.01, PIECE_ENTRIES), (0.2, 60), (1.0, BUSY_PIECE_ENTRIES)]
)
async def test_a_batch_is_the_next_entries_a_line_each(
    journal: Watched, packer: Packer, beside: float, most: int
) -> None:
    batch = await packer.after(10, count_max=500, bytes_max=10**9, tight=False, beside=beside)
    whole = await journal.after(10, count_max=500, bytes_max=10**9)
    assert lines(batch) == [entry.raw for entry in whole]
    assert batch is not None
    assert (batch.first_seq, batch.last.seq, batch.last.hash) == (11, 510, whole[-1].hash)
    assert max(journal.read[:-1]) == most


async def test_beside_devices_the_loop_has_nothing_to_do_between_pieces(packer: Packer) -> None:
    with watched_loop() as alone:
        await packer.after(0, count_max=160, bytes_max=10**9, tight=False)
    with watched_loop() as beside:
        await packer.after(0, count_max=160, bytes_max=10**9, tight=False, beside=1.0)
    assert beside.idle >= 160 / BUSY_PIECE_ENTRIES > alone.idle


async def test_one_that_was_given_up_leaves_nothing_in_the_next(journal: Watched, packer: Packer) -> None:
    for beside in (0.0, 1.0):
        journal.go.clear()
        given_up = asyncio.create_task(
            packer.after(0, count_max=300, bytes_max=10**9, tight=False, beside=beside)
        )
        before = len(journal.read)
        while len(journal.read) == before:
            await asyncio.sleep(0)
        given_up.cancel()
        journal.go.set()
        with pytest.raises(asyncio.CancelledError):
            await given_up
        for tight in (False, True):
            batch = await packer.after(0, count_max=ALL, bytes_max=10**9, tight=tight, beside=beside)
            assert [msgspec.json.decode(line)["seq"] for line in lines(batch)] == list(range(1, ALL + 1))
    # One that was given up may still be in the thread when the next begins.
    both = await asyncio.gather(
        *(packer.after(0, count_max=ALL, bytes_max=10**9, tight=False) for _ in range(2))
    )
    assert lines(both[0]) == lines(both[1])
    assert await packer.after(ALL, count_max=9, bytes_max=10**9, tight=False) is None
