"""Service charge and rounding discount: exact, lawful, and the same on the bill and in the sale."""

from __future__ import annotations

from typing import Any

import pytest
from domain_world import DAY
from hypothesis import example, given
from hypothesis import settings as limits
from hypothesis import strategies as st
from plan_kit import band, check_of, order, party, store

from hub.domain.command import LineQuantity
from hub.domain.commands import (
    BillCheck,
    CompleteSale,
    LineIn,
    MergeCheck,
    PlaceOrder,
    RefundSale,
    ReopenCheck,
    SplitCheck,
    TenderIn,
    UnmergeCheck,
    VoidLines,
)
from hub.domain.commands_price import DiscountCheck
from hub.domain.commands_sale import DiscountIn, TakenIn
from hub.domain.errors import TenderMismatch
from hub.domain.money import rate_parts

PRODUCTS = ("tea", "bread", "beer", "soba", "coin", "gift", "milk")


def evening(**more: Any) -> Any:
    return band("evening", "17:00", "23:00", **{"service_charge": "0.10", **more})


def pay(world: Any, check_id: str, **more: Any) -> Any:
    """The sale of the check, at whatever it comes to."""
    try:
        return world.do(CompleteSale((TenderIn("cash", 0),), check_id=check_id, **more))
    except TenderMismatch as refused:
        total = refused.fields["total"]
    return world.do(CompleteSale((TenderIn("cash", total),), check_id=check_id, **more))


def test_the_bill_shows_the_service_charge_and_the_sale_books_it() -> None:
    world = store(evening())
    check_id = party(world)
    order(world, check_id, "beer", quantity=3)
    billed = world.do(BillCheck(), check_id)
    assert (billed.check_total, billed.due) == (1650, 1815)
    (charge,) = billed.charges
    assert (charge.name, charge.kind, charge.amount, charge.tax_class, charge.tax_rate, charge.tax_included) == (
        "サービス料", "charge", 165, "standard", "0.10", True,
    )  # fmt: skip
    assert check_of(world, check_id).due == 1815
    sale = pay(world, check_id)
    assert (sale.total, sale.taxes) == (1815, billed.taxes)
    assert [line.kind for line in sale.lines] == ["item", "charge"]
    assert sale.lines[1].line_id == charge.line_id
    back = world.do(
        RefundSale(
            tuple(LineQuantity(line.line_id, line.quantity) for line in sale.lines),
            (TenderIn("cash", 1815),),
            "all of it",
        ),
        sale.sale_id,
    )
    assert back.total == 1815
    world.same()


def test_a_bill_stands_when_the_band_ends_and_a_reopened_one_is_reckoned_anew() -> None:
    world = store(evening(rounding_discount=100), band("night", "23:00", "02:00", rounding_discount=1000))
    check_id = party(world)
    order(world, check_id, "beer", quantity=3)
    world.clock = "22:59:00.000"
    billed = world.do(BillCheck(), check_id)
    assert (billed.due, billed.round_to) == (1800, 100)
    world.clock = "23:01:00.000"
    world.do(ReopenCheck(), check_id)
    assert check_of(world, check_id).due == 1650
    late = order(world, check_id, "tea")
    assert late.lines[0].service_rate is None
    again = world.do(BillCheck(), check_id)
    assert [line.amount for line in again.charges] == [165], "the lines of the evening still bear it"
    assert again.due == 1000
    world.clock = "03:00:00.000"
    sale = pay(world, check_id)
    assert sale.total == check_of(world, check_id).due == 1000
    assert sale.discounts[-1].name == "端数値引"
    assert sale.discounts[-1].amount == 1650 + 98 + 165 - 1000


def test_a_bill_without_extras_gets_none_at_the_till() -> None:
    world = store(evening(rounding_discount=100))
    world.clock = "16:59:00.000"
    check_id = party(world)
    order(world, check_id, "beer")
    world.do(BillCheck(), check_id)
    world.clock = "17:00:00.000"
    assert pay(world, check_id).total == 550


