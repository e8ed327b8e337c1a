"""The beacon on this machine's loopback, with real zeroconf, and the watch on made-up interfaces."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace

import pytest
from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from hub.discovery import AddressWatch, Beacon, BeaconFacts, Phase, Reach
from hub.discovery.browse import FoundHub, find_hubs
from hub.discovery.facts import SERVICE
from hub.discovery.interfaces import Interface


@pytest.fixture
def facts() -> BeaconFacts:
    # Several test runs may share this machine's loopback.
    unique = uuid.uuid4().hex
    return BeaconFacts(
        hub_id=f"hub-{unique}",
        store_id="001",
        store_name="渋谷店",
        box=unique[:8],
        port=8443,
        tls=True,
        fingerprint="ab",
    )


@pytest.fixture
async def beacon() -> AsyncIterator[Beacon]:
    made = Beacon("127.0.0.1")
    yield made
    await made.stop()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in tasks if task.get_name() in ("beacon", "address-watch")]


async def test_a_stranger_with_the_same_id_does_not_end_a_search(beacon: Beacon, facts: BeaconFacts) -> None:
    async def ours(hub: FoundHub) -> bool:
        return hub.box == facts.box

    stranger = Beacon("127.0.0.1")
    try:
        await stranger.start(replace(facts, box="5a5a5a5a"))
        await stranger.wait_for(Phase.ANNOUNCED, 10)
        assert [hub.box for hub in await find_hubs(5, facts.hub_id)] == ["5a5a5a5a"]
        searching = asyncio.create_task(find_hubs(20, facts.hub_id, wanted=ours))
        await beacon.start(facts)
        assert facts.box in [hub.box for hub in await searching]
    finally:
        await stranger.stop()


async def test_found_while_announced_followed_when_it_changes_and_gone_after_stop(
    beacon: Beacon, facts: BeaconFacts
) -> None:
    assert beacon.state.phase is Phase.OFF
    await beacon.start(facts)
    state = await beacon.wait_for(Phase.ANNOUNCED, 10)
    assert state.addresses == ("127.0.0.1",)
    [found] = await find_hubs(5, facts.hub_id)
    assert (found.box, found.store_id, found.role, found.fingerprint) == (facts.box, "001", "primary", "ab")
    assert found.base_urls == ("https://127.0.0.1:8443",)
    assert found.name == f"渋谷店 ({facts.box})"

    await beacon.update(replace(facts, role="standby", port=9443))
    await until(
        lambda: find_hubs(1, facts.hub_id),
        lambda hubs: [(h.role, h.port) for h in hubs] == [("standby", 9443)],
    )
    await beacon.update(replace(facts, store_name="新宿店"))
    renamed = f"新宿店 ({facts.box})"
    await until(lambda: find_hubs(1, facts.hub_id), lambda hubs: [h.name for h in hubs] == [renamed])

    await beacon.stop()
    assert beacon.state.phase is Phase.OFF
    assert await find_hubs(1, facts.hub_id) == []
    await beacon.start(facts)
    await beacon.wait_for(Phase.ANNOUNCED, 10)


async def test_its_state_in_the_words_of_the_ports(beacon: Beacon) -> None:
    status = beacon.status
    assert (status.state, status.addresses, status.reason) == ("off", (), "")


async def test_stopped_before_it_was_announced(beacon: Beacon, facts: BeaconFacts) -> None:
    await beacon.start(facts)
    await beacon.stop()
    await beacon.start(facts)
    await become(lambda: beacon.state.reason == "announcing")
    await beacon.stop()
    assert beacon.state.phase is Phase.OFF


async def test_two_hubs_of_one_box_on_one_machine(beacon: Beacon, facts: BeaconFacts) -> None:
    other = Beacon("127.0.0.1")
    try:
        await beacon.start(facts)
        await beacon.wait_for(Phase.ANNOUNCED, 10)
        await other.start(replace(facts, port=9443))
        assert (await other.wait_for(Phase.ANNOUNCED, 10)).name == f"渋谷店 ({facts.box}-2)"
        assert beacon.state.name == f"渋谷店 ({facts.box})"
    finally:
        await other.stop()


async def test_announcements_that_are_not_ours_are_passed_over(facts: BeaconFacts) -> None:
    stranger = AsyncZeroconf(interfaces=["127.0.0.1"])
    try:
        for number, said in enumerate(({}, {"v": "2", "id": facts.hub_id}, {"v": "1"}, {"v": "1", "id": ""})):
            name = f"stranger {facts.box} {number}.{SERVICE}"
            info = ServiceInfo(
                SERVICE, name, port=1, properties=said, server="x.local.", parsed_addresses=["127.0.0.1"]
            )
            await (await stranger.async_register_service(info, cooperating_responders=True))
        assert [hub for hub in await find_hubs(1.5) if facts.box in hub.name] == []
    finally:
        await stranger.async_close()


async def test_what_goes_wrong_stays_in_the_beacon_and_is_said_once(
    facts: BeaconFacts, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("hub.discovery.beacon.RETRY_S_MIN", 0.01)
    tries = []

    async def refuse(*_: object) -> None:
        tries.append(1)
        raise OSError(101, "Network is unreachable")

    with monkeypatch.context() as broken:
        broken.setattr("hub.discovery.beacon._open", refuse)
        beacon = Beacon("127.0.0.1")
        with caplog.at_level(logging.WARNING):
            await beacon.start(facts)
            state = await beacon.wait_for(Phase.FAILED, 5)
            await become(lambda: len(tries) >= 4)
    assert state.reason == "no-multicast"
    assert "unreachable" in (state.detail or "")
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    await beacon.update(facts)
    await beacon.wait_for(Phase.ANNOUNCED, 10)
    await beacon.stop()


def lan(*addresses: str) -> list[Interface]:
    return [Interface("eth0", 2, addresses)]


class Machine:
    """Interfaces that a test changes."""

    def __init__(self, *addresses: str) -> None:
        self.now: Sequence[Interface] | OSError = lan(*addresses)
        self.looks = 0

    def read(self) -> Sequence[Interface]:
        self.looks += 1
        if isinstance(self.now, OSError):
            raise self.now
        return self.now

    async def looked(self, times: int) -> None:
        wanted = self.looks + times
        await become(lambda: self.looks >= wanted)


async def test_the_watch_tells_each_change_once_and_nothing_of_a_blip(
    caplog: pytest.LogCaptureFixture,
) -> None:
    machine, told = Machine("10.0.0.2"), []
    watch = AddressWatch(poll_s=0.01, settle_s=0.02, read=machine.read)

    def first(reach: Reach) -> None:
        told.append(reach.addresses)
        raise ValueError("a listener's own trouble")

    async def second(reach: Reach) -> None:
        told.append(reach.addresses)

    watch.listen(first)
    watch.listen(second)
    with caplog.at_level(logging.WARNING):
        await watch.start()
        await machine.looked(5)
        assert told == [("10.0.0.2",)] * 2
        machine.now = []
        await machine.looked(1)
        machine.now = lan("10.0.0.2")
        await machine.looked(8)
        assert told == [("10.0.0.2",)] * 2, "away for a moment"
        machine.now = OSError("no netlink")
        await machine.looked(5)
        machine.now = lan("10.0.0.50")
        await machine.looked(8)
        assert told == [("10.0.0.2",)] * 2 + [("10.0.0.50",)] * 2
    await watch.stop()
    messages = [record.message for record in caplog.records]
    assert sum("cannot read the network interfaces" in message for message in messages) == 1
    assert sum("a listener failed" in message for message in messages) == 2


async def become(true: Callable[[], bool], within_s: float = 5) -> None:
    async with asyncio.timeout(within_s):
        while not true():
            await asyncio.sleep(0.005)


async def until(
    ask: Callable[[], Awaitable[list[FoundHub]]], good: Callable[[list[FoundHub]], bool], within_s: float = 15
) -> None:
    async with asyncio.timeout(within_s):
        while not good(await ask()):
            pass
