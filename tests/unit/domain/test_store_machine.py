"""Several devices at once against the rules of the field that must never break (docs/glossary.md)."""

from __future__ import annotations

from collections import Counter
from typing import Any, get_args

from domain_world import DAY, World, contents
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hub.domain.check import Check, Status
from hub.domain.commands import (
    AbortCheck,
    BillCheck,
    ChangeProduct,
    Command,
    CompleteSale,
    DiscountIn,
    LineIn,
    LineQuantity,
    MergeCheck,
    MoveCheck,
    OpenCheck,
    PlaceOrder,
    RefundSale,
    ReopenCheck,
    ServeLines,
    SplitCheck,
    TakenIn,
    TakenLineIn,
    TakeNumbers,
    TenderIn,
    VoidLines,
    VoidSale,
)
from hub.domain.commands_price import DiscountCheck, VoidDiscount
from hub.domain.errors import HubError
from hub.domain.evolve_price import standing_discounts
from hub.domain.facts import SaleCompleted, SaleRefunded, SaleVoided
from hub.domain.money import Rounding
from hub.domain.report_view import view
from hub.domain.sale import Sale, reckon_refund
from tests.support.invariants import (
    check_numbers_differ,
    money_adds_up,
    numbers_explained,
    one_party_a_table,
    portions_accounted_for,
    stays_as_it_ended,
    total_of_its_lines,
)

# Prices without tax show most of what rounding can do wrong, so most of these are.
PRODUCTS = ("tea", "bread", "beer", "soba", "coin", "gift", "milk", "last")
TABLES = ("t1", "t2", "t3", "t4", "t5")
DEVICES = ("d1", "d2", "d3")
STOCK = 7

lines = st.lists(
    st.tuples(
        st.sampled_from(PRODUCTS), st.integers(1, 4), st.sampled_from([None, None, "eat_in", "takeout"])
    ),
    min_size=1,
    max_size=4,
)
devices = st.sampled_from(DEVICES)
pick = st.integers(0, 1_000_000)


def line_ins(chosen: list[tuple[str, int, Any]]) -> tuple[LineIn, ...]:
    return tuple(LineIn(product, quantity, dining=dining) for product, quantity, dining in chosen)


