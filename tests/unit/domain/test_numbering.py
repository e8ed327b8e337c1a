"""Invariants 7 and 9: numbers are used once and every gap is explained; a business date is fixed with its sale."""

from __future__ import annotations

from typing import Any

import pytest
from domain_world import DAY, World, contents
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.commands import (
    CompleteSale,
    LineIn,
    LineQuantity,
    RefundSale,
    TakenIn,
    TakenLineIn,
    TakeNumbers,
    TenderIn,
    VoidSale,
)
from hub.domain.commands_receipt import IssueFormalReceipts
from hub.domain.errors import HubError
from hub.domain.evolve import evolve
from hub.domain.facts import After, Fact, HubStarted, SaleCompleted, SaleRefunded
from hub.domain.facts_receipt import ReceiptIssued
from hub.domain.numbering import NumberDay, NumberRange, NumberRow, explained, page_of
from hub.domain.numbers import parsed, written
from hub.domain.state import Meta, State
from hub.service.hub import next_series

DAYS = ("2026-11-20", "2026-11-21", "2026-11-22")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("sell"), st.sampled_from(("r1", "r2"))),
        st.tuples(st.just("void"), st.integers(0, 99)),
        st.tuples(st.just("refund"), st.integers(0, 99)),
        st.tuples(st.just("formal"), st.integers(0, 99)),
        st.tuples(st.just("block"), st.sampled_from(("r1", "r2"))),
        st.tuples(st.just("taken"), st.integers(1, 30)),
        st.tuples(st.just("day"), st.just(0)),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("restore"), st.integers(0, 6)),
    ),
    min_size=5,
    max_size=40,
)
BEER = TakenLineIn("beer", 1, 550)


class Till(World):
    """A store that can also be restarted, and restored from a backup that lacks its last entries."""

    def __init__(self) -> None:
        super().__init__()
        self.base = contents(self.state)
        self.series = "A"
        self.lives = 0
        self.papers: list[str] = []
        self.taken = 0

    def started(self, *, new: bool) -> None:
        self.lives += 1
        self.series = next_series(self.series, new=new, epoch=f"{self.lives:016x}")
        self.keep(
            HubStarted(version="1", box="b", after=After("0" * 16, 0, ""), receipt_series=self.series),
            self.at(),
        )

    def restore(self, lost: int) -> list[tuple[Fact, Meta]]:
        kept = len(self.facts) - lost
        gone, self.facts = self.facts[kept:], self.facts[:kept]
        self.state = rebuilt(self.facts)
        self.started(new=True)
        return gone

    def step(self, name: str, value: Any) -> None:
        sales = [sale for _, sale in sorted(self.state.sales.items())]
        if name == "sell":
            self.do(CompleteSale((TenderIn("cash", 550),), lines=(LineIn("beer", 1),), register_id=value))
        elif name == "block":
            self.do(TakeNumbers(value, 3))
        elif name == "taken":
            self.taken += 1
            number = written(self.series, value)
            at = f"{DAYS[value % 3]}T11:30:00+09:00"
            self.do(
                CompleteSale(
                    (TenderIn("cash", 550),), register_id="r1", taken=TakenIn(at, number, 550, (BEER,))
                )
            )
        elif name == "day":
            self.day = DAYS[min(2, DAYS.index(self.day) + 1)]
        elif name == "restart":
            self.state = rebuilt(self.facts)
            self.started(new=False)
        elif name == "restore":
            # What is lost stands on papers all the same.
            self.note(self.restore(min(value, len(self.facts))))
        elif sales:
            sale = sales[value % len(sales)]
            if name == "void":
                self.do(VoidSale("wrong"), sale.sale_id)
            elif name == "refund":
                back = (LineQuantity(sale.lines[0].line_id, 1),)
                self.do(RefundSale(back, (TenderIn("cash", 550),), "cold"), sale.sale_id)
            else:
                self.do(IssueFormalReceipts(), sale.sale_id)

    def note(self, facts: list[tuple[Fact, Meta]]) -> None:
        for fact, _ in facts:
            if isinstance(fact, SaleCompleted):
                self.papers.append(fact.receipt_no)
            elif isinstance(fact, SaleRefunded):
                self.papers.append(fact.refund_no)
            elif isinstance(fact, ReceiptIssued):
                self.papers += [receipt.formal_no for receipt in fact.receipts]


def rebuilt(facts: list[tuple[Fact, Meta]]) -> State:
    state = State()
    for fact, meta in facts:
        evolve(state, fact, meta)
    return state


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_numbers_are_used_once_and_every_gap_is_explained(steps: list[tuple[str, Any]]) -> None:
    till = Till()
    till.day = DAYS[0]
    till.started(new=False)
    for name, value in steps:
        try:
            till.step(name, value)
        except HubError:
            continue
    till.note(till.facts)
    assert len(set(till.papers)) == len(till.papers), "a number stands on two papers"
    state = rebuilt(till.facts)
    assert contents(state) == contents(till.state)
    covered: dict[str, list[int]] = {}
    used = dict(state.number_uses.items())
    for _, day in sorted(state.number_days.items()):
        for row in explained(list(day.ranges), used):
            series, first = parsed(row.first_no)  # type: ignore[misc]
            last = parsed(row.last_no)[1]  # type: ignore[index]
            covered.setdefault(series, []).extend(range(first, last + 1))
            assert row.kind != "lost", "a gap that nobody can explain"
    for name, count in state.counters.items():
        kind, _, series = name.partition(":")
        if kind == "receipt_no":
            assert sorted(covered.get(series, [])) == list(range(1, count + 1))
    known = {fact.receipt_no for fact, _ in till.facts if isinstance(fact, SaleCompleted)}
    assert known <= used.keys()


