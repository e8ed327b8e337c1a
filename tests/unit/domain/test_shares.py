"""割り勘: the parts add up to the bill, and the yen between are always paid by the same."""

from __future__ import annotations

import pytest
from domain_world import World
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.check import SharePlan
from hub.domain.commands import (
    BillCheck,
    CompleteSale,
    LineIn,
    OpenCheck,
    PlaceOrder,
    ShareCheck,
    TenderIn,
)
from hub.domain.commands_price import DiscountCheck
from hub.domain.errors import HubError, InvalidRequest
from hub.domain.views import check_view


def party(world: World, guests: int, *lines: tuple[str, int]) -> str:
    check_id = str(world.do(OpenCheck((), guests=guests)).check_id)
    world.do(PlaceOrder(tuple(LineIn(*line) for line in lines), check_id=check_id))
    return check_id


@settings(max_examples=60)
@given(st.integers(0, 10**7), st.integers(1, 50))
def test_equal_parts_differ_by_a_yen_at_most_the_first_pay_it(due: int, parts: int) -> None:
    each = SharePlan((), parts).of(due)
    assert each is not None
    assert (sum(each), len(each)) == (due, parts)
    assert max(each) - min(each) <= 1
    assert list(each) == sorted(each, reverse=True)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["bread", "soba", "coin", "tea"]), st.integers(1, 9)),
        min_size=1,
        max_size=5,
    ),
    st.integers(1, 12),
    st.lists(st.integers(0, 300), max_size=3),
    st.booleans(),
)
def test_the_parts_are_the_tenders_of_one_sale(
    lines: list[tuple[str, int]], parts: int, agreed: list[int], billed: bool
) -> None:
    world = World()
    check_id = party(world, 0, *lines)
    world.do(DiscountCheck("rate", "0.07"), check_id)
    if billed:
        world.do(BillCheck(), check_id)
    check = world.state.checks.get(check_id)
    assert check is not None
    try:
        planned = world.do(ShareCheck(parts, tuple(agreed)), check_id)
    except InvalidRequest:
        assert sum(agreed) > check.due
        return
    world.same()
    if parts + len(agreed) == 1:
        assert planned.shares == ()
        return
    assert planned.shares[: len(agreed)] == tuple(agreed)
    view = check_view(world.state.checks.get(check_id))  # type: ignore[arg-type]
    assert view["shares"] == {"parts": parts, "amounts": tuple(agreed), "each": planned.shares}
    tenders = tuple(TenderIn("cash" if n % 2 else "card", part) for n, part in enumerate(planned.shares))
    sale = world.do(CompleteSale(tenders, check_id=check_id))
    assert sale.total == check.due
    assert len(sale.taxes) == len({(row.rate, row.included) for row in sale.taxes}), (
        "tax rounded once for each rate"
    )


def test_equal_parts_follow_what_is_ordered_and_agreed_amounts_do_not() -> None:
    world = World()
    check_id = party(world, 3, ("beer", 1))
    each = world.do(ShareCheck(), check_id).shares
    assert each == (184, 183, 183), "as many parts as guests"
    world.do(PlaceOrder((LineIn("beer", 1),), check_id=check_id))
    assert check_view(world.state.checks.get(check_id))["shares"]["each"] == (367, 367, 366)  # type: ignore[arg-type]
    assert world.do(ShareCheck(2, (500,)), check_id).shares == (500, 300, 300)
    assert world.do(ShareCheck(None, (1000, 100)), check_id).shares == (1000, 100)
    world.do(PlaceOrder((LineIn("beer", 1),), check_id=check_id))
    assert check_view(world.state.checks.get(check_id))["shares"]["each"] is None  # type: ignore[arg-type]
    assert world.do(ShareCheck(1), check_id).shares == ()
    assert check_view(world.state.checks.get(check_id))["shares"] is None  # type: ignore[arg-type]
    world.same()


@pytest.mark.parametrize(
    "command",
    [ShareCheck(), ShareCheck(0), ShareCheck(None, (1,)), ShareCheck(2, (551,)), ShareCheck(50, (1,))],
)
def test_what_does_not_add_up_is_refused(command: ShareCheck) -> None:
    world = World()
    check_id = party(world, 0, ("beer", 1))
    with pytest.raises(InvalidRequest):
        world.do(command, check_id)
    with pytest.raises(HubError) as refused:
        world.do(ShareCheck(2), check_id, version=1)
    assert refused.value.slug == "check-changed"
