"""Several devices at once at the tables: who sits where, what the checks come to, and who may still add to them."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
from domain_world import World, contents
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from hub.domain.check import Check, Status
from hub.domain.commands import (
    AbortCheck,
    BillCheck,
    ChangeCheck,
    Command,
    CompleteSale,
    LineIn,
    LineQuantity,
    MergeCheck,
    MoveCheck,
    OpenCheck,
    PlaceOrder,
    ReopenCheck,
    ServeLines,
    ShareCheck,
    SplitCheck,
    TenderIn,
    UnmergeCheck,
    VoidLines,
)
from hub.domain.commands_price import DiscountCheck
from hub.domain.errors import CheckChanged, HubError, TableShared
from hub.domain.facts import SaleCompleted
from hub.domain.money import Rounding, tax_on
from hub.domain.seats import sitting

PRODUCTS = ("tea", "bread", "soba", "soba", "coin", "gift")
TABLES = ("t1", "t2", "t3", "t4")
HERE: tuple[Status, ...] = ("open", "billed")

device = st.sampled_from(("d1", "d2", "d3"))
pick = st.integers(0, 1_000_000)
tables = st.lists(st.sampled_from(TABLES), unique=True, max_size=3).map(tuple)
lines = st.lists(st.tuples(st.sampled_from(PRODUCTS), st.integers(1, 4)), min_size=1, max_size=4)
groups = st.dictionaries(st.sampled_from(["adults", "children"]), st.integers(1, 3))


def ins(chosen: list[tuple[str, int]]) -> tuple[LineIn, ...]:
    return tuple(LineIn(*one) for one in chosen)


class Floor(RuleBasedStateMachine):
    @initialize(
        rounding=st.sampled_from(list(Rounding)),
        parties=st.lists(lines, min_size=2, max_size=3),
        shared=st.booleans(),
    )
    def open(self, rounding: Rounding, parties: list[Any], shared: bool) -> None:
        self.rounding = rounding
        self.world = World(settings={"rounding": rounding.value})
        for table, chosen in zip(TABLES, parties, strict=False):
            opened = self.world.do(OpenCheck((table,), guests=2, shared=shared))
            self.world.do(PlaceOrder(ins(chosen), check_id=opened.check_id))

    # -- helpers ------------------------------------------------------------------------------------------------

    def attempt(self, command: Command, target: str = "", **more: Any) -> Any:
        """Do it; a refusal must leave nothing."""
        before = contents(self.world.state)
        try:
            return self.world.do(command, target, **more)
        except HubError as refused:
            self.refused = refused
        assert contents(self.world.state) == before
        return None

    def checks(self, *statuses: str) -> list[Check]:
        return [check for _, check in sorted(self.world.state.checks.items()) if check.status in statuses]

    def chosen(self, number: int, *statuses: str) -> Check | None:
        found = self.checks(*(statuses or get_args(Status)))
        return found[number % len(found)] if found else None

    def worth(self) -> int:
        """What everything on the floor comes to."""
        return sum(check.total for check in self.checks(*HERE))

    def room(self, wanted: tuple[str, ...], shared: bool, *party: str) -> bool:
        """Whether the tables are free, or all who sit there and the one that comes allow company."""
        there = [
            check
            for check in self.checks(*HERE)
            if check.check_id not in party and set(check.table_ids) & set(wanted)
        ]
        return not there or (shared and all(check.shared for check in there))

    # -- what devices do ----------------------------------------------------------------------------------------

    @rule(who=device, where=tables, shared=st.booleans(), groups=groups)
    def check_in(self, who: str, where: tuple[str, ...], shared: bool, groups: dict[str, int]) -> None:
        allowed = self.room(where, shared)
        opened = self.attempt(OpenCheck(where, shared=shared, customer_groups=groups), device=who)
        assert (opened is not None) == allowed

    @rule(who=device, where=st.sampled_from(TABLES), chosen=lines)
    def order_at_a_table(self, who: str, where: str, chosen: list[Any]) -> None:
        there = [check for check in self.checks(*HERE) if where in check.table_ids]
        placed = self.attempt(PlaceOrder(ins(chosen), table_id=where), device=who)
        if len(there) > 1:
            assert isinstance(self.refused, TableShared)
            assert {choice["check_id"] for choice in self.refused.fields["checks"]} == {
                one.check_id for one in there
            }
        elif there:
            assert (placed is not None) == (there[0].status == "open")

    @rule(who=device, number=pick, chosen=lines)
    def order_on_any_check(self, who: str, number: int, chosen: list[Any]) -> None:
        check = self.chosen(number)
        if check is not None:
            placed = self.attempt(PlaceOrder(ins(chosen), check_id=check.check_id), device=who)
            assert (placed is not None) == (check.status == "open"), "an ended or frozen check takes no line"

    @rule(
        who=device,
        number=pick,
        where=tables,
        shared=st.sampled_from([None, True, False]),
        stale=st.booleans(),
    )
    def move(self, who: str, number: int, where: tuple[str, ...], shared: bool | None, stale: bool) -> None:
        check = self.chosen(number, *HERE)
        if check is None or not where:
            return
        company = check.shared if shared is None else shared
        allowed = self.room(where, company, check.check_id)
        version = check.version - stale
        moved = self.attempt(MoveCheck(where, shared), check.check_id, version=version, device=who)
        assert (moved is not None) == (allowed and not stale)
        assert not stale or isinstance(self.refused, CheckChanged)

    @rule(
        who=device,
        number=pick,
        shared=st.sampled_from([None, True, False]),
        dining=st.sampled_from([None, "eat_in", "takeout"]),
        guests=st.none() | st.integers(0, 9),
        groups=st.none() | groups,
    )
    def change(self, who: str, number: int, **wanted: Any) -> None:
        check = self.chosen(number)
        groups = wanted.pop("groups")
        if check is not None:
            changed = self.attempt(ChangeCheck(customer_groups=groups, **wanted), check.check_id, device=who)
            assert changed is None or check.status == "open"

    @rule(who=device, number=pick, other=pick)
    def merge(self, who: str, number: int, other: int) -> None:
        check, joins = self.chosen(number), self.chosen(other)
        if check is None or joins is None:
            return
        before = self.worth()
        party = (check.check_id, joins.check_id)
        allowed = (
            check.status == joins.status == "open"
            and check.check_id != joins.check_id
            and all(self.room((table,), check.shared, *party) for table in joins.table_ids)
        )
        merged = self.attempt(MergeCheck(joins.check_id), check.check_id, version=check.version, device=who)
        assert (merged is not None) == allowed
        if merged is not None:
            assert merged.check_total == check.total + joins.total
            assert self.worth() == before

    @rule(who=device, number=pick, at_home=st.booleans(), anywhere=pick)
    def unmerge(self, who: str, number: int, at_home: bool, anywhere: int) -> None:
        merged = self.chosen(number, "merged")
        if merged is None:
            return
        home = self.world.state.checks.get(merged.merged_into or "") if at_home else self.chosen(anywhere)
        assert home is not None
        before = self.worth()
        allowed = home.status == "open" and merged.merged_into == home.check_id
        back = self.attempt(UnmergeCheck(merged.check_id), home.check_id, version=home.version, device=who)
        assert (back is not None) == allowed
        if back is not None:
            assert self.worth() == before
            assert back.unmerged_check_no == merged.check_no
            assert not home.table_ids or back.table_ids, "nobody is left standing for it"

    @rule(
        who=device,
        number=pick,
        line=pick,
        quantity=st.integers(1, 4),
        what=st.sampled_from(["void", "split", "serve"]),
    )
    def portions(self, who: str, number: int, line: int, quantity: int, what: str) -> None:
        check = self.chosen(number)
        if check is None or not check.lines:
            return
        some = (LineQuantity(check.lines[line % len(check.lines)].line_id, quantity),)
        before = self.worth()
        commands = {"void": VoidLines(some, ""), "split": SplitCheck(some), "serve": ServeLines(some)}
        done = self.attempt(commands[what], check.check_id, version=check.version, device=who)
        if what != "void":
            assert self.worth() == before
        elif done is not None:
            assert done.check_total == self.world.state.checks.get(check.check_id).total  # type: ignore[union-attr]

    @rule(who=device, number=pick, value=st.sampled_from([1, 50, "0.05", "0.3"]))
    def discount(self, who: str, number: int, value: int | str) -> None:
        check = self.chosen(number)
        if check is not None:
            kind = "amount" if isinstance(value, int) else "rate"
            self.attempt(DiscountCheck(kind, value), check.check_id, device=who)  # type: ignore[arg-type]

    @rule(
        who=device,
        number=pick,
        parts=st.none() | st.integers(0, 7),
        amounts=st.lists(st.integers(0, 400), max_size=2),
    )
    def share(self, who: str, number: int, parts: int | None, amounts: list[int]) -> None:
        check = self.chosen(number)
        if check is not None:
            shared = self.attempt(ShareCheck(parts, tuple(amounts)), check.check_id, device=who)
            assert shared is None or sum(shared.shares) in (check.due, 0)

    @rule(who=device, number=pick, what=st.sampled_from([BillCheck(), ReopenCheck(), AbortCheck("left")]))
    def end(self, who: str, number: int, what: Command) -> None:
        check = self.chosen(number)
        if check is not None:
            done = self.attempt(what, check.check_id, version=check.version, device=who)
            assert (done is not None) == (check.status in HERE)

    @rule(number=pick, who=device, other=device)
    def two_registers_settle(self, number: int, who: str, other: str) -> None:
        check = self.chosen(number)
        if check is None or not check.lines:
            return
        each = check.shares.of(check.due) if check.shares is not None else None
        tenders = tuple(TenderIn("cash", part) for part in each or (check.due,))
        sold = [
            self.attempt(CompleteSale(tenders, check_id=check.check_id), device=one) for one in (who, other)
        ]
        assert [sale is not None for sale in sold] == [check.status in HERE, False]

    # -- what must always hold -----------------------------------------------------------------------------------

    @invariant()
    def a_table_has_one_check_unless_all_there_share_it(self) -> None:
        for table in TABLES:
            there = [check for check in self.checks(*HERE) if table in check.table_ids]
            assert len(there) < 2 or all(check.shared for check in there)
            assert sorted(sitting(self.world.state, table)) == [check.check_id for check in there]

    @invariant()
    def a_total_is_what_its_lines_come_to(self) -> None:
        for check in self.checks(*get_args(Status)):
            if check.discounts:
                continue
            sums: dict[tuple[str | None, bool], int] = {}
            for line in check.lines:
                key = (line.tax_rate, line.tax_included)
                sums[key] = sums.get(key, 0) + line.net
            carries = {(part.rate, part.included): part.carry for part in check.sums}
            due = sum(sums.values()) + sum(carries.values())
            for (rate, included), amount in sums.items():
                if rate is not None and not included:
                    due += tax_on(amount, rate, included=False, rounding=self.rounding)
            assert check.total == due

    @invariant()
    def shares_add_up_to_the_bill(self) -> None:
        for check in self.checks(*HERE):
            each = None if check.shares is None else check.shares.of(check.due)
            assert each is None or sum(each) == check.due

    @invariant()
    def groups_are_of_the_guests(self) -> None:
        for check in self.checks(*get_args(Status)):
            assert 0 <= sum(check.customer_groups.values()) <= check.guests

    @invariant()
    def a_check_is_sold_once(self) -> None:
        sold = [fact.check_id for fact, _ in self.world.facts if isinstance(fact, SaleCompleted)]
        assert sorted(sold, key=str) == [check.check_id for check in self.checks("closed")]

    @invariant()
    def a_history_is_every_entry_about_the_check(self) -> None:
        about: dict[str, list[int]] = {}
        for fact, meta in self.world.facts:
            told = msgspec.to_builtins(fact)
            for name in ("check_id", "merged_check_id", "unmerged_check_id", "new_check_id"):
                if name in told:
                    about.setdefault(told[name], []).append(meta.seq)
        assert {key: list(check.trail) for key, check in self.world.state.checks.items()} == about

    @invariant()
    def the_journal_tells_the_same_story(self) -> None:
        self.world.same()


TestFloor = Floor.TestCase
TestFloor.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