def test_what_goes_out_bears_no_service_charge() -> None:
    world = store(evening())
    check_id = party(world)
    world.do(PlaceOrder((LineIn("beer", 1), LineIn("beer", 1, dining="takeout")), check_id=check_id))
    assert [line.amount for line in world.do(BillCheck(), check_id).charges] == [55]
    counter = CompleteSale((TenderIn("cash", 550),), lines=(LineIn("beer", 1),))
    assert world.do(counter).total == 550, "nobody serves at the counter"


def test_a_small_bill_is_not_rounded_to_nothing() -> None:
    world = store(evening(service_charge=None, rounding_discount=1000))
    check_id = party(world)
    order(world, check_id, "beer")
    assert world.do(BillCheck(), check_id).due == 550


def test_the_rounding_discount_comes_after_every_other() -> None:
    world = store(evening(service_charge=None, rounding_discount=100))
    check_id = party(world)
    order(world, check_id, "beer", quantity=2)
    assert check_of(world, check_id).due == 1100, "nothing is reckoned before it is billed"
    world.do(DiscountCheck("amount", 30, name="coupon"), check_id)
    billed = world.do(BillCheck(), check_id)
    assert [(one.name, one.amount) for one in billed.discounts] == [("coupon", 30), ("端数値引", 70)]
    sale = pay(world, check_id, discounts=(DiscountIn("rate", "0.10", name="friend"),))
    assert [(one.name, one.amount) for one in sale.discounts] == [
        ("coupon", 30), ("friend", 107), ("端数値引", 63),
    ]  # fmt: skip
    assert sale.total == check_of(world, check_id).due == 900


@pytest.mark.parametrize(
    ("products", "round_to", "due"),
    # Tax on top: 1,010 + 101 is ¥1,111, and ¥1,110 lies between two discounts.
    [(("coin",) * 10, 10, 1110), (("coin",) * 9, 100, 900), (("coin", "beer"), 10, 660)],
)
def test_where_tax_comes_on_top_the_total_is_round_all_the_same(
    products: tuple[str, ...], round_to: int, due: int
) -> None:
    world = store(evening(service_charge=None, rounding_discount=round_to))
    check_id = party(world)
    order(world, check_id, *products)
    billed = world.do(BillCheck(), check_id)
    assert billed.due == due == sum(row.due for row in billed.taxes)


