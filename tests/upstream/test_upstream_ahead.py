"""A backlog's large batches go two at a time: still each entry once and in order, whatever becomes of either."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from msgspec.structs import replace

from hub.upstream.pace import PaceSettings
from tests.support.badcloud import BadCloud, Reply, Request, StandIn
from tests.upstream.world import World, until

# Half of it is large already, so that few entries make many batches.
PACE = PaceSettings(batch_entries_max=20)
ALL = 400


def firsts(world: World) -> list[int]:
    return [int(request.headers["storehub-first-seq"]) for request in world.bad.of("entries")]


async def test_the_next_one_is_sent_while_the_cloud_has_one_to_do(world: World) -> None:
    world.store.facts(ALL)
    world.bad.fault, world.bad.only = "delay:0.03", {"entries"}
    async with world.running(pace=PACE):
        await world.until_complete()
        await world.until_agreed()
    assert world.bad.in_flight_max["up"] == 2
    assert firsts(world) == sorted(set(firsts(world))), "nothing was sent twice"


@pytest.mark.parametrize(
    ("pace", "busy"),
    [(replace(PACE, entries_per_s_max=1000), 0.0), (PaceSettings(), 0.0), (PACE, 0.02)],
    ids=["a limit was set", "small ones gather while they wait", "devices are served"],
)
async def test_otherwise_one_after_the_other(world: World, pace: PaceSettings, busy: float) -> None:
    world.store.facts(ALL)
    world.busy = busy
    world.bad.fault, world.bad.only = "delay:0.03", {"entries"}
    async with world.running(pace=pace):
        await world.until_complete()
    assert world.bad.in_flight_max["up"] == 1


class Hasty(StandIn):
    """A cloud of several boxes: who comes while another batch is being looked at is looked at beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.looking = 0
        self.beside = 0

    async def __call__(self, request: Request) -> Reply:
        if request.leaf != "entries" or request.method != "POST":
            return await super().__call__(request)
        if self.looking:
            self.beside += 1
            return await super().__call__(request)
        self.looking += 1
        try:
            await asyncio.sleep(0.05)
            return await super().__call__(request)
        finally:
            self.looking -= 1


async def test_a_cloud_that_looks_at_both_at_once_gets_them_in_line() -> None:
    stand_in = Hasty()
    async with BadCloud(stand_in) as bad:
        world = World(stand_in, bad)
        world.store.start()
        world.store.facts(ALL)
        async with world.running(pace=PACE):
            await world.until_complete()
            await world.until_agreed()
            await world.until_link("online")
        assert stand_in.beside == 1, "it is not tried again with every batch"
        # One batch went twice; that the cloud was behind when it looked at it is no going back.
        assert len(firsts(world)) == len(set(firsts(world))) + 1


FAULTS = [
    "acklost",
    "acklost-hang",
    "half",
    "rst",
    "close",
    "503:0",
    "413",
    "html200",
    "garbage",
    "429:0",
    "hang",
]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("on", ["one", "the one behind it", "both"])
async def test_whatever_becomes_of_one_or_both(world: World, fault: str, on: str) -> None:
    world.store.facts(ALL)
    well = "delay:0.03"
    hurt = {"one": [fault, well], "the one behind it": [well, fault], "both": [fault, fault]}[on]
    world.bad.only = {"entries"}
    world.bad.fault = well
    async with world.running(pace=PACE):
        await until(lambda: world.bad.in_flight_max.get("up") == 2)
        world.bad.faults.extend(hurt)
        await world.until_complete()
        await world.until_agreed()
        await world.until_link("online")
    assert not world.bad.faults


@pytest.mark.parametrize("poisoned", [(120,), (121, 140, 141), (159, 160, 161)])
async def test_an_entry_that_is_refused_is_the_only_one_set_aside(
    world: World, poisoned: tuple[int, ...]
) -> None:
    world.store.facts(ALL)
    world.cloud.poison = lambda entry: "no good" if entry["seq"] in poisoned else None
    world.bad.fault, world.bad.only = "delay:0.03", {"entries"}
    async with world.running(pace=PACE):
        await until(lambda: world.up.acked_seq == ALL + 1)
        status = await world.up.status()
    assert world.bad.in_flight_max["up"] == 2
    assert tuple(hole["seq"] for hole in status["quarantined"]) == poisoned
    there = [link[1] for link in world.cloud.chain if link[3] is not None]
    assert there == [seq for seq in range(1, ALL + 2) if seq not in poisoned]
    assert all(a + 1 == b for a, b in itertools.pairwise(link[1] for link in world.cloud.chain))
