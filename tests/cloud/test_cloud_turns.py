"""A hub sends its next batch before the answer to the last one: they are stored in the order of their numbers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import httpx
import zstandard
from cloudchains import Entry, lines
from cloudkit import Cloud, HubClient

from cloud.model import HubId
from cloud.turns import PLACES_MAX, Turns


class Slow:
    """A batch whose body is on its way until it is let go."""

    def __init__(self, hub: HubClient, entries: list[Entry], *, broken: bool = False) -> None:
        self._body = b"nonsense" if broken else zstandard.compress(lines(entries))
        self._begun, self._rest = asyncio.Event(), asyncio.Event()
        headers = {
            "Content-Encoding": "zstd",
            "Storehub-Epoch": entries[0].epoch,
            "Storehub-First-Seq": str(entries[0].seq),
        }
        self._answer = asyncio.create_task(hub.http.post("entries", content=self._pieces(), headers=headers))

    async def begun(self) -> None:
        await self._begun.wait()

    async def answer(self) -> httpx.Response:
        self._rest.set()
        return await self._answer

    async def _pieces(self) -> AsyncIterator[bytes]:
        # The server asks for the second piece only when it has taken the first one's request in.
        yield self._body[:1]
        self._begun.set()
        await self._rest.wait()
        yield self._body[1:]


async def test_who_comes_second_waits_for_the_one_before_it(hub: HubClient) -> None:
    journal = await hub.started(3)
    journal.grow("e1", 40)
    first = Slow(hub, journal.entries[3:20])
    await first.begun()
    second = asyncio.create_task(hub.post(journal.entries[20:]))
    # Many others are answered meanwhile, so it is no lack of time that holds it back.
    for _ in range(50):
        assert (await hub.cursor())["seq"] == 3
    assert not second.done()
    assert (await first.answer()).json() == journal.entries[19].position
    assert (await second).json() == journal.end
    assert await hub.entries() == [entry.body for entry in journal.entries]


async def test_when_the_one_before_it_fails_there_is_a_gap(hub: HubClient) -> None:
    journal = await hub.started(3)
    journal.grow("e1", 20)
    first = Slow(hub, journal.entries[3:10], broken=True)
    await first.begun()
    second = asyncio.create_task(hub.post(journal.entries[10:]))
    for _ in range(50):
        await hub.cursor()
    assert (await first.answer()).status_code == 400
    answer = await second
    assert (answer.status_code, answer.json()["seq"]) == (409, 3)


async def test_the_same_again_and_other_hubs_do_not_wait(cloud: Cloud, hub: HubClient) -> None:
    journal = await hub.started(3)
    journal.grow("e1", 20)
    stuck = Slow(hub, journal.entries[3:10])
    await stuck.begun()
    # The hub gave up the attempt and sends it again; nobody knows what became of the first.
    assert (await hub.post(journal.entries[3:10])).json() == journal.entries[9].position
    async with cloud.hub() as other:
        theirs = await other.started(0)
        assert (await other.post(theirs.grow("e1", 5))).json() == theirs.end
    assert (await stuck.answer()).json() == journal.entries[9].position


async def test_no_more_than_a_few_wait(hub: HubClient) -> None:
    journal = await hub.started(3)
    journal.grow("e1", 20)
    first = Slow(hub, journal.entries[3:5])
    await first.begun()
    held = [Slow(hub, journal.entries[n:]) for n in range(5, 4 + PLACES_MAX)]
    for one in held:
        await one.begun()
    # Its place is taken, so it hears at once what there is to say.
    assert (await hub.post(journal.entries[10:])).status_code == 409
    assert (await first.answer()).status_code == 200
    for one in held:
        assert (await one.answer()).json() == journal.end


async def test_nothing_is_kept_of_who_has_gone() -> None:
    turns = Turns()
    async with turns.take(HubId("h1"), 1), turns.take(HubId("h1"), 9):
        assert len(turns) == 2
    assert not turns
