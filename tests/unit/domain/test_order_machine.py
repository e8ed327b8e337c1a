"""Several devices order, change, fire, split, pay and run out of things, and the rules of the field hold.

Invariants 4, 5 and 11 of the glossary's page: nothing is added to an ended check; the last portion, of a product or
an option, goes to exactly one table and a void gives it back; what is on a check keeps its name, price and tax.
"""

from __future__ import annotations

from typing import Any, get_args

from domain_world import World, contents
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lines_world import WITH_SETS

from hub.domain.check import Check, Line, Status
from hub.domain.command import ChildIn, CustomIn, OptionIn
from hub.domain.commands import (
    AbortCheck,
    ApplyMaster,
    BillCheck,
    ChangeProduct,
    Command,
    CompleteSale,
    LineIn,
    LineQuantity,
    MergeCheck,
    PlaceOrder,
    RefundSale,
    ServeLines,
    SplitCheck,
    TenderIn,
    UnmergeCheck,
    VoidLines,
    VoidSale,
)
from hub.domain.commands_lines import ChangeOption, ChangeQuantity, FireLines, HoldLines, LineRef, RecallLines
from hub.domain.errors import HubError, SoldOut
from hub.domain.facts import MasterChange

ROLES = {"d1": "handheld", "d2": "register", "d3": "kitchen", "d4": "manager"}
devices = st.sampled_from(sorted(ROLES))
pick = st.integers(0, 1_000_000)
number = st.integers(1, 4)
kitchen = st.sampled_from(["serve", "recall", "fire", "hold", "next"])
LARGE = (OptionIn("l"),)
wishes = st.builds(
    lambda what, quantity, held: LineIn(**what, quantity=quantity, hold=held),
    st.sampled_from(
        [
            {"product_id": "last"},
            {"product_id": "bread"},
            {"product_id": "bowl", "options": LARGE},
            {"product_id": "bowl", "options": (OptionIn("l", 2),), "custom": (CustomIn("hot"),)},
            {"product_id": "steak", "custom": (CustomIn("g"),), "course": "main"},
            {"product_id": "lunch", "children": (ChildIn("bowl", options=LARGE), ChildIn("beer", 2))},
            {"product_id": "lunch", "children": (ChildIn("last"),), "course": "main"},
            {"product_id": "kaiseki", "children": (ChildIn("milk"),)},
        ]
    ),
    number,
    st.booleans(),
)
orders = st.lists(wishes, min_size=1, max_size=3).map(tuple)


def priced(line: Line) -> tuple[Any, ...]:
    return (
        line.name,
        line.unit_price,
        line.tax_class,
        line.tax_rate,
        line.tax_included,
        line.options,
        line.custom,
    )


