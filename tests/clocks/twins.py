"""Two stores of one seed: one whose clock was always right, and one whose box forgets the time, boots with any date
and is told the right one now and then. Once both know it, their days must add up to the same.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

import msgspec

from hub.clock import BoxClock
from hub.domain.commands import (
    ApplyMaster,
    CompleteSale,
    LineIn,
    LineQuantity,
    PlaceOrder,
    RefundSale,
    TakeNumbers,
    TenderIn,
)
from hub.domain.commands_day import MoveDrawer, SettleRegister
from hub.domain.commands_receipt import IssueFormalReceipts
from hub.domain.day import Day
from hub.domain.errors import HubError
from hub.domain.facts import MasterChange
from hub.domain.report_sums import DayReport
from hub.domain.report_view import view
from hub.service.clockwork import ClockWork, before_of
from tests.clocks.later import METHODS, MORE, Left, account_lines, begin_or_end, begun, times_off
from tests.clocks.mistakes import MISTAKES
from tests.support.core import NOON, HubKit, check
from tests.support.disk import Disk, DiskJournal

REGULAR = (
    MasterChange("customer", "c1", {"id": "c1", "points": 500}),
    MasterChange("setting", "points_rate", "0.1"),
    *METHODS,
    *MORE,
)
YEAR = 365 * 86400.0
CASH = "cash"


class Machine:
    """The time as it is, and as a machine without a battery has it."""

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice
        self.true_s = NOON + 0.5
        self.uptime_s = 20.0
        self.skew_s = 0.0
        self.ntp = False
        self.boots = 0

    @property
    def boot(self) -> str:
        return f"boot{self.boots}"

    def go(self, seconds: float) -> None:
        self.true_s += seconds
        self.uptime_s += seconds

    def step(self) -> None:
        """By hand, by a bad server, or by a battery that is none."""
        self.skew_s = self.dice.choice(
            [0.0, -3600.0, 3600.0, -86400.0, -3 * 86400.0, 90 * 86400.0, -self.true_s + 60, 73 * YEAR]
        )

    def reboot(self, off_s: float) -> None:
        self.true_s += off_s
        self.uptime_s = self.dice.uniform(5, 60)
        self.boots += 1
        self.ntp = False
        self.step()

    @contextlib.contextmanager
    def ruling(self) -> Iterator[None]:
        time = SimpleNamespace(
            time=lambda: self.true_s + (0.0 if self.ntp else self.skew_s),
            time_ns=lambda: int(self.true_s * 1e9),
            monotonic=lambda: self.uptime_s,
            monotonic_ns=lambda: round(self.uptime_s * 1e9),
        )
        with mock.patch("hub.clock.time", time):
            yield


@dataclass
class Round:
    seed: int
    problems: list[str] = field(default_factory=list)
    entries: int = 0
    corrected: int = 0
    moved: int = 0
    counts: dict[str, int] = field(default_factory=dict)


def play(seed: int, *, mistake: str = "") -> Round:
    """The same seed plays the same."""
    outcome = Round(seed)
    machine = Machine(random.Random(seed))
    with machine.ruling(), MISTAKES.get(mistake, contextlib.nullcontext)():
        asyncio.run(_play(outcome, machine))
    return outcome


class Twins:
    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.disk = Disk()
        self.right, self.box = HubKit(Disk()), HubKit(self.disk)
        self.work: ClockWork
        self.left = Left()
        self._keys = 0

    async def open(self) -> None:
        await self._follow()
        await self.right.fresh()
        await self._clock()
        await self.box.fresh()
        for kit in (self.right, self.box):
            await kit.core.desk.order(ApplyMaster("import", REGULAR))
        self._tend()

    async def again(self) -> None:
        """The box is killed and starts again; the twin is spared."""
        await self._follow()
        await _kill(self.box)
        await self._clock()
        await self.box.start()
        self._tend()

    async def _clock(self) -> None:
        machine, self.box.boot = self.machine, self.machine.boot
        probe = DiskJournal(self.disk)
        await probe.open()
        before = await before_of(probe, probe, machine.boot)
        await probe.close()
        self.box.clock = BoxClock(
            zone="Asia/Tokyo",
            day_change=timedelta(hours=5),
            before=before,
            synchronised=lambda: machine.ntp,
        )

    def _tend(self) -> None:
        self.work = ClockWork(self.box.core, self.box.journal, self.box.clock, boot=self.machine.boot)

    async def _follow(self) -> None:
        self.right.clock.unix_s = self.machine.true_s
        self.right.clock.uptime_s = self.machine.uptime_s

    async def do(self, command: Any, *, target: str = "", version: int | None = None) -> dict[str, Any]:
        """What the box answers; nothing when both refuse."""
        await self._follow()
        self._keys += 1
        answers: list[dict[str, Any]] = []
        for kit in (self.right, self.box):
            try:
                answer = await kit.submit(
                    f"k{self._keys}", command, target=target, version=version, role="register", device="r1"
                )
            except HubError:
                answers.append({})
            else:
                answers.append(msgspec.json.decode(answer.body))
        assert bool(answers[0]) == bool(answers[1]), f"only one of the two does {command}"
        return answers[1]

    async def close(self) -> None:
        for kit in (self.right, self.box):
            if kit.alive:
                await _kill(kit)


async def _kill(kit: HubKit) -> None:
    """This one alone; HubKit.kill() would take its twin's tasks too."""
    for task in kit.core._tasks:
        task.cancel()
    await asyncio.gather(*kit.core._tasks, return_exceptions=True)
    await kit.journal.close()
    kit.alive = False


