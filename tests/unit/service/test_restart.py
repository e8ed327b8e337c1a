"""After a restart everything is as it was, whenever it was saved and whenever it was killed."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.domain import entries
from hub.domain.commands import (
    AbortCheck,
    BillCheck,
    ChangeProduct,
    Command,
    CompleteSale,
    LineIn,
    LineQuantity,
    MergeCheck,
    MoveCheck,
    OpenCheck,
    PlaceOrder,
    RecordFact,
    RecoverEntry,
    RefundSale,
    ReopenCheck,
    ServeLines,
    SplitCheck,
    TakeNumbers,
    TenderIn,
    VoidLines,
    VoidSale,
)
from hub.domain.errors import HubError
from hub.domain.report_sums import DayReport
from tests.support.core import HubKit, check, hub_on
from tests.support.disk import Disk

TABLES = ("t1", "t2", "t3")


def wishes(random_: random.Random, kit: HubKit) -> Iterator[tuple[Command, dict[str, Any]]]:
    """What people in a store may ask next: sensible and not."""
    state = kit.core.state
    checks = sorted(state.checks.committed) or ["none"]
    products = ["p1", "p2", "last"]
    while True:
        check_id = random_.choice(checks)
        standing = state.checks.committed.get(check_id)
        lines = tuple(
            LineQuantity(line.line_id, random_.randint(1, line.quantity))
            for line in (standing.lines if standing else ())
            if random_.random() < 0.5
        ) or (LineQuantity("none", 1),)
        target: dict[str, Any] = {
            "target": check_id,
            "version": standing.version if standing and random_.random() < 0.9 else 1,
        }
        sale = random_.choice(sorted(known_sales(kit)) or ["none"])
        order = (LineIn(random_.choice(products), random_.randint(1, 3)),)
        yield random_.choice(
            [
                (PlaceOrder(lines=order, table_id=random_.choice(TABLES)), {}),
                (PlaceOrder(lines=order, table_id=random_.choice(TABLES)), {}),
                (PlaceOrder(lines=order, check_id=check_id), {}),
                (OpenCheck(table_ids=(random_.choice(TABLES),), guests=2), {}),
                (VoidLines(lines=lines, reason="r"), target),
                (ServeLines(lines=lines), target),
                (MoveCheck(table_ids=(random_.choice(TABLES),)), target),
                (MergeCheck(check_id=random_.choice(checks)), target),
                (SplitCheck(lines=lines), target),
                (BillCheck(), target),
                (ReopenCheck(), target),
                (AbortCheck(reason="r"), target),
                (settle(standing.total, check_id=check_id) if standing else settle(1, lines=order), target),
                (settle(110, lines=(LineIn("p1", 1),)), {}),
                (VoidSale(reason="r"), {"target": sale}),
                (
                    RefundSale(lines=first_line(kit, sale), tenders=(TenderIn("cash", 110),), reason="r"),
                    {"target": sale},
                ),
                (TakeNumbers(register_id="r1", count=5), {}),
                (ChangeProduct(remaining=random_.randint(0, 9)), {"target": "last"}),
                (ChangeProduct(price=random_.randint(1, 500)), {"target": "p2"}),
                (RecordFact(type="x.acme.t", data=b'{"a":1}'), {}),  # type: ignore[arg-type]
            ]
        )


def settle(total: int, **more: Any) -> CompleteSale:
    return CompleteSale(tenders=(TenderIn("cash", total, total + 1000),), **more)


def known_sales(kit: HubKit) -> set[str]:
    return {fact.sale_id for fact, _ in kit.committed if type(fact).__name__ == "SaleCompleted"}  # type: ignore[attr-defined]


def first_line(kit: HubKit, sale_id: str) -> tuple[LineQuantity, ...]:
    for fact, _ in kit.committed:
        if type(fact).__name__ == "SaleCompleted" and fact.sale_id == sale_id:  # type: ignore[attr-defined]
            return (LineQuantity(fact.lines[0].line_id, 1),)  # type: ignore[attr-defined]
    return (LineQuantity("none", 1),)


async def live(place: Disk | Path, seed: int, steps: list[str]) -> None:
    random_ = random.Random(seed)
    answered: dict[str, tuple[Command, dict[str, Any], bytes]] = {}
    async with hub_on(place) as kit:
        for number, step in enumerate(steps):
            match step:
                case "save":
                    await kit.core.save()
                case "kill":
                    await kit.again()
                case "stop":
                    await kit.stop()
                    await kit.start()
                case "tomorrow":
                    kit.clock.unix_s += 86400
                case "lost" | "kept":
                    kit.journal.faults.append(step)
                case "check":
                    await check(kit)
                case _:
                    await ask(kit, random_, number, int(step), answered)
        await check(kit)
        await kit.again()
        await check(kit)
        for key, (command, more, body) in random_.sample(sorted(answered.items()), min(5, len(answered))):
            again = await kit.submit(key, command, **more)
            assert (again.replayed, again.body) == (True, body)


async def ask(kit: HubKit, random_: random.Random, number: int, count: int, answered: dict[str, Any]) -> None:
    asked = wishes(random_, kit)
    batch = {f"{number}-{n}": next(asked) for n in range(count)}
    results = await asyncio.gather(
        *(kit.submit(key, command, **more) for key, (command, more) in batch.items()), return_exceptions=True
    )
    for (key, (command, more)), result in zip(batch.items(), results, strict=True):
        if isinstance(result, BaseException):
            assert isinstance(result, HubError), result
            assert result.slug != "internal"
        else:
            answered[key] = (command, more, result.body)
    async with asyncio.timeout(10):
        while kit.core.writer.trouble is not None:
            await asyncio.sleep(0.001)


STEPS = st.lists(
    st.sampled_from(["1", "3", "8", "8", "8", "save", "kill", "stop", "tomorrow", "lost", "kept", "check"]),
    min_size=1,
    max_size=25,
)


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.service.writer.REOPEN_WAIT_S_MIN", 0.001)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), steps=STEPS)
def test_everything_is_as_it_was_in_memory(seed: int, steps: list[str]) -> None:
    asyncio.run(live(Disk(), seed, steps))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), steps=STEPS)
def test_everything_is_as_it_was_on_sqlite(seed: int, steps: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live(Path(folder) / "journal.db", seed, steps))


async def test_a_sale_that_left_memory_is_voided_and_read_again(kit: HubKit) -> None:
    sale = await kit.says("k", settle(110, lines=(LineIn("p1", 1),)))
    await kit.core.save()
    assert sale["sale_id"] not in kit.core.state.sales.committed
    await kit.says("v", VoidSale(reason="r"), target=sale["sale_id"])
    await kit.again()
    assert kit.core.state.sales.committed[sale["sale_id"]].status == "voided"
    await check(kit)


async def test_a_recovered_void_finds_its_sale_that_left_memory(kit: HubKit) -> None:
    sale = await kit.says("k", settle(110, lines=(LineIn("p1", 1),)))
    (made,) = [e for e in await kit.entries() if entries.read(e.raw).idempotencykey == "k"]
    lost = entries.Chain(source="/s", boot_id="b", epoch="f" * 16, seq=90, head="0" * 64)
    from hub.domain.facts import SaleVoided
    from hub.domain.sale import RefundedLine

    fact = SaleVoided(
        sale_id=sale["sale_id"],
        receipt_no=sale["receipt_no"],
        check_id=None,
        lines=(RefundedLine(sale["lines"][0]["line_id"], "p1", "P1", 1, 110),),
        taxes=(),
        total=110,
        tenders=(),
        reason="r",
    )
    entry, _ = lost.append(fact, kit.clock.stamp(), entries.Origin("d1", None, "lost-key", "h"))
    await kit.core.save()
    await kit.core.desk.order(
        RecoverEntry(epoch=entry.epoch, seq=entry.seq, hash=entry.hash, entry=entry.raw.decode())
    )
    assert kit.core.state.sales.committed[sale["sale_id"]].status == "voided"
    await check(kit)
    await kit.again()
    await check(kit)
    assert made.seq < kit.journal.position.seq


async def test_a_start_reads_what_was_not_saved_and_nothing_else(kit: HubKit) -> None:
    async def start_cost() -> int:
        read = 0
        await kit.kill()

        def count(journal: Any) -> None:
            after = journal.after

            async def counting(seq: int, **limits: int) -> Any:
                nonlocal read
                found = await after(seq, **limits)
                read += len(found)
                return found

            journal.after = counting

        await kit.start(prepare=count)
        return read

    costs = []
    for age in range(4):
        for n in range(40):
            await kit.submit(f"{age}-{n}", settle(110, lines=(LineIn("p1", 1),)))
        await kit.core.save()
        await kit.submit(f"{age}-late", settle(110, lines=(LineIn("p1", 1),)))
        costs.append(await start_cost())
    assert costs == [1, 1, 1, 1], "the late sale alone"
    assert len(kit.core.state.sales.committed) <= 2
    await check(kit)


async def test_a_box_that_is_cut_off_again_and_again_saves_what_it_reads_again(
    kit: HubKit, monkeypatch: pytest.MonkeyPatch
) -> None:
    for life in range(3):
        for number in range(4):
            await kit.says(f"{life}-{number}", PlaceOrder((LineIn("p1", 1),), table_id="t1"))
        await kit.again()
        assert kit.core.writer.unsaved == kit.journal.position.seq - kit.core.saver.seq >= 4 * (life + 1)
    monkeypatch.setattr("hub.service.saving.UNSAVED_MAX", 10)
    async with asyncio.timeout(5):
        while kit.core.writer.unsaved:
            await asyncio.sleep(0.01)
    await check(kit)


async def test_a_late_entry_reaches_the_report_of_its_old_day(kit: HubKit) -> None:
    await kit.says("k", settle(110, lines=(LineIn("p1", 1),)))
    day = kit.clock.stamp().business_date
    for n in range(6):
        kit.clock.unix_s += 86400
        await kit.says(f"k{n}", settle(110, lines=(LineIn("p1", 1),)))
    await kit.core.save()
    await kit.again()
    assert day not in kit.core.reports._days
    kit.clock.unix_s -= 6 * 86400
    await kit.says("late", settle(110, lines=(LineIn("p1", 1),)))
    reports: list[DayReport | None] = await asyncio.gather(
        *(kit.core.reports.of(day, kit.keeper.report) for _ in range(3))
    )
    assert [report.sales.count for report in reports if report] == [2, 2, 2]
    await kit.core.save()
    await check(kit)


async def test_a_witness_of_this_very_journal_is_no_alarm(kit: HubKit) -> None:
    await kit.says("k", settle(110, lines=(LineIn("p1", 1),)))
    for witness in (kit.journal.position, None):
        core = await kit.again(witness=witness)
        assert core.behind is None
        assert core.state.receipt_series == "A"


async def test_a_restored_box_counts_receipts_in_a_new_series(kit: HubKit) -> None:
    first = await kit.says("k", settle(110, lines=(LineIn("p1", 1),)))
    assert first["receipt_no"] == "A-000001"
    await kit.again(reason="replace")
    second = await kit.says("k2", settle(110, lines=(LineIn("p1", 1),)))
    series = second["receipt_no"].partition("-")[0]
    assert second["receipt_no"] == f"{series}-000001"
    assert series.startswith("B")
    await kit.again()
    assert (await kit.says("k3", settle(110, lines=(LineIn("p1", 1),))))["receipt_no"] == f"{series}-000002"
    starts = kit.journal.epochs()
    assert [start.after.seq + 1 for start in starts] == [start.first_seq for start in starts]
    assert len({start.epoch for start in starts}) == 3


async def test_nothing_stays_of_a_life_that_ended_in_the_middle_of_a_commit(kit: HubKit) -> None:
    """What the garbage collector does not look at must not be part of a ring: a long simulation has many lives."""
    kit.journal.gate.clear()
    asked = asyncio.create_task(kit.says("k", PlaceOrder(table_id="t1", lines=(LineIn("p1", 1),))))
    while not kit.journal.appends or kit.core.writer.pending() is None:
        await asyncio.sleep(0)
    await kit.kill()
    asked.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asked
    del asked
    life = weakref.ref(kit.core.state)
    await kit.start()
    gc.collect()
    assert life() is None