class Orders(RuleBasedStateMachine):
    @initialize(portions=st.integers(0, 9), larges=st.integers(0, 9))
    def open(self, portions: int, larges: int) -> None:
        self.world = World(WITH_SETS)
        # Portions that are left and those that are on checks and sales come to this.
        self.there = {"last": 0, "l": 0}
        self.ordered: dict[str, tuple[Any, ...]] = {}
        self.ended: dict[str, Check] = {}
        self.say_last(portions)
        self.say_large(larges)

    def attempt(self, command: Command, target: str = "", device: str = "d4", **more: Any) -> Any:
        """Do it; a refusal must leave nothing."""
        before = contents(self.world.state)
        try:
            return self.world.do(command, target, device=device, role=ROLES[device], **more)
        except HubError as refused:
            self.refused = refused
        assert contents(self.world.state) == before
        return None

    def checks(self, *statuses: str) -> list[Check]:
        return [check for _, check in sorted(self.world.state.checks.items()) if check.status in statuses]

    def line(self, place: int, *statuses: str) -> tuple[Check, Line] | None:
        found = [(check, line) for check in self.checks(*statuses) for line in check.lines]
        return found[place % len(found)] if found else None

    def left(self) -> dict[str, int]:
        product, group = self.world.state.products.get("last"), self.world.state.option_groups.get("size")
        assert product is not None
        assert group is not None
        option = group.option("l")
        assert option is not None
        assert product.remaining is not None
        assert option.remaining is not None
        return {"last": product.remaining, "l": option.remaining}

    def gone(self) -> dict[str, int]:
        """What stands on checks that may still be paid, and what was sold and not brought back."""
        units = [(line, line.quantity) for check in self.checks("open", "billed") for line in check.lines]
        for sale in dict(self.world.state.sales.items()).values():
            if sale.status != "voided":
                units += [(line, line.quantity - sale.returned.get(line.line_id, 0)) for line in sale.lines]  # type: ignore[misc]
        return {
            "last": sum(quantity for line, quantity in units if line.product_id == "last"),
            "l": sum(
                quantity * option.quantity
                for line, quantity in units
                for option in line.options
                if option.option_id == "l"
            ),
        }

    # -- what devices do ----------------------------------------------------------------------------------------

    @rule(device=devices, table=st.integers(1, 3), lines=orders)
    def order_at_a_table(self, device: str, table: int, lines: tuple[LineIn, ...]) -> None:
        before = self.left()
        placed = self.attempt(PlaceOrder(lines, table_id=f"t{table}"), device=device)
        if placed is None and isinstance(self.refused, SoldOut):
            assert self.left() == before
            self.refused_rightly(lines)
        for line in placed.lines if placed is not None else ():
            self.ordered[line.line_id] = priced(line)

    def refused_rightly(self, lines: tuple[LineIn, ...]) -> None:
        """The order wanted more than there was."""
        wanted = {"last": 0, "l": 0}
        for line in lines:
            for what in (line, *line.children):
                each = line.quantity * (1 if what is line else what.quantity)
                wanted["last"] += each * (what.product_id == "last")
                wanted["l"] += each * sum(option.quantity for option in what.options)
            wanted["last"] += 2 * line.quantity * (line.product_id == "kaiseki")
        left = self.left()
        assert any(wanted[what] > left[what] for what in left)

    @rule(device=devices, place=pick, lines=orders)
    def order_on_any_check(self, device: str, place: int, lines: tuple[LineIn, ...]) -> None:
        found = self.checks(*get_args(Status))
        if found:
            check = found[place % len(found)]
            placed = self.attempt(PlaceOrder(lines, check_id=check.check_id), device=device)
            assert placed is None or check.status == "open"
            for line in placed.lines if placed is not None else ():
                self.ordered[line.line_id] = priced(line)

    @rule(device=devices, place=pick, quantity=number, void=st.booleans())
    def change(self, device: str, place: int, quantity: int, void: bool) -> None:
        found = self.line(place, "open", "billed", "closed")
        if found is not None:
            check, line = found
            what = (LineQuantity(line.line_id, quantity),)
            command: Command = VoidLines(what, "wrong") if void else ChangeQuantity(what)
            done = self.attempt(command, check.check_id, device)
            if done is not None:
                assert check.status == "open"
                assert line.parent_line_id is None

    @rule(
        device=devices,
        place=pick,
        quantity=number,
        move=st.sampled_from(["serve", "recall", "fire", "hold", "next"]),
    )
    def cook(self, device: str, place: int, quantity: int, move: str) -> None:
        found = self.line(place, "open", "billed", "closed")
        if found is not None:
            check, line = found
            portions, whole = (LineQuantity(line.line_id, quantity),), (LineRef(line.line_id),)
            commands: dict[str, Command] = {
                "serve": ServeLines(portions),
                "recall": RecallLines(portions),
                "fire": FireLines(whole),
                "hold": HoldLines(whole),
                "next": FireLines(),
            }
            done = self.attempt(commands[move], check.check_id, device)
            assert done is None or done.check_total == check.total

    @rule(place=pick, quantity=number)
    def split(self, place: int, quantity: int) -> None:
        found = self.line(place, "open")
        if found is not None:
            check, line = found
            what = (LineQuantity(line.line_id, quantity),)
            done = self.attempt(SplitCheck(what), check.check_id, version=check.version)
            if done is not None:
                assert done.check_total + done.new_check_total == check.total
                for old, new in zip(done.lines, done.new_lines, strict=True):
                    self.ordered[new.line_id] = self.ordered[old.line_id]

    @rule(one=pick, two=pick)
    def merge(self, one: int, two: int) -> None:
        found = self.checks("open")
        if found:
            check, other = found[one % len(found)], found[two % len(found)]
            self.attempt(MergeCheck(other.check_id), check.check_id, version=check.version)

    @rule(place=pick)
    def unmerge(self, place: int) -> None:
        found = [check for check in self.checks("merged") if check.merged_into is not None]
        if found:
            merged = found[place % len(found)]
            into = self.world.state.checks.get(str(merged.merged_into))
            assert into is not None
            done = self.attempt(UnmergeCheck(merged.check_id), into.check_id, version=into.version)
            if done is not None:
                self.ended.pop(merged.check_id, None)

    @rule(place=pick, how=st.sampled_from(["bill", "abort", "pay"]))
    def end(self, place: int, how: str) -> None:
        found = self.checks("open", "billed")
        if found:
            check = found[place % len(found)]
            if how == "bill":
                self.attempt(BillCheck(), check.check_id)
            elif how == "abort":
                self.attempt(AbortCheck("left"), check.check_id, version=check.version)
            else:
                self.attempt(CompleteSale((TenderIn("cash", check.total),), check_id=check.check_id))

    @rule(place=pick, void=st.booleans())
    def bring_back(self, place: int, void: bool) -> None:
        found = [sale for _, sale in sorted(self.world.state.sales.items())]
        if found:
            sale = found[place % len(found)]
            line = sale.lines[place % len(sale.lines)]
            if void:
                self.attempt(VoidSale("wrong"), sale.sale_id)
            elif not line.tax_included or line.unit_price == 0:
                return
            else:
                tender = TenderIn("cash", line.unit_price)
                self.attempt(RefundSale((LineQuantity(line.line_id, 1),), (tender,), "cold"), sale.sale_id)

    @rule(portions=st.integers(0, 9), device=devices)
    def say_last(self, portions: int, device: str = "d1") -> None:
        self.attempt(ChangeProduct(remaining=portions), "last", device)
        self.there["last"] = portions + self.gone()["last"]

    @rule(portions=st.integers(0, 9), device=devices)
    def say_large(self, portions: int, device: str = "d1") -> None:
        self.attempt(ChangeOption("l", remaining=portions), "size", device)
        self.there["l"] = portions + self.gone()["l"]

    @rule(price=st.integers(100, 3000), name=st.sampled_from(["New", "Newer"]))
    def another_menu(self, price: int, name: str) -> None:
        value = {"id": "steak", "name": name, "category_id": "c", "price": price, "tax_class": "reduced"}
        group = {
            "id": "size",
            "name": name,
            "options": [{"id": "s", "name": "S"}, {"id": "l", "name": name, "price": price}],
        }
        changes = (MasterChange("product", "steak", value), MasterChange("option_group", "size", group))
        self.attempt(ApplyMaster("cloud", changes))

    # -- what always holds --------------------------------------------------------------------------------------

    @invariant()
    def every_portion_is_in_one_place(self) -> None:
        left, gone = self.left(), self.gone()
        assert {what: left[what] + gone[what] for what in left} == self.there
        assert min(left.values()) >= 0

    @invariant()
    def what_was_ordered_stays_as_it_was_ordered(self) -> None:
        for check in self.checks(*get_args(Status)):
            for line in check.lines:
                if line.line_id in self.ordered:
                    assert priced(line) == self.ordered[line.line_id]
                assert line.amount == line.quantity * line.unit_price

    @invariant()
    def families_stay_together(self) -> None:
        for check in self.checks(*get_args(Status)):
            for line in check.lines:
                assert not (line.held and line.served)
                assert 0 <= line.served <= line.quantity
                if line.parent_line_id is not None:
                    parent = check.line(line.parent_line_id)
                    assert parent is not None
                    assert line.quantity % parent.quantity == 0

    @invariant()
    def an_ended_check_keeps_its_lines(self) -> None:
        for check in self.checks("closed", "aborted", "merged"):
            first = self.ended.setdefault(check.check_id, check)
            kept = [(line.line_id, line.quantity, line.amount) for line in check.lines]
            assert kept == [(line.line_id, line.quantity, line.amount) for line in first.lines]
            assert (check.status, check.total) == (first.status, first.total)

    @invariant()
    def the_journal_tells_the_same_story(self) -> None:
        self.world.same()


TestOrders = Orders.TestCase
TestOrders.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