@limits(max_examples=60, deadline=None)
@given(
    wanted=st.lists(st.tuples(st.sampled_from(PRODUCTS), st.integers(1, 9)), min_size=1, max_size=6),
    later=st.lists(st.tuples(st.sampled_from(PRODUCTS), st.integers(1, 9)), max_size=3),
    service=st.sampled_from([None, "0.05", "0.10", "0.13"]),
    round_to=st.sampled_from([1, 10, 100, 1000, 10000]),
    rounding=st.sampled_from(["down", "up", "half_up"]),
    table_charge=st.sampled_from([0, 333]),
    off=st.sampled_from([0, 7, "0.15"]),
    changes=st.sampled_from(["none", "split", "void", "merge"]),
)
# A merged check's yen of tax goes with the first yen taken off.
@example(
    wanted=[("coin", 8), ("milk", 2)],
    later=[("bread", 3), ("tea", 7)],
    service="0.13",
    round_to=10,
    rounding="up",
    table_charge=0,
    off=0,
    changes="merge",
)
def test_bill_and_sale_agree_and_everything_is_exact(
    wanted: list[tuple[str, int]],
    later: list[tuple[str, int]],
    service: str | None,
    round_to: int,
    rounding: str,
    table_charge: int,
    off: int | str,
    changes: str,
) -> None:
    """Over every rounding mode, kind of tax, discount and change of the check."""
    world = store(
        evening(service_charge=service, rounding_discount=round_to, table_charge=table_charge),
        rounding=rounding,
    )
    check_id = party(world, guests=2)
    world.do(PlaceOrder(tuple(LineIn(*want) for want in wanted), check_id=check_id))
    if off:
        world.do(DiscountCheck("amount" if isinstance(off, int) else "rate", off, name="off"), check_id)
    before = check_of(world, check_id)
    one = (LineQuantity(before.lines[0].line_id, 1),)
    enough = sum(line.quantity for line in before.lines) > 1
    parts = [check_id]
    if changes == "split" and enough:
        split = world.do(SplitCheck(one), check_id, version=before.version)
        assert split.check_total + split.new_check_total == before.total
        parts.append(split.new_check_id)
    elif changes == "void" and enough:
        world.do(VoidLines(one, "wrong"), check_id)
    elif changes == "merge":
        other = party(world, "t2", guests=1)
        order(world, other, "coin", "beer")
        whole = before.total + check_of(world, other).total
        world.do(MergeCheck(other), check_id, version=before.version)
        assert check_of(world, check_id).total == whole
    if later:
        world.do(PlaceOrder(tuple(LineIn(*want) for want in later), check_id=check_id))
    for part in parts:
        lines = check_of(world, part).lines
        billed = world.do(BillCheck(), part)
        sale = pay(world, part)
        assert (sale.total, sale.taxes, sale.discounts) == (billed.due, billed.taxes, billed.discounts)
        assert sale.total == sum(row.due for row in sale.taxes)
        assert sum(line.net for line in sale.lines) == sum(row.taxable for row in sale.taxes)
        assert all(0 <= line.discount <= line.amount for line in sale.lines)
        last = sale.discounts[-1] if sale.discounts and sale.discounts[-1].name == "端数値引" else None
        unrounded = sale.total + (0 if last is None else last.amount)
        assert sale.total % round_to == 0 or unrounded < round_to or (last is None and sale.total < round_to)
        charged = [line for line in sale.lines if line.product_id == "charge.service"]
        if service is None:
            assert not charged
        else:
            numerator, denominator = rate_parts(service)
            for included in (True, False):
                base = sum(
                    line.net + sum(one.amount for one in line.discounts if one.pinned)
                    for line in lines
                    if line.tax_included is included and line.kind != "charge"
                )
                got = sum(line.amount for line in charged if line.tax_included is included)
                assert got - base * numerator // denominator in ((0, 1) if changes == "split" else (0,))
        for row in sale.taxes:
            if row.rate is not None:
                numerator, denominator = rate_parts(row.rate)
                down = row.taxable * numerator // (denominator + (numerator if row.included else 0))
                carry = 2 if changes in ("split", "merge") and not row.included else 0
                assert down - carry <= row.tax <= down + 1 + carry, (
                    "rounded to one side or the other, no further"
                )
    world.same()


def test_a_sale_taken_without_the_hub_is_what_the_bill_said() -> None:
    world = store(evening(table_charge=400, rounding_discount=10))
    check_id = party(world, guests=2)
    order(world, check_id, "beer")
    due = world.do(BillCheck(), check_id).due
    assert due == 550 + 800 + 50
    taken = TakenIn(f"{DAY}T09:30:00Z", "A-000001", due)
    sale = world.do(CompleteSale((TenderIn("cash", due),), check_id=check_id, taken=taken), device="r1")
    assert sale.adjustment == 0
    assert "total_differs" not in sale.flags
    assert [line.kind for line in sale.lines] == ["item", "charge", "charge"]


