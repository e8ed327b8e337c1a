"""Every way the line and the cloud break: the right state with its reason, then every entry once and in order."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import socket
import time

import pytest
from msgspec.structs import replace

from hub.upstream.outcomes import Trouble
from hub.upstream.pace import PaceSettings
from tests.support.line import FaultyLine
from tests.upstream.world import QUICK, World, until


async def test_everything_arrives_once_and_in_order(world: World) -> None:
    world.store.facts(3000)
    world.store.sale(1200)
    world.store.start()
    world.store.facts(10)
    async with world.running():
        await world.until_complete()
        rows = await world.until_agreed()
        await world.until_link("online")
        status = await world.up.status()
    assert rows[0]["hub"] == rows[0]["cloud"]
    assert (rows[0]["hub"]["sales"], rows[0]["hub"]["total"]) == (1, 1200)
    # Every epoch was announced before its first entry, so the cloud had nothing to object to.
    told = set()
    for request in world.bad.requests:
        if request.leaf == "epochs":
            told.add(json.loads(request.body)["epoch"])
        elif request.leaf == "entries":
            assert request.headers["storehub-epoch"] in told
    assert status["unsent"] == {"count": 0, "oldest_at": None, "sales_total": 0}
    assert world.bad.in_flight_max["up"] == 1
    assert world.announcer.of("synced")[-1] == {
        "epoch": world.journal.position.epoch,
        "seq": world.journal.position.seq,
    }


# Fault of every request -> the state and the key of its reason.
SHOWN = {
    "rst": ("offline", "reset"),
    "close": ("offline", "reset"),
    "hang": ("offline", "silence"),
    "drip:5": ("offline", "silence"),
    "half": ("offline", "reset"),
    "garbage": ("captive_portal", "wrong-answer"),
    "html200": ("captive_portal", "html"),
    "json200": ("captive_portal", "wrong-answer"),
    "302": ("captive_portal", "redirect"),
    "flood": ("captive_portal", "wrong-answer"),
    "401": ("refused", "denied"),
    "403": ("refused", "denied"),
    "404": ("refused", "unknown-hub"),
    "500": ("degraded", "error"),
    "502": ("degraded", "error"),
    "503": ("degraded", "busy"),
    "429": ("degraded", "busy"),
}


@pytest.mark.parametrize("fault", SHOWN)
async def test_a_fault_from_the_start_is_shown_and_heals_by_itself(world: World, fault: str) -> None:
    world.store.facts(300)
    world.bad.fault = fault
    async with world.running():
        state, key = SHOWN[fault]
        await world.until_link(state, key)
        assert world.cloud.applied == []
        # What a stranger says of the time is not passed on.
        assert state != "captive_portal" or world.clock.told == []
        assert (await world.up.status())["unsent"]["count"] == 301
        world.bad.fault = "ok"
        await world.until_complete()
        await world.until_link("online")


@pytest.mark.parametrize("fault", [*SHOWN, "acklost", "acklost-hang", "413"])
async def test_a_fault_in_the_middle_doubles_and_loses_nothing(world: World, fault: str) -> None:
    world.store.facts(400)
    async with world.running():
        await world.until_complete()
        world.bad.only = {"entries"}
        world.bad.faults.extend([fault] * 2)
        world.store.facts(400)
        await world.until_complete()
        await world.until_link("online")
        assert (await world.up.status())["quarantined"] == []


@pytest.mark.parametrize("fault", ["acklost", "acklost-hang", "half"])
async def test_a_lost_acknowledgement_is_noticed_by_the_cursor(world: World, fault: str) -> None:
    """Stored, and the answer lost, every time: each round goes on where the cloud really stands."""
    world.bad.only = {"entries"}
    world.bad.fault = fault
    world.store.facts(500)
    async with world.running():
        await world.until_complete()


async def test_a_dead_port_is_tried_again_until_it_listens(world: World) -> None:
    await world.bad.vanish()
    world.store.facts(50)
    async with world.running():
        await world.until_link("offline", "connect-refused")
        await world.bad.listen()
        await world.until_complete()
        await world.bad.vanish()
        await world.until_link("offline", "connect-refused")
        world.store.facts(50)
        await world.bad.listen()
        await world.until_complete()


async def test_a_black_hole_is_offline(world: World) -> None:
    """Nobody takes the connection: the listener's queue is full."""
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        fill = [socket.socket() for _ in range(3)]
        for one in fill:
            one.setblocking(False)
            one.connect_ex(deaf.getsockname())
        async with world.running(url=f"http://127.0.0.1:{deaf.getsockname()[1]}"):
            await world.until_link("offline", "connect-timeout")
        for one in fill:
            one.close()


