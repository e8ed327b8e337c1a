"""Receipt numbers, blocks of them, and sales that were taken without the hub."""

from __future__ import annotations

from typing import Any

import pytest
from domain_world import DAY, World

from hub.domain.commands import (
    CompleteSale,
    DiscountIn,
    LineIn,
    PlaceOrder,
    TakenIn,
    TakenLineIn,
    TakeNumbers,
    TenderIn,
)
from hub.domain.errors import InvalidRequest
from hub.domain.numbers import BLOCKS_MAX, parsed, written

AT = f"{DAY}T11:30:00+09:00"


def hand_in(
    world: World,
    receipt_no: str,
    *lines: TakenLineIn,
    total: int | None = None,
    register: str = "r1",
    **more: Any,
) -> Any:
    total = sum(line.unit_price * line.quantity for line in lines) if total is None else total
    tenders = more.pop("tenders", (TenderIn("cash", total),))
    return world.do(
        CompleteSale(tenders, register_id=register, taken=TakenIn(AT, receipt_no, total, lines), **more)
    )


BEER = TakenLineIn("beer", 1, 550)


def test_numbers_count_up_without_a_gap_and_blocks_explain_theirs() -> None:
    world = World()
    sell = CompleteSale((TenderIn("cash", 550),), lines=(LineIn("beer", 1),))
    assert [world.do(sell).receipt_no for _ in range(2)] == ["A-000001", "A-000002"]
    block = world.do(TakeNumbers("r1", 100))
    assert (block.series, block.first, block.last) == ("A", 3, 102)
    assert (block.first_no, block.last_no) == ("A-000003", "A-000102")
    assert world.do(sell).receipt_no == "A-000103"
    assert world.do(TakeNumbers("r2", 1)).first == 104


def test_a_taken_sale_keeps_the_number_on_its_paper() -> None:
    world = World()
    world.do(TakeNumbers("r1", 3))
    sold = hand_in(world, "A-000002", BEER)
    assert (sold.receipt_no, sold.flags, sold.register_id) == ("A-000002", (), "r1")
    world.same()


@pytest.mark.parametrize(
    ("receipt_no", "register", "expected", "flag"),
    [
        ("A-000001", "r1", "A-000007", "duplicate_number"),
        ("A-000005", "r1", "A-000005", "foreign_number"),
        ("A-000099", "r1", "A-000007", "unreserved_number"),
        ("Z-000001", "r1", "A-000007", "unreserved_number"),
        ("7", "r1", "A-000007", "unreserved_number"),
    ],
)
def test_no_two_sales_have_one_number_and_none_is_lost(
    receipt_no: str, register: str, expected: str, flag: str
) -> None:
    world = World()
    world.do(TakeNumbers("r1", 3))
    world.do(TakeNumbers("r2", 3))
    hand_in(world, "A-000001", BEER)
    sold = hand_in(world, receipt_no, BEER, register=register)
    assert (sold.receipt_no, sold.flags, sold.taken.receipt_no) == (expected, (flag,), receipt_no)
    world.same()


def test_what_was_taken_is_recorded_as_it_was_taken() -> None:
    world = World()
    world.do(TakeNumbers("r1", 9))
    world.online = False
    sold = hand_in(
        world,
        "A-000001",
        TakenLineIn("beer", 1, 500),
        TakenLineIn("last", 9, 700),
        TakenLineIn("gone", 1, 40, name="Old cake"),
        total=7000,
        tenders=(TenderIn("card", 6000), TenderIn("shells", 900)),
        customer_id="nobody",
        points_used=5,
    )
    assert (sold.total, sold.adjustment, sold.points_used) == (7000, 160, 5)
    assert [(line.name, line.amount) for line in sold.lines] == [
        ("BEER", 500),
        ("LAST", 6300),
        ("Old cake", 40),
    ]
    assert set(sold.flags) == {
        "price_differs", "unknown_product", "total_differs", "tenders_differ", "unknown_tender",
        "unknown_customer", "stock_short",
    }  # fmt: skip
    assert world.state.products.get("last").remaining == 0  # type: ignore[union-attr]
    assert world.state.counters.get("sales_total") == 7000


def test_a_taken_sale_ends_its_check_and_takes_only_what_the_orders_had_not() -> None:
    world = World()
    placed = world.do(PlaceOrder((LineIn("last", 2),), table_id="t1"))
    sold = hand_in(world, "A-000001", TakenLineIn("last", 3, 700), check_id=placed.check_id)
    assert sold.flags == ("unreserved_number",)
    assert world.state.products.get("last").remaining == 4  # type: ignore[union-attr]
    assert world.state.checks.get(placed.check_id).status == "closed"  # type: ignore[union-attr]
    again = hand_in(world, "A-000009", TakenLineIn("last", 1, 700), check_id=placed.check_id)
    assert "check_ended" in again.flags
    unknown = hand_in(world, "A-000010", BEER, check_id="nope")
    assert "unknown_check" in unknown.flags
    world.same()


def test_a_taken_check_may_leave_its_lines_to_the_hub() -> None:
    world = World()
    placed = world.do(PlaceOrder((LineIn("beer", 2),), table_id="t1"))
    sold = hand_in(
        world, "A-000001", total=1000, check_id=placed.check_id, discounts=(DiscountIn("amount", 100),)
    )
    assert (sold.subtotal, sold.discount, sold.total, sold.adjustment) == (1100, 100, 1000, 0)


@pytest.mark.parametrize("at", ["yesterday", "2026-11-21T12:00:00", ""])
def test_a_taken_sale_needs_its_time(at: str) -> None:
    with pytest.raises(InvalidRequest):
        World().do(CompleteSale((), taken=TakenIn(at, "A-000001", 550, (BEER,))))


def test_a_taken_sale_needs_something_sold() -> None:
    with pytest.raises(InvalidRequest):
        World().do(CompleteSale((), taken=TakenIn(AT, "A-000001", 0)))


def test_old_blocks_are_given_up() -> None:
    world = World()
    for _ in range(BLOCKS_MAX + 1):
        world.do(TakeNumbers("r1", 2))
    assert hand_in(world, "A-000001", BEER).flags == ("unreserved_number",)
    assert hand_in(world, "A-000003", BEER).flags == ()


@pytest.mark.parametrize("text", ["A-1", "A-0000001", "-000001", "A000001", "A-00000x", "A-٠٠٠٠٠١", ""])
def test_only_our_own_form_is_a_number(text: str) -> None:
    assert parsed(text) is None or written(*parsed(text)) == text  # type: ignore[misc]
    assert parsed(text) is None or text == "-000001"


def test_a_series_may_hold_a_dash() -> None:
    assert parsed(written("AB-2", 1_234_567)) == ("AB-2", 1_234_567)
