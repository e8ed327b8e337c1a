"""An evening with plans and time bands: everything that people do to checks, in any order, while the clock goes on."""

from __future__ import annotations

from collections import Counter

from domain_world import World
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from plan_kit import band, check_of, order, party, store

from hub.domain.check import Check
from hub.domain.command import LineQuantity
from hub.domain.commands import (
    BillCheck,
    Command,
    CompleteSale,
    LineIn,
    MergeCheck,
    PlaceOrder,
    ReopenCheck,
    SplitCheck,
    TenderIn,
    VoidLines,
)
from hub.domain.commands_check import UnmergeCheck
from hub.domain.commands_lines import ChangeQuantity
from hub.domain.commands_plan import ExtendPlan, SetTableCharge, StartPlan, StopPlan
from hub.domain.commands_price import DiscountCheck
from hub.domain.errors import HubError, TenderMismatch
from hub.domain.menu import BandPrice
from hub.domain.money import Rounding, tax_on
from hub.domain.plan import later
from hub.domain.sale import Sale

BANDS = (
    band("early", "17:00", "19:00", prices=(BandPrice(-50, category_id="c"),), service_charge="0.05"),
    band("late", "19:00", "05:00", table_charge=333, service_charge="0.10", rounding_discount=100),
)
PICK = st.integers(0, 99)


