"""The wait for a second copy: bounded, once, and never for a copy that is not there."""

from __future__ import annotations

import asyncio
from typing import Literal

import pytest

from hub.domain.errors import NotReady, OutcomeUnknown
from hub.domain.facts import After
from hub.service.copies import CAUGHT_UP_ENTRIES, Copies


class Store:
    seq = 0


def copies(store: Store, otherwise: Literal["answer", "refuse"], wait_s: float = 0.05) -> Copies:
    return Copies(
        position=lambda: After("e", store.seq, ""),
        now=lambda: "now",
        wait_for="standby",
        otherwise=otherwise,
        wait_s=wait_s,
    )


async def test_it_waits_until_the_copy_has_it() -> None:
    store = Store()
    found = copies(store, "refuse", wait_s=5)
    found.reached("standby", 0)
    store.seq = 1
    waiting = asyncio.create_task(found.kept(1))
    await asyncio.sleep(0)
    assert not waiting.done()
    found.reached("standby", 1)
    assert await waiting is None


async def test_where_answers_go_on_it_waits_once_and_shows_the_lag() -> None:
    store = Store()
    found = copies(store, "answer")
    found.reached("standby", 0)
    store.seq = 5
    assert await found.kept(5) is None
    # Done at its first step: it waits for nothing.
    with pytest.raises(StopIteration):
        found.kept(5).send(None)
    assert (found.view()["state"], found.view()["lag_entries"]) == ("late", 5)
    found.check()
    found.reached("standby", 5)
    assert found.view()["state"] == "following"


async def test_where_they_do_not_nothing_more_is_accepted_until_it_is_back() -> None:
    store = Store()
    found = copies(store, "refuse")
    with pytest.raises(NotReady):
        found.check()
    found.reached("standby", 0)
    found.check()
    store.seq = 1
    assert isinstance(await found.kept(1), OutcomeUnknown)
    with pytest.raises(NotReady):
        found.check()
    found.reached("standby", 1)
    found.check()
    assert await found.kept(1) is None


async def test_a_copy_that_is_being_filled_is_not_waited_for() -> None:
    store = Store()
    found = copies(store, "answer", wait_s=5)
    store.seq = CAUGHT_UP_ENTRIES + 2
    found.reached("standby", 1)
    assert found.of("standby").state == "late"
    async with asyncio.timeout(1):
        await found.kept(store.seq)


async def test_one_that_asks_no_more_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.service.copies.SILENT_S", 0.01)
    store = Store()
    found = copies(store, "answer")
    found.visit("standby", 0)
    found.leave("standby")
    async with asyncio.timeout(1):
        while found.of("standby").state != "gone":
            await asyncio.sleep(0.005)
    found.visit("standby", 0)
    assert found.of("standby").state == "following"
    found.leave("standby")
