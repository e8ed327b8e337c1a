"""What it costs to look at earlier entries when the right time comes: those that were right are read once."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from hub.clock import BoxClock
from hub.domain.commands import LineIn, PlaceOrder
from hub.service.clockwork import PAGE, ClockWork
from tests.clocks.twins import Machine
from tests.support.core import HubKit
from tests.support.disk import Disk
from tests.support.idle import watched_loop

ORDER = PlaceOrder(lines=(LineIn("p1", 1),), table_id="t1")


@asynccontextmanager
async def store(*, skew_s: float = 0.0) -> AsyncIterator[tuple[Machine, HubKit]]:
    """A new one, whose box does not know the time yet."""
    machine, kit = Machine(random.Random(1)), HubKit(Disk())
    machine.skew_s = skew_s
    with machine.ruling():
        kit.clock = BoxClock(
            zone="Asia/Tokyo", day_change=timedelta(hours=5), before=None, synchronised=lambda: machine.ntp
        )
        kit.boot = machine.boot
        await kit.fresh()
        yield machine, kit
        await kit.stop()


async def learn_the_time(machine: Machine, kit: HubKit) -> None:
    machine.ntp = True
    assert isinstance(kit.clock, BoxClock)
    await ClockWork(kit.core, kit.journal, kit.clock, boot=machine.boot).tend()


@pytest.mark.parametrize(
    ("skew_s", "looks", "corrections"), [(0.0, 1, 0), (1.9, 1, 0), (-1.9, 1, 0), (2.1, 2, 1), (-3600.0, 2, 1)]
)
async def test_entries_whose_time_was_right_are_read_once(
    monkeypatch: pytest.MonkeyPatch, skew_s: float, looks: int, corrections: int
) -> None:
    looked: list[int] = []
    entries = ClockWork._entries

    def counted(work: ClockWork, first: int, upto: int) -> AsyncIterator[bytes]:
        looked.append(first)
        return entries(work, first, upto)

    monkeypatch.setattr(ClockWork, "_entries", counted)
    async with store(skew_s=skew_s) as (machine, kit):
        for number in range(5):
            machine.go(60.0)
            await kit.says(f"k{number}", ORDER)
        last = kit.journal.position.seq
        await learn_the_time(machine, kit)
        assert looked == [1] * looks
        assert kit.journal.position.seq == last + corrections


async def test_orders_have_the_loop_while_entries_are_looked_at() -> None:
    async with store() as (machine, kit):
        for number in range(4 * PAGE):
            await kit.says(f"k{number}", ORDER)
        with watched_loop() as turns:
            await learn_the_time(machine, kit)
        assert turns.idle >= kit.journal.position.seq / PAGE