class Store(RuleBasedStateMachine):
    @initialize(
        rounding=st.sampled_from([rounding.value for rounding in Rounding]),
        parties=st.lists(lines, min_size=2, max_size=4),
    )
    def open(self, rounding: str, parties: list[list[Any]]) -> None:
        self.world = World(settings={"rounding": rounding})
        self.rounding = Rounding(rounding)
        self.ended: dict[str, Any] = {}
        # Portions that were sold without asking the hub while there were none.
        self.oversold = 0
        for index, chosen in enumerate(parties):
            self.attempt(PlaceOrder(line_ins(chosen), table_id=f"t{index + 1}"))
        for device in DEVICES:
            self.world.do(TakeNumbers(device, 3))

    # -- helpers ------------------------------------------------------------------------------------------------

    def attempt(self, command: Command, target: str = "", **more: Any) -> Any:
        """Do it; a refusal must leave nothing."""
        before = contents(self.world.state)
        try:
            return self.world.do(command, target, **more)
        except HubError:
            left = contents(self.world.state)
        assert left == before
        return None

    def checks(self, *statuses: str) -> list[Check]:
        return [check for _, check in sorted(self.world.state.checks.items()) if check.status in statuses]

    def chosen(self, number: int, *statuses: str) -> Check | None:
        found = self.checks(*statuses)
        return found[number % len(found)] if found else None

    def sales(self) -> list[Sale]:
        return [sale for _, sale in sorted(self.world.state.sales.items())]

    def sale(self, number: int) -> Sale | None:
        found = self.sales()
        return found[number % len(found)] if found else None

    # -- what devices do ----------------------------------------------------------------------------------------

    @rule(device=devices, table=st.sampled_from(TABLES), chosen=lines)
    def order_at_a_table(self, device: str, table: str, chosen: list[Any]) -> None:
        self.attempt(PlaceOrder(line_ins(chosen), table_id=table), device=device)

    @rule(device=devices, number=pick, chosen=lines)
    def order_on_any_check(self, device: str, number: int, chosen: list[Any]) -> None:
        check = self.chosen(number, "open", "billed", "closed", "aborted", "merged")
        if check is not None:
            placed = self.attempt(PlaceOrder(line_ins(chosen), check_id=check.check_id), device=device)
            assert placed is None or check.status == "open"

    @rule(device=devices, tables=st.sets(st.sampled_from(TABLES), max_size=2), out=st.booleans())
    def check_in(self, device: str, tables: set[str], out: bool) -> None:
        self.attempt(OpenCheck(tuple(sorted(tables)), dining="takeout" if out else "eat_in"), device=device)

    @rule(device=devices, number=pick, line=pick, quantity=st.integers(1, 3))
    def void(self, device: str, number: int, line: int, quantity: int) -> None:
        check = self.chosen(number, "open", "billed", "closed")
        if check is not None and check.lines:
            what = check.lines[line % len(check.lines)]
            fact = self.attempt(
                VoidLines((LineQuantity(what.line_id, quantity),), "wrong"), check.check_id, device=device
            )
            if fact is not None and what.tax_included and not (check.discounts or what.discounts):
                assert fact.check_total == check.total - quantity * what.unit_price

    @rule(number=pick, line=pick)
    def serve(self, number: int, line: int) -> None:
        check = self.chosen(number, "open", "billed", "closed")
        if check is not None and check.lines:
            what = check.lines[line % len(check.lines)]
            self.attempt(ServeLines((LineQuantity(what.line_id, 1),)), check.check_id)

    @rule(number=pick, table=st.sampled_from(TABLES), stale=st.booleans())
    def move(self, number: int, table: str, stale: bool) -> None:
        check = self.chosen(number, "open", "billed")
        if check is not None:
            free = self.world.state.seated.get(table) in (None, check.check_id)
            moved = self.attempt(MoveCheck((table,)), check.check_id, version=check.version - stale)
            assert (moved is not None) == (free and not stale)
            assert moved is None or moved.check_total == check.total

    @rule(one=pick, two=pick)
    def merge(self, one: int, two: int) -> None:
        check, other = self.chosen(one, "open"), self.chosen(two, "open", "billed")
        if check is not None and other is not None:
            merged = self.attempt(MergeCheck(other.check_id), check.check_id, version=check.version)
            if merged is not None:
                assert merged.check_total == check.total + other.total

    @rule(number=pick, data=st.data())
    def split(self, number: int, data: st.DataObject) -> None:
        check = self.chosen(number, "open")
        if check is not None and check.lines:
            parts = [
                LineQuantity(line.line_id, quantity)
                for line in check.lines
                if (quantity := data.draw(st.integers(0, line.quantity)))
            ]
            split = parts and self.attempt(SplitCheck(tuple(parts)), check.check_id, version=check.version)
            if split:
                assert split.check_total + split.new_check_total == check.total

    @rule(number=pick)
    def bill(self, number: int) -> None:
        check = self.chosen(number, "open", "billed")
        if check is not None:
            billed = self.attempt(BillCheck(), check.check_id)
            assert sum(row.due for row in billed.taxes) == check.total

    @rule(
        number=pick,
        line=st.one_of(st.none(), pick),
        off=st.one_of(st.integers(0, 700), st.sampled_from(["0.10", "0.333"])),
    )
    def discount(self, number: int, line: int | None, off: int | str) -> None:
        check = self.chosen(number, "open", "billed")
        if check is not None and (check.lines or line is None):
            kind: Any = "amount" if isinstance(off, int) else "rate"
            line_id = None if line is None else check.lines[line % len(check.lines)].line_id
            self.attempt(DiscountCheck(kind, off, line_id=line_id), check.check_id)

    @rule(number=pick, which=pick)
    def take_a_discount_back(self, number: int, which: int) -> None:
        check = self.chosen(number, "open")
        standing = [] if check is None else standing_discounts(check)
        if check is not None and standing:
            wanted = standing[which % len(standing)].discount_id
            self.world.do(VoidDiscount(wanted), check.check_id)
            left = self.world.state.checks.get(check.check_id)
            assert left is not None
            assert wanted not in {one.discount_id for one in standing_discounts(left)}

    @rule(number=pick)
    def reopen(self, number: int) -> None:
        check = self.chosen(number, "billed", "closed", "aborted")
        if check is not None:
            self.attempt(ReopenCheck(), check.check_id)

    @rule(number=pick)
    def abort(self, number: int) -> None:
        check = self.chosen(number, "open", "billed", "closed")
        if check is not None:
            self.attempt(AbortCheck("left"), check.check_id, version=check.version)

    @rule(device=devices, number=pick, extra=st.integers(-1, 300))
    def settle(self, device: str, number: int, extra: int) -> None:
        check = self.chosen(number, "open", "billed", "closed")
        if check is not None:
            tender = TenderIn("cash", check.total, check.total + max(extra, 0))
            if extra < 0:
                tender = TenderIn("cash", check.total + 1)
            sold = self.attempt(CompleteSale((tender,), check_id=check.check_id), device=device, version=None)
            if sold is not None:
                assert extra >= 0
                assert (sold.total, sold.change) == (check.total, extra)

    @rule(
        device=devices,
        number=pick,
        off=st.one_of(st.integers(0, 700), st.sampled_from(["0.10", "0.333"])),
        one_line=st.booleans(),
        dining=st.sampled_from([None, "eat_in", "takeout"]),
    )
    def settle_with_a_discount(
        self, device: str, number: int, off: int | str, one_line: bool, dining: Any
    ) -> None:
        check = self.chosen(number, "open", "billed")
        if check is None or not check.lines:
            return
        kind: Any = "amount" if isinstance(off, int) else "rate"
        line_id = check.lines[0].line_id if one_line else None
        discounts = (DiscountIn(kind, off, line_id=line_id),)
        command = CompleteSale((), check_id=check.check_id, discounts=discounts, dining=dining)
        try:
            self.world.decide(command)
        except HubError as refused:
            total = refused.fields.get("total")
        else:
            total = 0
        if total is not None:
            half = TenderIn("cash", total // 2), TenderIn("voucher", total - total // 2)
            self.world.do(
                CompleteSale(half, check_id=check.check_id, discounts=discounts, dining=dining), device=device
            )

    @rule(device=devices, chosen=lines)
    def sell_over_the_counter(self, device: str, chosen: list[Any]) -> None:
        command = CompleteSale((), lines=line_ins(chosen))
        try:
            self.world.decide(command)
        except HubError as refused:
            total = refused.fields.get("total")
            if total is not None:
                self.world.do(CompleteSale((TenderIn("cash", total),), lines=line_ins(chosen)), device=device)

    @rule(device=devices, number=pick)
    def void_a_sale(self, device: str, number: int) -> None:
        sale = self.sale(number)
        if sale is not None:
            voided = self.attempt(VoidSale("wrong"), sale.sale_id, device=device)
            assert (voided is not None) == (sale.status == "completed" and not sale.refunds)

    @rule(device=devices, number=pick, data=st.data())
    def refund(self, device: str, number: int, data: st.DataObject) -> None:
        sale = self.sale(number)
        if sale is None:
            return
        wanted = {
            line.line_id: quantity
            for line in sale.lines
            if (quantity := data.draw(st.integers(0, line.quantity - sale.returned.get(line.line_id, 0))))
        }
        if wanted:
            total = reckon_refund(sale, wanted).total
            parts = tuple(LineQuantity(line_id, quantity) for line_id, quantity in wanted.items())
            refunded = self.attempt(
                RefundSale(parts, (TenderIn("cash", total),), "bad"), sale.sale_id, device=device
            )
            assert (refunded is not None) == (sale.status == "completed")

    @rule(device=devices, count=st.integers(1, 5))
    def take_numbers(self, device: str, count: int) -> None:
        self.world.do(TakeNumbers(device, count), device=device)

    @rule(
        device=devices,
        number=st.integers(1, 14),
        product=st.sampled_from(PRODUCTS),
        price=st.integers(0, 999),
    )
    def hand_in_what_was_taken(self, device: str, number: int, product: str, price: int) -> None:
        before = self.world.state.products.get("last")
        assert before is not None
        had = before.remaining or 0
        sold = self.world.do(
            CompleteSale(
                (TenderIn("cash", price * 2),),
                register_id=device,
                taken=TakenIn(
                    f"{DAY}T03:00:00Z", f"A-{number:06d}", price * 2, (TakenLineIn(product, 2, price),)
                ),
            ),
            device=device,
        )
        assert sold.total == price * 2
        if product == "last" and had < 2:
            assert "stock_short" in sold.flags
            self.oversold += 2 - had

    @rule(price=st.integers(1, 999))
    def change_a_price(self, price: int) -> None:
        self.world.do(ChangeProduct(price=price), "beer", role="manager")

    # -- what must always hold -----------------------------------------------------------------------------------

    @invariant()
    def checks_are_what_they_should_be(self) -> None:
        for check in self.checks(*get_args(Status)):
            total_of_its_lines(check, self.rounding)
            stays_as_it_ended(self.ended, check)
        at = one_party_a_table(self.world.state)
        assert dict(self.world.state.seated.items()) == {table: one.check_id for table, (one,) in at.items()}

    @invariant()
    def portions_numbers_and_money_are_accounted_for(self) -> None:
        portions_accounted_for(self.world.state, "last", STOCK + self.oversold)
        check_numbers_differ(self.world.state)
        numbers_explained(self.world.state)
        money_adds_up(self.world.state)

    @invariant()
    def the_journal_tells_the_same_story(self) -> None:
        self.world.same()

    @precondition(lambda self: hasattr(self, "world"))
    @invariant()
    def the_report_is_what_the_facts_say(self) -> None:
        facts = [fact for fact, _ in self.world.facts]
        sold = [fact for fact in facts if isinstance(fact, SaleCompleted)]
        back = [fact for fact in facts if isinstance(fact, (SaleVoided, SaleRefunded))]
        report = view(self.world.report)
        assert report["sales"] == {"count": len(sold), "total": sum(fact.total for fact in sold)}
        assert report["net"]["total"] == sum(f.total for f in sold) - sum(f.total for f in back)
        tenders: Counter[str] = Counter()
        rates: Counter[tuple[str, str | None, bool]] = Counter()
        portions: Counter[str] = Counter()
        for sign, fact in [(1, fact) for fact in sold] + [(-1, fact) for fact in back]:
            for tender in fact.tenders:
                tenders[tender.method] += sign * tender.amount
            for row in fact.taxes:
                rates[row.tax_class, row.rate, row.included] += sign * row.tax
            for line in fact.lines:
                portions[line.product_id] += sign * line.quantity
        assert {row["method"]: row["amount"] for row in report["tenders"]} == dict(tenders)
        assert {
            (row["tax_class"], row["rate"], row["included"]): row["tax"] for row in report["taxes"]
        } == dict(rates)
        assert {row["product_id"]: row["quantity"] for row in report["products"]} == dict(portions)
        assert sum(row["total"] for row in report["devices"]) == report["sales"]["total"]
        assert sum(row["orders"] for row in report["devices"]) == report["orders"]["count"]


TestStore = Store.TestCase
TestStore.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