async def _play(outcome: Round, machine: Machine) -> None:
    dice, twins = machine.dice, Twins(machine)
    machine.step()
    try:
        await twins.open()
        sales: list[dict[str, Any]] = []
        await _trade(twins, sales, outcome)
        for _ in range(dice.randint(4, 9)):
            machine.go(dice.choice([0.0, 30.0, 3600.0, 9 * 3600.0, 30 * 3600.0]))
            match dice.randrange(6):
                case 0 | 1:
                    await _hear(twins, sales, outcome, certainly=True)
                    outcome.counts["boots"] = outcome.counts.get("boots", 0) + 1
                    machine.reboot(dice.choice([5.0, 3600.0, 3 * 86400.0]))
                    await twins.again()
                case 2:
                    outcome.counts["steps"] = outcome.counts.get("steps", 0) + 1
                    machine.step()
                    await twins.work.tend()
                case 3:
                    outcome.counts["restarts"] = outcome.counts.get("restarts", 0) + 1
                    await twins.again()
                case _:
                    await _hear(twins, sales, outcome, certainly=False)
            await _trade(twins, sales, outcome)
        await _hear(twins, sales, outcome, certainly=True)
        await twins.work.tend()
        await _compare(twins, outcome)
        # And once more from what is on the disk.
        await twins.again()
        await _compare(twins, outcome)
    finally:
        await twins.close()


async def _hear(twins: Twins, sales: list[dict[str, Any]], outcome: Round, *, certainly: bool) -> None:
    """The right time is told; not every time does the box live to correct anything."""
    machine, clock, dice = twins.machine, twins.box.clock, twins.machine.dice
    match dice.randrange(4):
        case 0:
            machine.ntp = True
            clock.look()
        case 1 if clock.source not in ("ntp", "cloud", "earlier"):
            clock.said(machine.true_s - 3600)
            await twins.work.tend()
            await _trade(twins, sales, outcome)
            clock.said(machine.true_s)
        case _ if certainly or dice.random() < 0.7:
            clock.heard(machine.true_s, "cloud")
    if certainly and not clock.trusted:
        clock.heard(machine.true_s, "cloud")
    if dice.random() < 0.6:
        await twins.work.tend()
    # An entry that is sure of its time: by it a later boot can place those before it.
    await _sell(twins, sales)


async def _trade(twins: Twins, sales: list[dict[str, Any]], outcome: Round) -> None:
    dice = twins.machine.dice
    for _ in range(dice.randint(1, 6)):
        twins.machine.go(dice.choice([1.0, 60.0, 1200.0]))
        match dice.randrange(13):
            case 9 | 10 | 11 | 12:
                await begin_or_end(twins, twins.left, dice)
            case 7:
                await twins.do(TakeNumbers("r1", dice.randrange(1, 4)), target="r1")
            case 8 if sales:
                await twins.do(IssueFormalReceipts(), target=sales.pop()["sale_id"])
            case 0:
                await twins.do(PlaceOrder((LineIn(f"p{dice.randrange(9)}", 1),), table_id="t1"))
            case 1 if sales:
                sale = sales.pop(dice.randrange(len(sales)))
                line, total = sale["lines"][0], sale["total"]
                wanted = (LineQuantity(line["line_id"], line["quantity"]),)
                await twins.do(RefundSale(wanted, (TenderIn(CASH, total),), "cold"), target=sale["sale_id"])
            case 2:
                await twins.do(MoveDrawer("float", 5000), target="r1")
                await twins.do(MoveDrawer("out", dice.randrange(1, 500), reason="milk"), target="r1")
            case 3 if dice.random() < 0.3:
                await twins.do(MoveDrawer("float", 1000), target="r1")
                await twins.do(SettleRegister(amount=0), target="r1")
            case _:
                await _sell(twins, sales)


async def _sell(twins: Twins, sales: list[dict[str, Any]]) -> None:
    product = twins.machine.dice.randrange(9)
    regular = "c1" if product % 3 == 0 else None
    tenders, lines = (TenderIn(CASH, 100 + 10 * product),), (LineIn(f"p{product}", 1),)
    sales.append(await twins.do(CompleteSale(tenders, lines=lines, customer_id=regular)))


