"""What is believed of the cloud: lies, steps back, histories that part, entries that come back, restarts."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.domain.commands import RecoverEntry
from hub.domain.errors import NotFound, OutcomeUnknown
from hub.ports import StoreError
from tests.support.badcloud import BadCloud, StandIn
from tests.support.memory import MemoryJournal, MemoryOffice, Store
from tests.upstream.world import World, until

LIES: list[dict[str, Any]] = [
    {"epoch": "0000000000000001", "seq": 999_999, "hash": "a" * 64},
    {"epoch": "0000000000000001", "seq": 5, "hash": "a" * 64},
    {"epoch": "ffffffffffffffff", "seq": 5, "hash": "a" * 64},
    {"epoch": "ffffffffffffffff", "seq": 999_999, "hash": "a" * 64},
]


@pytest.mark.parametrize("lie", LIES)
async def test_a_cursor_that_is_not_ours_moves_nothing(world: World, lie: dict[str, Any]) -> None:
    world.store.facts(20)
    world.cloud.lie = lie
    async with world.running():
        await world.until_link("captive_portal", "wrong-answer: the cloud claims to stand at")
        assert world.up.acked_seq == 0
        world.cloud.lie = None
        await world.until_complete()
        assert world.announcer.of("synced")[0]["seq"] > 0


@pytest.mark.parametrize("lie", LIES)
async def test_an_acknowledgement_that_is_not_ours_moves_nothing(world: World, lie: dict[str, Any]) -> None:
    async with world.running():
        await world.until_complete()
        world.cloud.lie = lie
        world.store.facts(20)
        await world.until_link("captive_portal", "wrong-answer")
        assert world.up.acked_seq == 1
        world.cloud.lie = None
        await world.until_complete()


async def test_an_answer_that_acknowledges_nothing_new_is_no_progress(world: World) -> None:
    async with world.running():
        await world.until_complete()
        world.cloud.lie = world.cloud.cursor
        world.store.facts(20)
        await world.until_link("degraded", "no-progress")
        assert world.up.acked_seq == 1
        await asyncio.sleep(1.0)
        assert len(world.bad.of("entries")) < 20
        world.cloud.lie = None
        await world.until_complete()


async def test_a_cloud_restored_from_a_backup_gets_everything_again(world: World) -> None:
    world.store.facts(500)
    world.store.sale(700)
    async with world.running():
        await world.until_complete()
        await world.until_agreed()
        world.store.start()
        world.store.facts(100)
        await world.until_complete()
        world.cloud.forget_after(200)
        world.cloud.applied = world.cloud.applied[:200]
        await until(lambda: world.up.acked_seq == 200 or len(world.cloud.chain) == world.journal.position.seq)
        world.store.facts(5)
        await world.until_complete()
        await world.until_agreed()


async def test_a_cloud_that_went_back_before_what_is_kept_is_refused(world: World) -> None:
    world.store.facts(100)
    async with world.running():
        await world.until_complete()
        world.journal.prune(50)
        world.cloud.forget_after(20)
        await world.until_link("refused", "pruned: the cloud asks for what follows 20")
        world.cloud.forget_after(0)
        await world.until_link("refused", "pruned: the cloud asks for what follows 0")


async def test_a_cloud_that_stands_just_before_what_is_kept_is_believed_by_the_chain(world: World) -> None:
    world.store.facts(100)
    async with world.running():
        await world.until_complete()
        world.journal.prune(50)
        world.cloud.forget_after(49)
        world.cloud.applied = world.cloud.applied[:49]
        await until(lambda: len(world.cloud.chain) == 101)
        await until(lambda: world.up.acked_seq == 101)


async def test_a_cloud_that_sends_us_to_and_fro_is_not_hammered(world: World) -> None:
    world.store.facts(50)
    async with world.running():
        await world.until_complete()
        steps = [
            {"epoch": e.epoch, "seq": e.seq, "hash": e.hash}
            for e in (world.journal.all[9], world.journal.all[19])
        ]

        async def swing() -> None:
            while True:
                for world.cloud.lie in steps:
                    await asyncio.sleep(0.005)

        swinging = asyncio.create_task(swing())
        before = len(world.bad.requests)
        await asyncio.sleep(1.0)
        swinging.cancel()
        assert len(world.bad.requests) - before < 100
        world.cloud.lie = None
        await until(lambda: world.up.acked_seq == 51)


async def test_what_a_shortened_journal_lost_comes_back_once(world: World) -> None:
    """The disk lost 30 entries that the cloud has. The next epoch says so, and they come back."""
    world.store.facts(100)
    async with world.running():
        await world.until_complete()
    lost = [entry.raw for entry in world.journal.all[71:]]
    world.journal.shorten(71)
    world.store.start()
    world.store.facts(3)
    async with world.running():
        await until(lambda: len(world.office.ordered) == len(lost))
        await until(lambda: world.up.acked_seq == world.journal.position.seq)
        assert (await world.up.status())["recovered"] == len(lost)
    back = [command for command in world.office.ordered if isinstance(command, RecoverEntry)]
    assert [command.entry.encode() for command in back] == lost
    assert world.cloud.stored == [entry.raw for entry in world.journal.all]
    async with world.running():
        await world.until_link("online")
        await asyncio.sleep(0.5)
    assert len(world.office.ordered) == len(lost)


async def test_two_starts_after_a_loss_still_find_where_the_histories_part(world: World) -> None:
    world.store.facts(100)
    async with world.running():
        await world.until_complete()
    world.journal.shorten(71)
    world.store.start()
    world.store.facts(3)
    world.store.start()
    world.store.facts(3)
    async with world.running():
        await until(lambda: len(world.office.ordered) == 30)
        await until(lambda: world.up.acked_seq == world.journal.position.seq)
    assert world.cloud.stored == [entry.raw for entry in world.journal.all]


async def test_an_older_medium_leaves_a_whole_epoch_behind(world: World) -> None:
    """The cloud stands in an epoch that this journal has never heard of."""
    world.store.facts(10)
    async with world.running():
        await world.until_complete()
        world.store.start()
        world.store.facts(20)
        await world.until_complete()
    world.journal.shorten(11)
    world.store.start()
    world.store.facts(1)
    world.store.start()
    async with world.running():
        await until(lambda: len(world.office.ordered) == 21)
        await until(lambda: world.up.acked_seq == world.journal.position.seq)
    assert world.cloud.stored == [entry.raw for entry in world.journal.all]


async def test_an_interrupted_recovery_goes_on_after_a_restart(world: World) -> None:
    world.store.facts(100)
    async with world.running():
        await world.until_complete()
    world.journal.shorten(71)
    world.store.start()
    world.office.refuse = [OutcomeUnknown()] * 1000
    async with world.running():
        await world.until_link("degraded", "disk")
    world.office.refuse = []
    assert world.office.ordered == []
    async with world.running():
        await until(lambda: len(world.office.ordered) == 30)


async def test_a_restart_goes_on_where_the_cloud_stands(world: World) -> None:
    world.store.facts(3000)
    for _ in range(3):
        async with world.running():
            await until(lambda: len(world.cloud.chain) > 0)
        world.store.start()
        world.store.facts(500)
        world.store.sale(100)
    # As after kill -9: nothing was saved.
    world.notes.kept.clear()
    async with world.running():
        await world.until_complete()
        rows = await world.until_agreed()
        assert (await world.up.status())["unsent"]["sales_total"] == 0
    assert rows[0]["hub"]["sales"] == 3


async def test_a_disk_that_refuses_notes_does_not_stop_the_replay(world: World) -> None:
    world.notes.fail = StoreError("full", full=True)
    world.store.facts(500)
    async with world.running():
        await world.until_complete()


async def test_a_bug_in_a_task_is_told_and_the_task_goes_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.upstream.service.REVIVE_S", 0.05)
    real = world.journal.after
    broken = True

    async def after(*args: Any, **kw: Any) -> Any:
        if broken:
            raise RuntimeError("a bug")
        return await real(*args, **kw)

    monkeypatch.setattr(world.journal, "after", after)
    async with world.running() as up:
        async with asyncio.timeout(5):
            while "a bug" not in (await up.status())["problem"]:
                await asyncio.sleep(0.01)
        broken = False
        await world.until_complete()


async def test_sums_follow_the_rule_of_the_clouds_totals(world: World) -> None:
    world.store.sale(1000, date="2026-08-01")
    world.store.sale(2000, date="2026-08-02")
    world.store.sale(300, kind="voided", date="2026-08-02")
    world.store.sale(50, kind="refunded", date="2026-08-01")
    world.store.facts(5, date="2026-08-03")
    async with world.running():
        await world.until_complete()
        rows = {row["business_date"]: row for row in await world.until_agreed()}
    assert (rows["2026-08-01"]["hub"]["sales"], rows["2026-08-01"]["hub"]["total"]) == (1, 950)
    assert (rows["2026-08-02"]["hub"]["sales"], rows["2026-08-02"]["hub"]["total"]) == (1, 1700)
    assert rows["2026-08-03"]["cloud"]["entries"] == 5


async def test_a_cloud_that_adds_up_wrongly_is_told(world: World) -> None:
    world.store.sale(1000)
    async with world.running():
        await world.until_complete()
        epoch, seq, digest, raw = world.cloud.chain[1]
        assert raw is not None
        world.cloud.chain[1] = (epoch, seq, digest, raw.replace(b'"total":1000', b'"total":1001'))
        world.store.facts(1)
        async with asyncio.timeout(5):
            while [r["agrees"] for r in (await world.up.status())["reconciliation"]] != [False]:
                await asyncio.sleep(0.01)


async def test_a_retry_by_hand_compares_at_once(world: World) -> None:
    async def agrees() -> list[bool | None]:
        return [row["agrees"] for row in (await world.up.status())["reconciliation"]]

    world.store.sale(1000)
    async with world.running():
        await world.until_complete()
        await until(lambda: len(world.bad.of("totals")) == 1)
        async with asyncio.timeout(20):
            while await agrees() != [True]:
                await asyncio.sleep(0.01)
        epoch, seq, digest, raw = world.cloud.chain[1]
        assert raw is not None
        world.cloud.chain[1] = (epoch, seq, digest, raw.replace(b'"total":1000', b'"total":1001'))
        async with asyncio.timeout(20):
            await world.up.retry(None)
            while await agrees() != [False]:
                await asyncio.sleep(0.01)


async def test_a_cloud_that_cannot_add_up_keeps_nothing_from_its_work(world: World) -> None:
    world.bad.only = {"totals"}
    world.bad.fault = "500"
    world.store.sale(1000)
    async with world.running():
        await world.until_complete()
        for _ in range(20):
            world.store.facts(1)
            await world.until_complete()
        await asyncio.sleep(0.5)
        assert len(world.bad.of("totals")) <= 4


async def test_status_before_and_without_any_answer(world: World) -> None:
    await world.bad.vanish()
    world.store.sale(1500)
    async with world.running():
        status = await world.up.status()
    assert status["unsent"]["count"] == 2
    assert status["unsent"]["sales_total"] == 1500
    assert status["unsent"]["oldest_at"]
    with pytest.raises(NotFound):
        await world.up.retry(17)


async def test_memory_office_takes_an_entry_back_once() -> None:
    """The fake behaves as the decision does."""
    store = Store(MemoryJournal())
    store.start()
    office = MemoryOffice(store)
    entry = store.journal.all[0]
    command = RecoverEntry(epoch=entry.epoch, seq=1, hash=entry.hash, entry=entry.raw.decode())
    assert await office.order(command) == 2
    assert await office.order(command) == 0


async def test_two_hubs_worth_of_history_do_not_mix() -> None:
    """A cloud that serves another history under our name is not believed, and ours is kept."""
    stand_in = StandIn()
    async with BadCloud(stand_in) as bad:
        first = World(stand_in, bad)
        first.store.start("a" * 16)
        first.store.facts(30)
        async with first.running():
            await first.until_complete()
        other = World(stand_in, bad)
        other.store.start("b" * 16)
        other.store.facts(3)
        async with other.running():
            # Its epoch begins before the first entry, so everything there is left behind and offered back.
            await until(lambda: len(other.office.ordered) == 31)
            await until(lambda: other.up.acked_seq == other.journal.position.seq)