class Evening(RuleBasedStateMachine):
    @initialize(rounding=st.sampled_from(Rounding))
    def open_the_store(self, rounding: Rounding) -> None:
        self.world: World = store(*BANDS, rounding=rounding.value)
        self.rounding = rounding
        self.world.clock = "17:30:00.000"
        self.tables = 2
        for number in (1, 2):
            check_id = party(self.world, f"t{number}", guests=number)
            self.world.do(StartPlan("nomi", number), check_id)
            order(self.world, check_id, "beer", "tea", "coin", quantity=2)

    def checks(self) -> list[Check]:
        return [check for _, check in sorted(self.world.state.checks.items())]

    def check(self, pick: int) -> Check | None:
        known = [check for check in self.checks() if not check.ended]
        return known[pick % len(known)] if known else None

    def attempt(self, command: Command, check: Check) -> bool:
        """Whether it was done and not refused."""
        try:
            self.world.do(command, check.check_id, version=check.version)
        except HubError:
            return False
        return True

    @rule(minutes=st.integers(1, 60))
    def time_goes_on(self, minutes: int) -> None:
        after = later(self.world.at().stamp.time, minutes)
        self.world.day, self.world.clock = after[:10], after[11:23]

    @rule(guests=st.integers(0, 4))
    def check_in(self, guests: int) -> None:
        self.tables += 1
        party(self.world, f"t{self.tables}", guests=guests)

    @rule(
        pick=PICK,
        wanted=st.lists(
            st.tuples(st.sampled_from(["tea", "bread", "beer", "sour", "house", "coin"]), st.integers(1, 3)),
            min_size=1,
            max_size=3,
        ),
    )
    def take_an_order(self, pick: int, wanted: list[tuple[str, int]]) -> None:
        if check := self.check(pick):
            lines = tuple(LineIn(*want) for want in wanted)
            self.attempt(PlaceOrder(lines, check_id=check.check_id), check)

    @rule(pick=PICK, guests=st.integers(1, 3))
    def start_a_plan(self, pick: int, guests: int) -> None:
        if check := self.check(pick):
            self.attempt(StartPlan("nomi", guests), check)

    @rule(pick=PICK, stop=st.booleans())
    def extend_or_stop_a_plan(self, pick: int, stop: bool) -> None:
        if (check := self.check(pick)) and check.plans:
            plan_id = check.plans[pick % len(check.plans)].plan_id
            self.attempt(StopPlan(plan_id) if stop else ExtendPlan(plan_id), check)

    @rule(pick=PICK, guests=st.integers(0, 5))
    def set_the_table_charge(self, pick: int, guests: int) -> None:
        if check := self.check(pick):
            self.attempt(SetTableCharge(guests), check)

    @rule(
        pick=PICK, which=PICK, how=st.sampled_from(["void", "quantity", "split"]), quantity=st.integers(1, 3)
    )
    def change_a_line(self, pick: int, which: int, how: str, quantity: int) -> None:
        check = self.check(pick)
        if check is None or not check.lines:
            return
        lines = (LineQuantity(check.lines[which % len(check.lines)].line_id, quantity),)
        before = {one.check_id for one in self.checks()}
        commands: dict[str, Command] = {
            "void": VoidLines(lines, "wrong"),
            "quantity": ChangeQuantity(lines),
            "split": SplitCheck(lines),
        }
        if self.attempt(commands[how], check) and how == "split":
            (new,) = {one.check_id for one in self.checks()} - before
            left = check_of(self.world, check.check_id)
            assert left.total + check_of(self.world, new).total == check.total
            assert left.plans == check.plans, "whoever pays, the plan stays with the table"

    @rule(pick=PICK, other=PICK, back=st.booleans())
    def merge_and_perhaps_unmerge(self, pick: int, other: int, back: bool) -> None:
        one, two = self.check(pick), self.check(other)
        if one is None or two is None or one.check_id == two.check_id:
            return
        if self.attempt(MergeCheck(two.check_id), one):
            merged = check_of(self.world, one.check_id)
            assert merged.total == one.total + two.total
            assert {run.plan_id for run in merged.plans} == {run.plan_id for run in (*one.plans, *two.plans)}
            if back and self.attempt(UnmergeCheck(two.check_id), merged):
                parts = [check_of(self.world, check.check_id) for check in (one, two)]
                assert sum(part.total for part in parts) == one.total + two.total
                plans = {run.plan_id for part in parts for run in part.plans}
                assert plans == {run.plan_id for run in merged.plans}

    @rule(pick=PICK, off=st.sampled_from([11, "0.10"]))
    def give_a_discount(self, pick: int, off: int | str) -> None:
        if check := self.check(pick):
            self.attempt(DiscountCheck("amount" if isinstance(off, int) else "rate", off, name="off"), check)

    @rule(pick=PICK, reopen=st.booleans())
    def bill_or_reopen(self, pick: int, reopen: bool) -> None:
        if check := self.check(pick):
            self.attempt(ReopenCheck() if reopen else BillCheck(), check)

    @rule(pick=PICK)
    def pay(self, pick: int) -> None:
        check = self.check(pick)
        if check is None or not check.lines:
            return
        try:
            sold = self.world.do(CompleteSale((TenderIn("cash", 0),), check_id=check.check_id))
        except TenderMismatch as refused:
            total = refused.fields["total"]
            sold = self.world.do(CompleteSale((TenderIn("cash", total),), check_id=check.check_id))
        if check.status == "billed":
            assert sold.total == check.due, "the guest pays what the bill said"
        assert check_of(self.world, check.check_id).due == sold.total

    # -- what must always hold -----------------------------------------------------------------------------------

    @invariant()
    def a_total_is_what_its_lines_come_to(self) -> None:
        for check in self.checks():
            sums: Counter[tuple[str | None, bool]] = Counter()
            for line in check.lines:
                assert line.amount == line.quantity * line.unit_price
                assert not line.in_plan or line.amount == 0
                sums[line.tax_rate, line.tax_included] += line.net
            kept = {(part.rate, part.included): part for part in check.sums}
            for key, net in sums.items():
                assert kept[key].amount == net
            if not check.discounts:
                due = 0
                for (rate, included), net in sums.items():
                    due += net + kept[rate, included].carry
                    if rate is not None and not included:
                        due += tax_on(net, rate, included=False, rounding=self.rounding)
                assert check.total == due

    @invariant()
    def a_plan_is_for_those_who_pay_for_it(self) -> None:
        for check in self.checks():
            for run in check.plans:
                line = check.line(run.line_id)
                if line is not None and run.stopped_at is None:
                    assert run.guests >= line.quantity > 0
                assert run.started_at < run.last_order_at < run.ends_at

    @invariant()
    def every_plan_is_on_one_check(self) -> None:
        plans = [run.plan_id for check in self.checks() for run in check.plans]
        assert len(plans) == len(set(plans))

    @invariant()
    def what_is_sold_adds_up(self) -> None:
        sales: list[Sale] = [sale for _, sale in self.world.state.sales.items()]
        for sale in sales:
            assert sale.total == sum(row.due for row in sale.taxes)
            assert sum(line.net for line in sale.lines) == sum(row.taxable for row in sale.taxes)

    @invariant()
    def the_journal_tells_the_same_story(self) -> None:
        self.world.same()


TestEvening = Evening.TestCase
TestEvening.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
