"""Group commit: who is answered when, what is seen meanwhile, and what a failed commit leaves behind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from types import SimpleNamespace

import pytest

from hub.domain import entries
from hub.domain.commands import ApplyMaster, ChangeProduct, LineIn, OpenCheck, PlaceOrder, RecoverEntry
from hub.domain.entries import Entry
from hub.domain.errors import Internal, NotReady, OutcomeUnknown, SoldOut, StorageFull
from hub.domain.facts import MasterChange
from hub.ports import EpochStart
from hub.service import writer as writer_module
from tests.support.core import PORTIONS, HubKit, check, until

ORDER = PlaceOrder(lines=(LineIn("p1", 1),), table_id="t1")
ALL_OF_IT = PlaceOrder(lines=(LineIn("last", PORTIONS),), table_id="t2")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "REOPEN_WAIT_S_MIN", 0.005)
    monkeypatch.setattr(writer_module, "REOPEN_WAIT_S_MAX", 0.02)


def start(coroutine: object) -> asyncio.Task[object]:
    return asyncio.ensure_future(coroutine)  # type: ignore[arg-type]


async def held(kit: HubKit, *commands: object) -> list[asyncio.Task[object]]:
    """Let the commit of the first command hang on its way to the disk, with the others decided on top of it."""
    kit.journal.gate.clear()
    before = kit.journal.appends
    tasks = [start(kit.submit("held-0", commands[0]))]
    await until(lambda: kit.journal.appends == before + 1)
    for number, command in enumerate(commands[1:], 1):
        tasks.append(start(kit.submit(f"held-{number}", command)))
    if len(commands) > 1:
        await until(lambda: len(kit.core.writer._open.requests) == len(commands) - 1)
    return tasks


async def test_many_commands_share_few_commits(kit: HubKit) -> None:
    before = kit.journal.appends
    answers = await asyncio.gather(*(kit.says(f"k{n}", ORDER, device=f"d{n % 8}") for n in range(200)))
    assert len({answer["order_id"] for answer in answers}) == 200
    assert kit.journal.appends - before <= 10
    await check(kit)


async def test_nobody_is_answered_before_the_commit_has_returned(kit: HubKit) -> None:
    (task,) = await held(kit, ORDER)
    for _ in range(50):
        await asyncio.sleep(0)
    assert not task.done()
    kit.journal.gate.set()
    await task


async def test_readers_see_only_what_is_on_disk_and_decisions_see_everything(kit: HubKit) -> None:
    tasks = await held(kit, ALL_OF_IT)
    assert kit.core.state.products.committed["last"].remaining == PORTIONS
    assert kit.core.state.products.get("last").remaining == 0  # type: ignore[union-attr]
    assert not kit.core.state.seated.committed
    assert kit.journal.position.seq == 2
    refused = start(kit.submit("late", ALL_OF_IT))
    for _ in range(50):
        await asyncio.sleep(0)
    assert not refused.done(), "it was refused for something that is not on disk"
    kit.journal.gate.set()
    await asyncio.gather(*tasks)
    with pytest.raises(SoldOut):
        await refused
    assert kit.core.state.products.committed["last"].remaining == 0


async def test_a_refused_command_refuses_alone(kit: HubKit) -> None:
    results = await asyncio.gather(
        *(kit.submit(f"k{n}", ALL_OF_IT if n % 2 else ORDER) for n in range(10)), return_exceptions=True
    )
    refused = [result for result in results if isinstance(result, SoldOut)]
    assert len(refused) == 4, "one of five gets the last portions"
    assert len([result for result in results if not isinstance(result, BaseException)]) == 6
    await check(kit)


@pytest.mark.parametrize("fault", ["lost", "kept"])
async def test_a_failed_commit_leaves_all_of_its_commands_and_those_on_top_unknown(
    kit: HubKit, fault: str
) -> None:
    seq = kit.journal.position.seq
    on_top = ApplyMaster("import", (MasterChange("setting", "note", "x"),))
    tasks = await held(kit, ALL_OF_IT, ORDER, PlaceOrder(lines=(LineIn("p2", 2),), table_id="t3"))
    ordered = start(kit.core.desk.order(on_top))
    refused = start(kit.submit("refused", ALL_OF_IT))
    await asyncio.sleep(0)
    kit.journal.faults.append(fault)
    kit.journal.gate.set()
    for task in (*tasks, ordered, refused):
        with pytest.raises(OutcomeUnknown):
            await task
    await until(lambda: kit.core.writer.trouble is None)
    kept = 2 if fault == "kept" else 0
    assert kit.journal.position.seq == seq + kept
    assert kit.core.state.products.committed["last"].remaining == (0 if kept else PORTIONS)
    await check(kit)
    # The chain goes on, and everyone who asks again with the same key gets one effect.
    first = await kit.submit("held-0", ALL_OF_IT)
    assert first.replayed is (fault == "kept")
    await kit.submit("held-1", ORDER)
    assert (await kit.submit("held-0", ALL_OF_IT)).body == first.body
    await check(kit)


async def test_nothing_of_a_failed_commit_is_seen_while_its_outcome_is_unknown(kit: HubKit) -> None:
    kit.journal.reopen_faults.extend([True] * 3)
    tasks = await held(kit, ALL_OF_IT)
    kit.journal.faults.append("kept")
    kit.journal.gate.set()
    with pytest.raises(OutcomeUnknown):
        await tasks[0]
    assert kit.core.state.products.committed["last"].remaining == PORTIONS
    assert not kit.committed or all(meta.seq <= 2 for _, meta in kit.committed)
    with pytest.raises(NotReady):
        await kit.submit("other", ORDER)
    await until(lambda: kit.core.writer.trouble is None)
    assert kit.core.state.products.committed["last"].remaining == 0
    await check(kit)


async def test_rows_that_came_back_count_once_however_often_the_reopening_fails(
    kit: HubKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    (task,) = await held(kit, ORDER)
    kit.journal.faults.append("kept")
    put, fails = kit.journal.put, [True, True]

    async def failing(name: str, value: bytes) -> None:
        if fails:
            fails.pop()
            raise writer_module.StoreError("made to fail: probe")
        await put(name, value)

    monkeypatch.setattr(kit.journal, "put", failing)
    kit.journal.gate.set()
    with pytest.raises(OutcomeUnknown):
        await task
    await until(lambda: kit.core.writer.trouble is None)
    assert not fails
    await check(kit)
    unsaved = kit.core.writer.unsaved
    assert unsaved == kit.journal.position.seq - kit.core.saver.seq


async def test_rows_read_back_in_pieces_count_once(kit: HubKit, monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = await held(kit, ALL_OF_IT)
    kit.journal.faults.append("kept")
    after, reads = kit.journal.after, []

    async def breaking(seq: int, **limits: int) -> object:
        reads.append(seq)
        if len(reads) == 3:
            raise writer_module.StoreError("made to fail: read")
        return await after(seq, **{**limits, "count_max": 1})

    monkeypatch.setattr(kit.journal, "after", breaking)
    kit.journal.gate.set()
    with pytest.raises(OutcomeUnknown):
        await tasks[0]
    await until(lambda: kit.core.writer.trouble is None)
    assert len(reads) > 3
    monkeypatch.undo()
    await check(kit)


async def test_a_save_in_the_middle_of_a_reopening_claims_no_more_than_it_knows(kit: HubKit) -> None:
    """Rows that came back stand in the journal before the state has them."""
    before = kit.journal.position
    (task,) = await held(kit, ORDER)
    kit.journal.faults.append("kept")
    read_back, states = kit.core.writer._read_back, []

    async def saving(base: object) -> None:
        await kit.core.save()
        states.append(kit.core.saver.seq)
        await read_back(base)  # type: ignore[arg-type]

    kit.core.writer._read_back = saving  # type: ignore[method-assign]
    kit.journal.gate.set()
    with pytest.raises(OutcomeUnknown):
        await task
    await until(lambda: kit.core.writer.trouble is None)
    assert states == [before.seq]
    await kit.again()
    assert (await kit.submit("held-0", ORDER)).replayed
    await check(kit)


async def test_followers_are_woken_for_rows_that_came_back(kit: HubKit) -> None:
    waiting = start(kit.journal.wait_beyond(kit.journal.position.seq))
    (task,) = await held(kit, ORDER)
    kit.journal.faults.append("kept")
    kit.journal.gate.set()
    with pytest.raises(OutcomeUnknown):
        await task
    async with asyncio.timeout(5):
        await waiting


async def test_a_full_disk_refuses_writes_and_serves_reads_and_mends_itself(kit: HubKit) -> None:
    await kit.says("first", ORDER)
    kit.journal.faults.append("full")
    kit.journal.reopen_faults.extend([True] * 3)
    with pytest.raises(OutcomeUnknown):
        await kit.submit("k", ORDER)
    kit.core.writer._enter(writer_module.StoreError("still full", full=True))
    with pytest.raises(StorageFull):
        await kit.submit("k2", ORDER)
    assert (await kit.submit("first", ORDER)).replayed, "what was answered is answered again"
    assert kit.core.state.seated.committed["t1"]
    assert len(await kit.entries()) == kit.journal.position.seq
    await until(lambda: kit.core.writer.trouble is None)
    await kit.says("k", ORDER)
    await check(kit)


async def test_a_disk_in_error_is_no_committer_that_hangs(
    kit: HubKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The watchdog lets a hung commit be killed, and must leave a hub alone that serves reads beside a full disk."""
    now = [0.0]
    # The writer's own clock only: the loop's must go on.
    clock = SimpleNamespace(monotonic=lambda: now[0], time=time.time, time_ns=time.time_ns)
    monkeypatch.setattr(writer_module, "time", clock)
    (task,) = await held(kit, ORDER)
    now[0] += 60
    assert kit.core.writer.stuck_s() == 60
    kit.journal.faults.append("full")
    kit.journal.reopen_faults.extend([True] * 1000)
    kit.journal.gate.set()
    with pytest.raises(OutcomeUnknown):
        await task
    assert kit.core.writer.trouble is not None
    assert kit.core.writer.stuck_s() == 0
    kit.journal.reopen_faults.clear()
    await until(lambda: kit.core.writer.trouble is None)