def test_what_comes_back_after_a_loss_explains_what_it_used() -> None:
    till = Till()
    till.started(new=False)
    for _ in range(4):
        till.step("sell", "r1")
    gone = till.restore(3)
    till.step("sell", "r1")
    other = f"{till.series}-000001"
    assert [use.receipt_no for _, use in sorted(till.state.number_uses.items())] == ["A-000001", other]
    for fact, meta in gone[1:]:
        evolve(till.state, fact, meta)
    uses = dict(till.state.number_uses.items())
    rows = list(explained(list(till.state.number_days.get(DAY).ranges), uses))  # type: ignore[union-attr]
    assert [(row.first_no, row.kind) for row in rows] == [
        ("A-000001", "sale"), (other, "sale"), ("A-000002", "lost"), ("A-000003", "sale"),
        ("A-000004", "sale"),
    ]  # fmt: skip


@given(epochs=st.lists(st.text("0123456789abcdef", min_size=16, max_size=16), min_size=1, max_size=30))
def test_a_series_is_never_begun_again_from_an_older_copy(epochs: list[str]) -> None:
    """Letters that count up along a history, and digits of the epoch that tell two histories from one copy apart."""
    series, seen = "A", []
    for epoch in epochs:
        series = next_series(series, new=True, epoch=epoch)
        seen.append(series)
        assert next_series(series, new=False, epoch="") == series
    assert len(set(seen)) == len(seen)
    again = {next_series("A", new=True, epoch=f"{n:016x}") for n in range(30)}
    assert len(again) == 30


@given(
    days=st.lists(st.integers(0, 2), min_size=1, max_size=12),
    late=st.lists(st.booleans(), min_size=12, max_size=12),
)
@settings(max_examples=40, deadline=None)
def test_a_business_date_is_fixed_when_the_sale_is_made(days: list[int], late: list[bool]) -> None:
    till = Till()
    made: dict[str, str] = {}
    for index, day in enumerate(days):
        till.day = DAYS[day]
        sell = CompleteSale((TenderIn("cash", 550),), lines=(LineIn("beer", 1),))
        if late[index]:
            sell = CompleteSale(
                (TenderIn("cash", 550),),
                taken=TakenIn(f"{DAYS[day]}T11:30:00+09:00", "X", 550, (BEER,)),
            )
        sold = till.do(sell)
        made[sold.sale_id] = DAYS[day]
    # Read again at another time, and changed on another day: the day of the sale stays.
    till.day = "2027-01-01"
    for sale_id in made:
        sale = till.state.sales.get(sale_id)
        assert sale is not None
        till.do(RefundSale((LineQuantity(sale.lines[0].line_id, 1),), (TenderIn("cash", 550),), ""), sale_id)
    for state in (till.state, till.replayed, rebuilt(till.facts)):
        found = {sale_id: sale.business_date for sale_id, sale in state.sales.items()}
        assert {sale_id: found[sale_id] for sale_id in made} == made
        assert all(
            refund.business_date == "2027-01-01" for _, sale in state.sales.items() for refund in sale.refunds
        )


def test_a_block_is_a_gap_until_it_is_used_even_on_another_day() -> None:
    till = Till()
    till.step("block", "r1")
    till.step("sell", "r2")
    day = till.state.number_days.get(DAY)
    assert day is not None
    rows = list(explained(list(day.ranges), dict(till.state.number_uses.items())))
    assert rows[0] == NumberRow(first_no="A-000001", last_no="A-000003", kind="reserved", register_id="r1")
    till.day = "2026-11-25"
    till.step("taken", 2)
    rows = list(explained(list(day.ranges), dict(till.state.number_uses.items())))
    assert [(row.first_no, row.last_no, row.kind, row.business_date) for row in rows] == [
        ("A-000001", "A-000001", "reserved", None),
        ("A-000002", "A-000002", "sale", "2026-11-25"),
        ("A-000003", "A-000003", "reserved", None),
        ("A-000004", "A-000004", "sale", DAY),
    ]
    till.do(VoidSale("x"), next(sale.sale_id for _, sale in till.state.sales.items() if sale.taken))
    assert till.state.number_uses.get("A-000002").voided  # type: ignore[union-attr]


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
def test_pages_of_a_day_are_the_day(limit: int) -> None:
    ranges = (NumberRange("A", 1, 4), NumberRange("A", 5, 5, "r1"), NumberRange("R-A", 1, 3))
    day = NumberDay(DAY, ranges)
    whole = [(part.series, n) for part in ranges for n in range(part.first, part.last + 1)]
    found: list[tuple[str, int]] = []
    while page := page_of(day, len(found), limit):
        got = [(part.series, n) for part in page for n in range(part.first, part.last + 1)]
        assert len(got) <= limit
        found += got
    assert found == whole