async def test_an_acceptor_that_never_reads_is_offline(world: World) -> None:
    world.bad.fault = "noread"
    async with world.running():
        await world.until_link("offline", "silence")


async def test_a_half_open_line_is_noticed_while_nothing_is_sent(world: World) -> None:
    # Nothing else that asks by itself does so before the test's patience ends: it is the probe that notices.
    probing = replace(QUICK, poll_s=300.0, reconcile_s=300.0)
    async with (
        FaultyLine(world.bad.port) as pipe,
        world.running(url=f"http://127.0.0.1:{pipe.port}", timing=probing),
    ):
        await world.until_complete()
        await world.until_link("online")
        pipe.silent()
        # It shows first as slow, then as gone: probe interval and silence, here 0.3 s and 0.4 s.
        await world.until_link("degraded", "slow")
        await world.until_link("offline", "silence")
        pipe.speak()
        await world.until_link("online")


# A connection that is made in the moment in which nobody wants it any more is closed by the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore::ResourceWarning")
async def test_calls_that_are_broken_off_at_any_moment_leave_the_line_free(world: World) -> None:
    """A pool of connections that counts one of them for ever would never call again."""
    dice = random.Random(1)
    world.bad.faults.extend(dice.choice(("ok", "hang", "close", "rst", "delay:0.003")) for _ in range(300))
    async with world.running():
        await world.until_complete()
        client = world.up._engine.replicator._client
        for _ in range(300):
            with contextlib.suppress(TimeoutError, Trouble):
                async with asyncio.timeout(dice.uniform(0, 0.008)):
                    await client.cursor()
        world.bad.faults.clear()
        for _ in range(3):
            await client.cursor()
        world.store.facts(10)
        await world.until_complete()


async def test_a_half_open_line_in_a_replay_heals(world: World) -> None:
    world.store.facts(20_000)
    async with (
        FaultyLine(world.bad.port, delay_s=0.01) as pipe,
        world.running(url=f"http://127.0.0.1:{pipe.port}"),
    ):
        await until(lambda: len(world.cloud.chain) > 3000)
        pipe.silent()
        await world.until_link("offline", "silence")
        pipe.speak()
        await world.until_complete()


async def test_a_portal_that_comes_while_nothing_is_sent_is_noticed(world: World) -> None:
    async with world.running():
        await world.until_complete()
        await world.until_link("online")
        world.bad.fault = "302"
        await world.until_link("captive_portal", "redirect: 127.0.0.1 leads to http://portal.invalid/login")
        # Never followed.
        assert all(request.path.startswith("/v1/hubs/") for request in world.bad.requests)
        world.bad.fault = "ok"
        await world.until_link("online")


async def test_retry_after_is_obeyed_by_everyone(world: World) -> None:
    world.store.facts(10)
    world.bad.faults.append("503:1")
    async with world.running():
        await world.until_link("degraded", "busy")
        asked = world.bad.requests[0].at
        await world.until_complete()
    assert all(request.at - asked >= 1.0 for request in world.bad.requests[1:])


async def test_a_slow_line_gets_small_batches_and_progress(world: World) -> None:
    """20 KB/s and 50 ms: nothing times out for ever, and the state says that it is slow."""
    world.store.facts(500, size=600)
    pipe = FaultyLine(world.bad.port, delay_s=0.05, bytes_per_s=20_000)
    async with pipe, world.running(url=f"http://127.0.0.1:{pipe.port}"):
        await world.until_complete(within_s=60.0)


async def test_a_line_that_turns_slow_in_a_replay_gets_batches_it_can_carry(world: World) -> None:
    """A batch as large as the fast line took would run out of time again and again."""
    world.store.facts(20_000)
    async with FaultyLine(world.bad.port, delay_s=0.01) as pipe:
        url = f"http://127.0.0.1:{pipe.port}"
        async with world.running(url=url):
            await until(lambda: len(world.cloud.chain) > 4000)
            pipe.bytes_per_s = 20_000
            await world.until_link("offline", "silence")
            largest = max(len(request.body) for request in world.bad.of("entries"))
            seen = len(world.bad.of("entries"))
            await until(lambda: any(len(r.body) * 4 < largest for r in world.bad.of("entries")[seen:]), 15.0)
            pipe.bytes_per_s = None
            await world.until_complete()