def test_lines_of_a_sale_taken_without_the_hub_are_known_by_their_prices_then() -> None:
    from hub.domain.commands_sale import TakenLineIn
    from hub.domain.menu import BandPrice

    world = store(evening(table_charge=400, prices=(BandPrice(-50, product_id="beer"),)))
    check_id = party(world, guests=2)
    first = order(world, check_id, "beer")
    world.clock = "23:30:00.000"
    lines = tuple(
        TakenLineIn(line.product_id, line.quantity, line.unit_price, line.line_id) for line in first.lines
    )
    taken = TakenIn(f"{DAY}T13:00:00Z", "A-000001", 1300, lines)
    sale = world.do(CompleteSale((TenderIn("cash", 1300),), check_id=check_id, taken=taken), device="r1")
    assert [line.kind for line in sale.lines] == ["item", "charge"]
    assert set(sale.flags) == {"unreserved_number"}
    happy = TakenIn(f"{DAY}T09:00:00Z", "A-000002", 500, (TakenLineIn("beer", 1, 500),))
    assert set(world.do(CompleteSale((TenderIn("cash", 500),), taken=happy)).flags) == {"unreserved_number"}
    late = TakenIn(f"{DAY}T14:30:00Z", "A-000003", 500, (TakenLineIn("beer", 1, 500),))
    assert "price_differs" in world.do(CompleteSale((TenderIn("cash", 500),), taken=late)).flags


def bills(world: Any, parts: list[str]) -> tuple[int, int]:
    """What the service charges come to, and what is due in all: with the tax on top, which each bill rounds once."""
    billed = [world.do(BillCheck(), part) for part in parts]
    return sum(charge.amount for one in billed for charge in one.charges), sum(one.due for one in billed)


@limits(max_examples=60, deadline=None)
@given(
    wanted=st.lists(st.tuples(st.sampled_from(PRODUCTS), st.integers(1, 9)), min_size=2, max_size=6),
    service=st.sampled_from(["0.05", "0.10", "0.13", "0.085"]),
    rounding=st.sampled_from(["down", "up", "half_up"]),
    off=st.sampled_from([0, 7, "0.15"]),
    cuts=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 9)), min_size=1, max_size=4),
    back=st.booleans(),
)
def test_the_parts_of_a_split_bear_the_service_charge_of_the_whole_to_the_yen(
    wanted: list[tuple[str, int]],
    service: str,
    rounding: str,
    off: int | str,
    cuts: list[tuple[int, int, int]],
    back: bool,
) -> None:
    """Prices with and without tax, any number of splits of any part, with and without a discount; merged again too."""
    worlds = [store(evening(service_charge=service), rounding=rounding) for _ in range(2)]
    for world in worlds:
        check_id = party(world, guests=2)
        world.do(PlaceOrder(tuple(LineIn(*want) for want in wanted), check_id=check_id))
        if off:
            world.do(DiscountCheck("amount" if isinstance(off, int) else "rate", off, name="off"), check_id)
    whole, world = worlds
    parts = [check_id]
    for which, where, count in cuts:
        check = check_of(world, parts[which % len(parts)])
        line = check.lines[where % len(check.lines)]
        quantity = min(count, line.quantity)
        if quantity < sum(one.quantity for one in check.lines):
            split = SplitCheck((LineQuantity(line.line_id, quantity),))
            parts.append(world.do(split, check.check_id, version=check.version).new_check_id)
    if back:
        for part in parts[1:]:
            world.do(MergeCheck(part), check_id, version=check_of(world, check_id).version)
        parts = [check_id]
        assert check_of(world, check_id).service == ()
    assert bills(world, parts) == bills(whole, [check_id])
    world.same()


def test_a_check_taken_out_again_has_the_fraction_it_came_with() -> None:
    world = store(evening(service_charge="0.13"))
    first = party(world)
    order(world, first, "tea", "milk")
    check = check_of(world, first)
    one = SplitCheck((LineQuantity(check.lines[0].line_id, 1),))
    half = world.do(one, first, version=check.version).new_check_id
    had = check_of(world, half).service
    assert had
    other = party(world, "t2")
    order(world, other, "beer")
    world.do(MergeCheck(half), other, version=check_of(world, other).version)
    world.do(UnmergeCheck(half), other, version=check_of(world, other).version)
    assert (check_of(world, half).service, check_of(world, other).service) == (had, ())
    assert bills(world, [first, half])[0] == (98 + 77) * 13 // 100