async def _compare(twins: Twins, outcome: Round) -> None:
    twin, truth = await check(twins.right), await check(twins.box)
    corrections = list(truth.state.corrections.committed.values())
    outcome.entries = len(await twins.box.entries())
    outcome.corrected = sum(one.last_seq - one.first_seq + 1 for one in corrections)
    outcome.moved = sum(one.old_business_date != one.new_business_date for one in corrections)
    if twins.box.clock.trusted and abs(twins.box.clock.unix_s() - twins.machine.true_s) > 2:
        outcome.problems.append(f"the clock is {twins.box.clock.unix_s() - twins.machine.true_s:.1f} s off")
    _same("report", _reports(twin.reports), _reports(truth.reports), outcome)
    _same("day", _days(twin.state.days.committed), _days(truth.state.days.committed), outcome)
    for name, found in (("sale", "sales"), ("check", "checks")):
        mine, theirs = getattr(twin.state, found).committed, getattr(truth.state, found).committed
        _same(name, {key: _dated(one) for key, one in mine.items()},
              {key: _dated(one) for key, one in theirs.items()}, outcome)  # fmt: skip
    _same("numbers of", _numbers(twin.state), _numbers(truth.state), outcome)
    given = _given(truth.state)
    listed = sum(one.last - one.first + 1 for ranges in _numbers(truth.state).values() for one in ranges)
    if listed != given:
        outcome.problems.append(f"{given} numbers were given, {listed} are on the lists of days")
    _same("use of", {key: one.business_date for key, one in twin.state.number_uses.committed.items()},
          {key: one.business_date for key, one in truth.state.number_uses.committed.items()}, outcome)  # fmt: skip
    _same("what began", begun(twin.state), begun(truth.state), outcome)
    _same("ledger", {"of accounts": account_lines(twins.right, twin.state)},
          {"of accounts": account_lines(twins.box, truth.state)}, outcome)  # fmt: skip
    outcome.problems += times_off(twin.state, truth.state)
    _same("points of", _points(twin.state), _points(truth.state), outcome)
    _same("ledger", {"of points": _ledger(twins.right, twin.state)},
          {"of points": _ledger(twins.box, truth.state)}, outcome)  # fmt: skip
    _same("drawers", {"r1": _cash(twin.state)}, {"r1": _cash(truth.state)}, outcome)


def _same(what: str, right: dict[str, Any], found: dict[str, Any], outcome: Round) -> None:
    for key in sorted(right.keys() | found.keys()):
        mine, theirs = found.get(key), right.get(key)
        if isinstance(mine, dict) and isinstance(theirs, dict):
            parts = [name for name in mine if mine[name] != theirs.get(name)]
            mine, theirs = {n: mine[n] for n in parts}, {n: theirs.get(n) for n in parts}
        if mine != theirs:
            outcome.problems.append(f"{what} {key}: {mine}, in truth {theirs}")


def _reports(reports: dict[str, DayReport]) -> dict[str, Any]:
    """Everything but what a settlement found: which run it ends depends on the day that people saw."""
    found = {}
    for date, report in reports.items():
        shown = view(report)
        shown["settlements"] = len(shown["settlements"])
        shown.pop("over_short")
        # A row that came to nothing may have stayed on one side and gone on the other.
        shown = {name: _without_nothing(part) for name, part in shown.items()}
        if report.orders or report.sales.count or report.refunds.count or report.drawer.floats:
            found[date] = shown
    return found


def _without_nothing(part: Any) -> Any:
    if not isinstance(part, list):
        return part
    return [row for row in part if any(row.get(name) for name in ("count", "quantity", "amount", "taxable"))
            or not row.keys() & {"count", "quantity", "amount", "taxable"}]  # fmt: skip


def _days(days: dict[str, Day]) -> dict[str, Any]:
    """Rows in any order: it is that in which they came."""
    return {
        date: (day.status, day.late, day.figures.sales, day.figures.refunds, day.figures.net,
               sorted(repr(row) for row in day.figures.taxes if row.taxable), sorted(map(repr, day.figures.tenders)))
        for date, day in days.items()
        if day.figures.sales.count or day.figures.refunds.count
    }  # fmt: skip


def _numbers(state: Any) -> dict[str, Any]:
    """What was handed out, whatever the order in which the ranges came to stand."""
    return {date: day.joined(()).ranges for date, day in state.number_days.committed.items()}


def _ledger(kit: HubKit, state: Any) -> list[tuple[str, int, str]]:
    """As it is shown."""
    found = []
    for _, move in sorted(state.movements.committed.items()):
        _, date = kit.core.right_time(
            seq=move.seq, epoch=move.epoch, at=move.at, business_date=move.business_date
        )
        found.append((move.kind, move.points, date))
    return found


def _given(state: Any) -> int:
    counters = state.counters.committed.items()
    return sum(count for name, count in counters if name.startswith("receipt_no:"))


def _points(state: Any) -> dict[str, Any]:
    """uses: on the last days; of longer ago nothing is kept."""
    return {
        key: (one.points, one.moved_on, sorted(one.uses)[-3:])
        for key, one in state.customers.committed.items()
    }


def _dated(thing: Any) -> Any:
    refunds = [(one.refund_id, one.business_date) for one in getattr(thing, "refunds", ())]
    return (thing.business_date, refunds)


def _cash(state: Any) -> int:
    """All that went in and out, in settlements and in what is not settled."""
    return sum(
        register.expected + sum(one.expected for one in register.settlements)
        for register in state.registers.committed.values()
    )