async def test_a_commit_that_a_slow_card_holds_is_no_rest(
    kit: HubKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The WAL is moved when nobody waits: its syncs, two or three, would stand before the next order."""
    rests: list[bool] = []

    async def checkpoint(*, idle: bool) -> None:
        rests.append(idle)

    monkeypatch.setattr(kit.journal, "checkpoint", checkpoint)
    await until(lambda: any(rests))
    (task,) = await held(kit, ORDER)
    rests.clear()
    await until(lambda: len(rests) >= 4)
    assert not any(rests)
    kit.journal.gate.set()
    await task
    await until(lambda: any(rests))


async def test_a_device_that_hangs_up_takes_nobody_with_it(kit: HubKit) -> None:
    tasks = await held(kit, ORDER, ORDER)
    twin = start(kit.submit("held-0", ORDER))
    third = start(kit.submit("held-0", ORDER))
    await asyncio.sleep(0)
    third.cancel()
    await asyncio.sleep(0)
    tasks[0].cancel()
    for _ in range(5):
        await asyncio.sleep(0)
    kit.journal.gate.set()
    assert (await twin).replayed, "the order was on its way: asking again gives its answer"  # type: ignore[attr-defined]
    await tasks[1]
    truth = await check(kit)
    assert sum(len(one.lines) for one in truth.state.checks.committed.values()) == 2


async def test_a_defect_in_the_rules_leaves_no_half_of_a_command(
    kit: HubKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = writer_module.evolve

    def broken(state: object, fact: object, meta: object) -> None:
        if type(fact).__name__ == "OrderPlaced":
            raise RuntimeError("a defect")
        real(state, fact, meta)  # type: ignore[arg-type]

    monkeypatch.setattr(writer_module, "evolve", broken)
    with pytest.raises(Internal):
        await kit.submit("k", ORDER)
    monkeypatch.undo()
    assert not kit.core.state.seated.get("t1")
    await kit.says("k", ORDER)
    await check(kit)


async def test_the_last_group_is_finished_and_answered_on_a_stop(kit: HubKit) -> None:
    tasks = await held(kit, ORDER, ORDER)
    stopping = start(kit.core.stop())
    await asyncio.sleep(0)
    kit.journal.gate.set()
    await asyncio.gather(*tasks)
    await stopping
    with pytest.raises(NotReady):
        await kit.submit("late", ORDER)
    await kit.journal.close()
    await kit.start()
    assert kit.core.saver.seq == kit.journal.position.seq - 1
    await check(kit)


async def test_a_recovered_entry_answers_its_own_key(kit: HubKit) -> None:
    """The device that sent a lost order asks again after the cloud gave it back."""
    first = await kit.submit("k", ORDER)
    (lost,) = [e for e in await kit.entries() if entries.read(e.raw).idempotencykey == "k"]
    other = (
        HubKit(type(kit._place)())
        if not hasattr(kit._place, "parent")
        else HubKit(kit._place.parent / "2.db")
    )  # type: ignore[union-attr]
    try:
        await other.fresh()
        await other.core.desk.order(
            RecoverEntry(epoch=lost.epoch, seq=lost.seq, hash=lost.hash, entry=lost.raw.decode())
        )
        for restart in (False, True):
            if restart:
                await other.again()
            again = await other.submit("k", ORDER)
            assert again.replayed
            assert again.body == first.body
        await other.core.save()
        await other.again()
        assert (await other.submit("k", ORDER)).replayed
    finally:
        await other.kill()


async def test_doing_nothing_twice_waits_for_what_it_rests_on(kit: HubKit) -> None:
    """A command of the box that finds its work done must not say so before that is on disk."""
    change = ApplyMaster("cloud", (MasterChange("setting", "note", "x"),), cursor="1")
    kit.journal.gate.clear()
    first = start(kit.core.desk.order(change))
    await until(lambda: kit.core.writer._flying is not None)
    second = start(kit.core.desk.order(change))
    for _ in range(20):
        await asyncio.sleep(0)
    assert not second.done()
    kit.journal.faults.append("lost")
    kit.journal.gate.set()
    for task in (first, second):
        with pytest.raises(OutcomeUnknown):
            await task


async def test_the_stock_of_the_last_portions_is_never_oversold(kit: HubKit) -> None:
    one = PlaceOrder(lines=(LineIn("last", 1),), table_id="t1")
    results = await asyncio.gather(
        *(kit.submit(f"k{n}", one, device=f"d{n}") for n in range(20)), return_exceptions=True
    )
    assert sum(not isinstance(result, BaseException) for result in results) == PORTIONS
    await kit.says("more", ChangeProduct(remaining=2), target="last")
    results = await asyncio.gather(*(kit.submit(f"m{n}", one) for n in range(5)), return_exceptions=True)
    assert sum(not isinstance(result, BaseException) for result in results) == 2
    await check(kit)


async def test_one_table_gets_one_check(kit: HubKit) -> None:
    await asyncio.gather(*(kit.submit(f"k{n}", ORDER) for n in range(20)))
    opened = await asyncio.gather(
        *(kit.submit(f"o{n}", OpenCheck(table_ids=("t9",))) for n in range(5)), return_exceptions=True
    )
    assert sum(not isinstance(result, BaseException) for result in opened) == 1
    assert len(kit.core.state.checks.committed) == 2


async def test_of_a_crowd_the_last_are_decided_while_the_disk_works(kit: HubKit) -> None:
    crowd = 4 * writer_module.CROWD
    await asyncio.gather(*(kit.submit(f"first-{n}", ORDER) for n in range(crowd)))
    sizes: list[int] = []
    append = kit.journal.append

    async def noted(group: Sequence[Entry], *, opens: EpochStart | None = None) -> None:
        sizes.append(len(group))
        await append(group, opens=opens)

    kit.journal.append = noted
    enough = int(crowd * writer_module.SETS_OFF_WITH)
    kit.journal.gate.clear()
    tasks = [start(kit.submit(f"again-{n}", ORDER)) for n in range(enough - 1)]
    for _ in range(2):
        await asyncio.sleep(0)
    assert not kit.core.writer.sets_off, "it does not wait for the last of those who are enough"
    tasks.append(start(kit.submit("the last of them", ORDER)))
    await until(lambda: kit.core.writer.sets_off or bool(sizes))
    tasks += [start(kit.submit(f"late-{n}", ORDER)) for n in range(crowd - enough)]
    await until(lambda: len(kit.core.writer._open.entries) == crowd - enough)
    assert sizes == [enough]
    assert not kit.core.writer.sets_off, "there is one on its way"
    kit.journal.gate.set()
    await asyncio.gather(*tasks)
    assert sizes == [enough, crowd - enough]
    await check(kit)


async def test_a_few_are_all_waited_for(kit: HubKit) -> None:
    few = writer_module.CROWD - 2
    for turn in range(3):
        before = kit.journal.appends
        await asyncio.gather(*(kit.submit(f"{turn}-{n}", ORDER) for n in range(few)))
        assert kit.journal.appends == before + 1


async def test_a_flood_is_not_waited_for_to_its_end(kit: HubKit) -> None:
    await asyncio.gather(*(kit.submit(f"k{n}", ORDER) for n in range(2 * writer_module.GROUP_ENTRIES_MAX)))
    assert kit.core.writer._enough <= writer_module.GROUP_ENTRIES_MAX