@pytest.mark.parametrize(("fault", "least"), [("rst", 4), ("503", 4)])
async def test_tries_go_on_for_ever_and_never_become_a_storm(world: World, fault: str, least: int) -> None:
    """With waits of up to 0.4 s standing for 15 s: as often as that allows, not more."""
    world.store.facts(10)
    world.bad.fault = fault
    async with world.running():
        await asyncio.sleep(1.5)
        tries = len(world.bad.requests)
        assert least <= tries <= 30
        await asyncio.sleep(0.8)
        assert len(world.bad.requests) > tries


async def test_a_cloud_that_answers_the_cursor_and_takes_nothing_is_not_hammered(world: World) -> None:
    world.store.facts(10)
    world.bad.only = {"entries"}
    world.bad.fault = "500"
    async with world.running():
        await asyncio.sleep(2.0)
    # Two requests a round; waits up to 0.4 s, 0.2 s on average once the first ones are over.
    assert len(world.bad.of("entries")) < 30


async def test_a_random_mix_of_faults_ends_complete(world: World) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    dice = random.Random(seed)
    kinds = [
        "ok",
        "ok",
        "acklost",
        "acklost-hang",
        "half",
        "rst",
        "503",
        "html200",
        "302",
        "garbage",
        "413",
        "json200",
    ]
    async with world.running():
        for _ in range(8):
            world.bad.faults.extend(dice.choice(kinds) for _ in range(dice.randrange(6)))
            world.store.facts(dice.randrange(1, 300))
            if dice.random() < 0.2:
                world.store.start()
            await asyncio.sleep(dice.random() * 0.2)
        await world.until_complete(within_s=60.0)
        assert world.bad.in_flight_max["up"] == 1


async def test_a_name_that_does_not_resolve_is_told_as_such(world: World) -> None:
    def lookup(host: str, port: int) -> list[str]:
        if broken:
            raise socket.gaierror(-2, "Name or service not known")
        return ["127.0.0.1"]

    broken = True
    url = f"http://localhost:{world.bad.port}"
    world.store.facts(10)
    async with world.running(url=url, lookup=lookup):
        await world.until_link("offline", "dns: no address for localhost (Name or service not known)")
        broken = False
        await world.until_complete()


async def test_a_name_server_that_hangs_holds_nothing_up(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.upstream.address.LOOKUP_S_MAX", 0.2)
    asked = 0

    def lookup(host: str, port: int) -> list[str]:
        nonlocal asked
        asked += 1
        time.sleep(1.0)
        return ["127.0.0.1"]

    began = time.monotonic()
    async with world.running(url=f"http://localhost:{world.bad.port}", lookup=lookup):
        await world.until_link("offline", "dns: no answer")
        await world.until_complete()
        # One look-up at a time (the downlink has its own), not one a try.
        assert asked <= 2 * (1 + time.monotonic() - began)


async def test_a_wrong_name_for_real() -> None:
    """The system's own resolver, with a name that cannot exist."""
    from hub.upstream.address import Resolver
    from hub.upstream.outcomes import Trouble

    resolver = Resolver("storehub.invalid", 443, monotonic=time.monotonic)
    with pytest.raises(Trouble, match="dns: no a"):
        await resolver.address()


async def test_a_limit_is_kept(world: World) -> None:
    world.store.facts(599)
    began = time.monotonic()
    async with world.running(pace=PaceSettings(entries_per_s_max=300)):
        await world.until_complete()
    assert time.monotonic() - began >= 1.0


async def test_a_busy_lan_gets_small_batches_and_pauses(world: World) -> None:
    world.store.facts(2000)
    world.busy = 1.0
    async with world.running():
        await world.until_complete(within_s=60.0)
    counts = [int(request.headers["storehub-first-seq"]) for request in world.bad.of("entries")]
    most = PaceSettings().busy_batch_entries_max
    assert max(later - earlier for earlier, later in itertools.pairwise(counts)) <= most
    assert len(counts) >= 2000 / most
