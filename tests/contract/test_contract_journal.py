"""What every journal promises (JournalReader, JournalWriter, Notes): on SQLite, and on the fake that tests trust."""

from __future__ import annotations

import asyncio

import pytest

from hub.domain.entries import NO_HASH
from hub.domain.facts import After
from hub.ports import EpochStart, StoreError
from tests.contract.stores import Store

A, B, C = "a" * 16, "b" * 16, "c" * 16
ALL = {"count_max": 10_000, "bytes_max": 1 << 30}


async def test_an_empty_journal(store: Store) -> None:
    journal = store.journal
    assert journal.position == After("", 0, NO_HASH)
    assert journal.first_seq == 1
    assert list(journal.epochs()) == []
    assert await journal.after(0, **ALL) == []
    assert await journal.at(0) is None
    assert await journal.at(1) is None


async def test_what_was_appended_is_there_in_the_same_bytes(store: Store) -> None:
    group = await store.begin(A, 3) + await store.grow(2)
    for restarted in (False, True):
        if restarted:
            await store.reopened()
        journal = store.journal
        assert await journal.after(0, **ALL) == group
        assert [await journal.at(n) for n in range(7)] == [None, *group, None]
        assert journal.position == After(A, 5, group[-1].hash)
        assert list(journal.epochs()) == [EpochStart(A, 1, After("", 0, NO_HASH))]


async def test_a_page_is_of_one_epoch_and_within_bounds_and_never_empty(store: Store) -> None:
    first = await store.begin(A, 5, size=1000)
    second = await store.begin(B, 5, size=1000)
    for restarted in (False, True):
        if restarted:
            await store.reopened()
        after = store.journal.after
        assert await after(0, **ALL) == first
        assert await after(2, **ALL) == first[2:]
        assert await after(5, **ALL) == second
        assert await after(10, **ALL) == await after(99, **ALL) == []
        assert await after(0, count_max=2, bytes_max=1 << 30) == first[:2]
        assert await after(0, count_max=100, bytes_max=1) == first[:1]
        size = len(first[0].raw)
        assert await after(0, count_max=100, bytes_max=3 * size + 10) == first[:3]


async def test_epochs_tell_after_which_entry_each_begins(store: Store) -> None:
    first = await store.begin(A, 2)
    await store.begin(B, 1)
    third = await store.begin(C, 1)
    for restarted in (False, True):
        if restarted:
            await store.reopened()
        starts = list(store.journal.epochs())
        assert [(start.epoch, start.first_seq) for start in starts] == [(A, 1), (B, 3), (C, 4)]
        assert starts[1].after == After(A, 2, first[1].hash)
        assert store.journal.position == After(C, 4, third[0].hash)
        assert [(await store.journal.at(seq)).epoch for seq in range(1, 5)] == [A, A, B, C]


async def test_who_waits_is_woken_by_the_next_entry(store: Store) -> None:
    await store.begin(A, 1)
    async with asyncio.timeout(5):
        await store.journal.wait_beyond(0)
    waiting = [asyncio.ensure_future(store.journal.wait_beyond(1)) for _ in range(3)]
    later = asyncio.ensure_future(store.journal.wait_beyond(2))
    await asyncio.sleep(0)
    await store.grow(1)
    async with asyncio.timeout(5):
        await asyncio.gather(*waiting)
    await asyncio.sleep(0)
    assert not later.done()
    later.cancel()
    await asyncio.gather(later, return_exceptions=True)


async def test_nobody_sees_what_is_not_committed(store: Store) -> None:
    await store.begin(A, 1)
    store.journal.gate.clear()
    appending = asyncio.ensure_future(store.grow(2))
    for _ in range(20):
        await asyncio.sleep(0)
    assert store.journal.position.seq == 1
    assert len(await store.journal.after(0, **ALL)) == 1
    assert await store.journal.at(2) is None
    store.journal.gate.set()
    await appending
    assert store.journal.position.seq == 3


@pytest.mark.parametrize("fault", ["lost", "kept", "full"])
async def test_after_a_failed_commit_a_reopening_tells_what_is_there(store: Store, fault: str) -> None:
    (first,) = await store.begin(A, 1)
    group = store.made(2)
    waiting = asyncio.ensure_future(store.journal.wait_beyond(1))
    store.journal.faults.append(fault)
    with pytest.raises(StoreError) as failed:
        await store.journal.append(group)
    assert failed.value.full is (fault == "full")
    assert store.journal.position.seq == 1, "not before it is known to be durable"
    assert await store.journal.after(0, **ALL) == [first]
    await store.journal.reopen()
    there = [first, *group] if fault == "kept" else [first]
    assert await store.journal.after(0, **ALL) == there
    assert store.journal.position.hash == there[-1].hash
    if fault == "kept":
        async with asyncio.timeout(5):
            await waiting
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    more = await store.grow(1)
    await store.reopened()
    assert await store.journal.after(0, **ALL) == there + more


async def test_a_reopening_that_fails_can_be_tried_again(store: Store) -> None:
    await store.begin(A, 1)
    store.journal.faults.append("lost")
    store.journal.reopen_faults.extend([True, True])
    with pytest.raises(StoreError):
        await store.grow(1)
    for _ in range(2):
        with pytest.raises(StoreError):
            await store.journal.reopen()
        assert await store.journal.at(1), "reading goes on"
    await store.journal.reopen()
    await store.grow(1)


async def test_what_was_removed_is_gone_and_numbers_go_on(store: Store) -> None:
    entries = [
        entry for epoch, count in ((A, 4), (B, 1), (C, 3)) for entry in await store.begin(epoch, count)
    ]
    await store.journal.remove_before(3)
    for first, names in ((3, [A, B, C]), (5, [B, C]), (7, [C])):
        await store.journal.remove_before(first)
        for restarted in (False, True):
            if restarted:
                await store.reopened()
            journal = store.journal
            assert journal.first_seq == first
            assert [start.epoch for start in journal.epochs()] == names
            assert await journal.at(first - 1) is None
            assert await journal.at(first) == entries[first - 1]
            # Who comes from before the oldest entry gets what there is, and can see that it does not follow.
            page = await journal.after(0, **ALL)
            assert page[0] == entries[first - 1]
            assert page[0].epoch == names[0]
            assert journal.position.seq == 8
    (more,) = await store.grow(1)
    assert more.seq == 9


async def test_notes_are_kept_and_replaced(store: Store) -> None:
    journal = store.journal
    assert await journal.get("a") is None
    await journal.put("a", b"1")
    await journal.put("b", b"")
    await journal.put("a", b"\x00\xff")
    await store.reopened()
    assert await store.journal.get("a") == b"\x00\xff"
    assert await store.journal.get("b") == b""


async def test_appending_and_noting_at_the_same_time(store: Store) -> None:
    await store.begin(A, 1)
    for number in range(20):
        await asyncio.gather(
            store.grow(2),
            store.journal.put("n", b"%d" % number),
            store.journal.checkpoint(idle=True),
            store.journal.after(0, **ALL),
        )
    await store.reopened()
    assert store.journal.position.seq == 41
    assert await store.journal.get("n") == b"19"
