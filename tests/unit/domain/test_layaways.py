"""Goods set aside: out of the stock, a deposit in the drawer, then sold or put back."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from domain_world import DAY, MENU, World, contents, product
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.domain.commands import (
    ApplyMaster,
    CompleteSale,
    DiscountIn,
    LineIn,
    LineQuantity,
    RefundSale,
    TenderIn,
    VoidSale,
)
from hub.domain.commands_layaway import CancelLayaway, CompleteLayaway, OpenLayaway
from hub.domain.commands_receipt import IssueFormalReceipts
from hub.domain.commands_stock import MoveStock
from hub.domain.errors import Conflict, HubError, InvalidRequest, NotFound, SoldOut, TenderMismatch
from hub.domain.evolve import evolve
from hub.domain.evolve_floor import Misfit
from hub.domain.facts import MasterChange
from hub.domain.facts_stock import StockMoved
from hub.domain.layaway import NEXT, LayawayMove, LayawayStatus
from hub.domain.register import register_key
from hub.domain.report_view import view
from hub.domain.sale import NEXT as SALE_NEXT
from hub.domain.sale import SaleMove, SaleStatus
from hub.domain.state import Meta

TWO = (LineIn("last", 2, "x"),)


def cash(amount: int) -> tuple[TenderIn, ...]:
    return (TenderIn("cash", amount),) if amount else ()


def stock(world: World) -> int:
    found = world.state.products.get("last")
    assert found is not None
    assert found.remaining is not None
    return found.remaining


def drawer(world: World) -> int:
    found = world.state.registers.get(register_key(world.day, "r1"))
    return 0 if found is None else found.cash_sales


def open_one(world: World, deposit: int = 400, **more: Any) -> str:
    opened = world.do(OpenLayaway(TWO, cash(deposit), register_id="r1", **more))
    found: str = opened.layaway_id
    return found


def test_from_the_deposit_to_the_sale() -> None:
    world = World()
    layaway_id = open_one(world, name="山田様", until="2026-11-30")
    layaway = world.state.layaways.get(layaway_id)
    assert layaway is not None
    assert (layaway.total, layaway.deposit, layaway.deposit_no) == (1400, 400, "A-000001")
    assert (stock(world), drawer(world)) == (5, 400)
    with pytest.raises(TenderMismatch) as refused:
        world.do(CompleteLayaway(cash(1400)), layaway_id)
    assert refused.value.fields["total"] == 1000
    sold = world.do(CompleteLayaway((TenderIn("cash", 1000, 2000),), register_id="r1"), layaway_id)
    assert (sold.total, sold.change, sold.receipt_no, sold.layaway_id) == (1400, 1000, "A-000002", layaway_id)
    assert [(tender.method, tender.amount) for tender in sold.tenders] == [("cash", 1000), ("deposit", 400)]
    assert (stock(world), drawer(world)) == (5, 1400)
    assert view(world.report)["sales"] == {"count": 1, "total": 1400}
    assert world.do(IssueFormalReceipts(), sold.sale_id).receipts[0].amount == 1400
    world.same()


def test_a_cancelled_one_gives_goods_and_deposit_back() -> None:
    world = World()
    layaway_id = open_one(world)
    with pytest.raises(TenderMismatch):
        world.do(CancelLayaway("not fetched"), layaway_id)
    world.do(CancelLayaway("not fetched", cash(400), register_id="r1"), layaway_id)
    assert (stock(world), drawer(world)) == (7, 0)
    nothing = open_one(world, deposit=0)
    assert world.state.layaways.get(nothing).deposit_no is None  # type: ignore[union-attr]
    world.do(CancelLayaway("not fetched"), nothing)
    assert stock(world) == 7
    world.same()


def test_a_voided_sale_lets_the_goods_wait_again_with_their_deposit() -> None:
    world = World()
    layaway_id = open_one(world)
    sold = world.do(CompleteLayaway(cash(1000), register_id="r1"), layaway_id)
    world.do(VoidSale("wrong", register_id="r1"), sold.sale_id)
    layaway = world.state.layaways.get(layaway_id)
    assert layaway is not None
    assert (layaway.status, layaway.sale_id, stock(world), drawer(world)) == ("open", None, 5, 400)
    again = world.do(CompleteLayaway(cash(1000), register_id="r1"), layaway_id)
    assert (again.receipt_no, stock(world), drawer(world)) == ("A-000003", 5, 1400)
    world.same()


def test_prices_are_those_of_the_opening_and_tax_that_of_the_day_on_which_it_is_fetched() -> None:
    world = World()
    opened = world.do(OpenLayaway((LineIn("bread", 10, "b"),), discounts=(DiscountIn("amount", 80),)))
    assert opened.total == 972  # 900 and 8 % on top
    rate = {"tax_class": "reduced", "rate": "0", "from": f"{DAY}T00:00:00+09:00"}
    price = {"id": "bread", "name": "BREAD", "category_id": "c", "price": 200, "tax_class": "reduced"}
    changes = (
        MasterChange("tax_rate", f"reduced@{DAY}T00:00:00+09:00", rate),
        MasterChange("product", "bread", price),
    )
    world.do(ApplyMaster("cloud", changes))
    sold = world.do(CompleteLayaway(cash(900)), opened.layaway_id)
    assert (sold.subtotal, sold.discount, sold.total, sold.taxes[0].rate) == (980, 80, 900, "0")


def test_what_cannot_be_set_aside_is_refused() -> None:
    world = World()
    before = contents(world.state)
    for command in (
        OpenLayaway(TWO, cash(1401)),
        OpenLayaway(TWO, (TenderIn("points", 100),)),
        OpenLayaway(TWO, until="2026-13-01"),
        OpenLayaway(TWO, customer_id="nobody"),
        OpenLayaway((LineIn("nothing", 1),)),
    ):
        with pytest.raises(InvalidRequest):
            world.do(command)
    with pytest.raises(SoldOut):
        world.do(OpenLayaway((LineIn("last", 8),)))
    for gone in (CompleteLayaway(), CancelLayaway("x")):
        with pytest.raises(NotFound):
            world.do(gone, "nothing")
    assert contents(world.state) == before


@pytest.mark.parametrize("move", list(LayawayMove))
@pytest.mark.parametrize("status", get_args(LayawayStatus))
def test_every_pair_of_layaways(status: LayawayStatus, move: LayawayMove) -> None:
    world = World()
    layaway_id = open_one(world)
    sale_id = ""
    if status == "completed":
        sale_id = world.do(CompleteLayaway(cash(1000)), layaway_id).sale_id
    elif status == "cancelled":
        world.do(CancelLayaway("x", cash(400)), layaway_id)
    before = contents(world.state)
    command: Any = {
        LayawayMove.COMPLETE: CompleteLayaway(cash(1000)),
        LayawayMove.CANCEL: CancelLayaway("x", cash(400)),
        LayawayMove.REOPEN: VoidSale("x"),
    }[move]
    target = sale_id if move is LayawayMove.REOPEN else layaway_id
    if (status, move) in NEXT:
        world.do(command, target)
        assert world.state.layaways.get(layaway_id).status == NEXT[status, move]  # type: ignore[union-attr]
    else:
        with pytest.raises((Conflict, NotFound)):
            world.do(command, target)
        assert contents(world.state) == before
    world.same()


def test_a_late_fact_about_one_that_has_ended_does_not_fit() -> None:
    world = World()
    layaway_id = open_one(world)
    world.do(CancelLayaway("x", cash(400)), layaway_id)
    fact, _ = world.facts[-1]
    with pytest.raises(Misfit):
        evolve(world.state, fact, Meta(99, "e", f"{DAY}T12:00:00+09:00", DAY, "d1"))


@given(
    st.lists(
        st.tuples(st.sampled_from(("open", "complete", "cancel", "void", "sell")), st.integers(0, 9)),
        max_size=20,
    )
)
@settings(max_examples=60, deadline=None)
def test_goods_and_money_are_never_in_two_places(steps: list[tuple[str, int]]) -> None:
    world = World()
    for name, value in steps:
        waiting = [one for _, one in sorted(world.state.layaways.items())]
        sales = [sale for _, sale in sorted(world.state.sales.items())]
        command: Any = CompleteSale(cash(700), lines=(LineIn("last", 1),), register_id="r1")
        target = ""
        if name == "open":
            command = OpenLayaway((LineIn("last", 1 + value % 2),), cash(value * 100), register_id="r1")
        elif name == "void":
            if not sales:
                continue
            command, target = VoidSale("x", register_id="r1"), sales[value % len(sales)].sale_id
        elif name != "sell":
            if not waiting:
                continue
            one = waiting[value % len(waiting)]
            target = one.layaway_id
            command = CompleteLayaway(cash(one.total - one.deposit), register_id="r1")
            if name == "cancel":
                command = CancelLayaway("x", cash(one.deposit), register_id="r1")
        try:
            world.do(command, target)
        except HubError:
            continue
    layaways = [one for _, one in world.state.layaways.items() if one.status == "open"]
    sold = [sale for _, sale in world.state.sales.items() if sale.status == "completed"]
    aside = sum(line.quantity for one in layaways for line in one.lines)
    gone = sum(line.quantity for sale in sold for line in sale.lines)
    assert stock(world) + aside + gone == 7
    assert drawer(world) == sum(one.deposit for one in layaways) + sum(sale.total for sale in sold)
    world.same()


# -- sales themselves -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("move", list(SaleMove))
@pytest.mark.parametrize("status", get_args(SaleStatus))
def test_every_pair_of_sales(status: SaleStatus, move: SaleMove) -> None:
    world = World()
    sold = world.do(CompleteSale(cash(1400), lines=TWO, register_id="r1"))
    whole = RefundSale((LineQuantity("x", 2),), cash(1400), "cold")
    if status == "voided":
        world.do(VoidSale("wrong"), sold.sale_id)
    elif status == "refunded":
        world.do(whole, sold.sale_id)
    before = contents(world.state)
    half = RefundSale((LineQuantity("x", 1),), cash(700), "cold")
    command: Any = {SaleMove.VOID: VoidSale("wrong"), SaleMove.REFUND: half}[move]
    if (status, move) in SALE_NEXT:
        world.do(command, sold.sale_id)
        assert world.state.sales.get(sold.sale_id).status == SALE_NEXT[status, move]  # type: ignore[union-attr]
    else:
        with pytest.raises(Conflict):
            world.do(command, sold.sale_id)
        assert contents(world.state) == before
    # Nothing is ever deleted: the sale is there with all that it said, whatever became of it.
    kept = world.state.sales.get(sold.sale_id)
    assert kept is not None
    assert (kept.total, kept.lines, kept.receipt_no) == (1400, sold.lines, sold.receipt_no)
    world.same()


def test_goods_with_a_stock_are_moved_once_from_the_shelf_to_the_guest() -> None:
    wine = product("wine", 2000, stock_tracked=True, oversell="refused")
    world = World(replace(MENU, products=(*MENU.products, wine)))
    world.do(MoveStock("wine", 3, "delivery"))

    def on_the_shelf() -> int:
        return world.state.stock.get("wine").quantity  # type: ignore[union-attr]

    opened = world.do(OpenLayaway((LineIn("wine", 2, "w"),)))
    assert on_the_shelf() == 1
    with pytest.raises(SoldOut):
        world.do(OpenLayaway((LineIn("wine", 2),)))
    sold = world.do(CompleteLayaway(cash(4000)), opened.layaway_id)
    assert on_the_shelf() == 1
    world.do(VoidSale("wrong"), sold.sale_id)
    assert on_the_shelf() == 1
    again = world.do(CompleteLayaway(cash(4000)), opened.layaway_id)
    world.do(RefundSale((LineQuantity("w", 1),), cash(2000), "broken"), again.sale_id)
    assert on_the_shelf() == 2
    other = world.do(OpenLayaway((LineIn("wine", 2),)))
    world.do(CancelLayaway("not fetched"), other.layaway_id)
    assert on_the_shelf() == 2
    assert [fact.kind for fact, _ in world.facts if isinstance(fact, StockMoved)] == [
        "delivery", "aside", "refund", "aside", "aside_end",
    ]  # fmt: skip
    world.same()
