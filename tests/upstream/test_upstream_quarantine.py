"""Entries the cloud does not take."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from hub.domain.errors import NotFound
from tests.support.memory import SaleMade
from tests.upstream.world import World, until


def poison_of(*seqs: int) -> Any:
    return lambda entry: "the till number is missing" if entry["seq"] in seqs else None


async def test_a_poison_entry_is_set_aside_and_the_others_flow(world: World) -> None:
    world.store.facts(50)
    world.store.sale(900)
    world.store.facts(50)
    world.cloud.poison = poison_of(20, 52)
    async with world.running():
        await until(lambda: world.up.acked_seq == 102)
        assert [entry["seq"] for entry in (await world.up.status())["quarantined"]] == [20, 52]
        row = (await world.until_agreed())[0]
        status = await world.up.status()
    aside = status["quarantined"][1]
    assert aside["reason"] == "the till number is missing"
    assert (aside["type"], aside["amount"]) == ("storehub.sale.completed.v1", 900)
    assert (row["hub"]["entries"], row["hub"]["sales"], row["hub"]["total"]) == (100, 0, 0)
    assert status["unsent"]["sales_total"] == 0
    assert status["link"]["state"] == "online"
    assert len(world.cloud.stored) == 100


async def test_a_mended_entry_is_filled_in_when_asked(world: World) -> None:
    world.store.facts(10)
    world.store.sale(900)
    world.cloud.poison = poison_of(5, 12)
    async with world.running():
        await until(lambda: world.up.acked_seq == 12)
        with pytest.raises(NotFound):
            await world.up.retry(6)
        await world.up.retry(5)
        await until(lambda: any(request.method == "PUT" for request in world.bad.requests))
        async with asyncio.timeout(5):
            while (await world.up.status())["quarantined"][0]["tries"] != 2:
                await asyncio.sleep(0.01)
        world.cloud.poison = poison_of()
        await world.up.retry(None)
        async with asyncio.timeout(5):
            while (await world.up.status())["quarantined"]:
                await asyncio.sleep(0.01)
        row = (await world.until_agreed())[0]
    assert world.cloud.stored == [entry.raw for entry in world.journal.all]
    assert (row["hub"]["entries"], row["hub"]["sales"], row["hub"]["total"]) == (12, 1, 900)


async def test_the_list_survives_a_restart(world: World) -> None:
    world.store.facts(10)
    world.cloud.poison = poison_of(5)
    async with world.running():
        await until(lambda: world.up.acked_seq == 11)
    async with world.running():
        assert [one["seq"] for one in (await world.up.status())["quarantined"]] == [5]
        world.cloud.poison = poison_of()
        await world.up.retry(5)
        await until(lambda: len(world.cloud.stored) == 11)


async def test_a_lost_answer_to_setting_aside_makes_one_hole(world: World) -> None:
    world.store.facts(10)
    world.cloud.poison = poison_of(5)
    world.bad.only = {"quarantine"}
    world.bad.faults.extend(["acklost", "503", "html200"])
    async with world.running():
        await until(lambda: world.up.acked_seq == 11)
        assert [one["seq"] for one in (await world.up.status())["quarantined"]] == [5]
        await world.until_agreed()
        world.cloud.poison = poison_of()
        await world.up.retry(None)
        await until(lambda: len(world.cloud.stored) == 11)
        await world.until_agreed()


async def test_five_in_a_row_stop_the_replay_and_say_so(world: World) -> None:
    world.store.facts(30)
    world.cloud.poison = lambda entry: "no such store" if entry["seq"] >= 10 else None
    async with world.running():
        await world.until_link("refused", "rejected: 5 entries in a row were refused, last 14: no such store")
        assert [one["seq"] for one in (await world.up.status())["quarantined"]] == [10, 11, 12, 13]
        assert world.up.acked_seq == 13
        # It has stopped: no request for a while, whatever else is written.
        tries = len(world.bad.of("entries"))
        world.store.facts(3)
        await asyncio.sleep(1.0)
        assert len(world.bad.of("entries")) == tries
        # A person asks, and nothing is mended: it stops again.
        await world.up.retry(None)
        await until(lambda: len(world.bad.of("entries")) > tries)
        await world.until_link("refused", "rejected")
        assert world.up.acked_seq == 13
        world.cloud.poison = poison_of()
        await world.up.retry(None)
        await until(lambda: len(world.cloud.stored) == world.journal.position.seq)
        await world.until_link("online")
        await world.until_agreed()


async def test_four_in_a_row_and_a_good_one_do_not_stop_it(world: World) -> None:
    world.store.facts(40)
    world.cloud.poison = lambda entry: "odd" if entry["seq"] % 5 else None
    async with world.running():
        await until(lambda: world.up.acked_seq == 41)
        assert len((await world.up.status())["quarantined"]) == 33


async def test_an_entry_too_large_for_the_cloud_is_set_aside_alone(world: World) -> None:
    world.store.facts(150)
    world.store.add(SaleMade(kind="completed", total=1, note="n" * 50_000))
    world.store.facts(150)
    world.cloud.entry_bytes_max = 10_000
    async with world.running():
        await until(lambda: world.up.acked_seq == 302)
        assert [one["seq"] for one in (await world.up.status())["quarantined"]] == [152]
        await world.until_link("online")


async def test_a_cloud_that_takes_only_small_bodies_gets_small_ones(world: World) -> None:
    world.store.facts(3000)
    world.cloud.body_bytes_max = 4000
    async with world.running():
        await world.until_complete()
        assert (await world.up.status())["quarantined"] == []


async def test_a_restored_cloud_that_lost_a_hole_may_take_the_entry_now(world: World) -> None:
    world.store.facts(30)
    world.cloud.poison = poison_of(20)
    async with world.running():
        await until(lambda: world.up.acked_seq == 31)
        await world.until_agreed()
        world.cloud.poison = poison_of()
        world.cloud.forget_after(10)
        await until(lambda: len(world.cloud.stored) == 31)
        async with asyncio.timeout(5):
            while (await world.up.status())["quarantined"]:
                await asyncio.sleep(0.01)
        await world.until_agreed()


async def test_a_refusal_of_an_entry_that_was_not_sent_is_not_believed(world: World) -> None:
    world.store.facts(3)
    real = world.cloud._append
    world.cloud._append = lambda request: type(real(request)).json(422, {"seq": 77, "reason": "?"})  # type: ignore[method-assign]
    async with world.running():
        await world.until_link("captive_portal", "wrong-answer: entry 77 was refused")
        assert (await world.up.status())["quarantined"] == []
