"""The stock of goods: the sum of its movements, whatever is sold, voided and counted, by however many devices."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from domain_world import MENU, World, contents, product
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec.structs import replace

from hub.domain.check import Check
from hub.domain.commands import (
    AbortCheck,
    ApplyMaster,
    ChangeProduct,
    Command,
    CompleteSale,
    LineIn,
    LineQuantity,
    MergeCheck,
    PlaceOrder,
    RecoverEntry,
    RefundSale,
    SplitCheck,
    TakenIn,
    TakenLineIn,
    TenderIn,
    VoidLines,
    VoidSale,
)
from hub.domain.commands_lines import ChangeQuantity
from hub.domain.commands_stock import CountedIn, CountStock, MoveStock
from hub.domain.device import HUB_ID
from hub.domain.entries import NO_HASH, Chain, Origin, hash_of
from hub.domain.errors import Conflict, HubError, InvalidRequest, SoldOut
from hub.domain.facts import MasterChange
from hub.domain.facts_stock import StockMoved
from hub.domain.menu_file import MenuFileError, command_of, read_menu
from hub.domain.sale import reckon_refund
from hub.domain.shelf import Shelf
from hub.domain.stock import StockMovement

GOODS = (
    product("wine", 2000, stock_tracked=True),
    product("oil", 900, stock_tracked=True, oversell="refused"),
    product("cup", 400, stock_tracked=True, oversell="allowed"),
)


def shop(settings: dict[str, str] | None = None, **stock: int) -> World:
    world = World(replace(MENU, products=(*MENU.products, *GOODS)), settings)
    for name, quantity in (stock or {"wine": 10, "oil": 10, "cup": 10}).items():
        world.do(MoveStock(name, quantity, "delivery"))
    return world


def left(world: World) -> dict[str, int]:
    return {key: one.quantity for key, one in world.state.stock.items()}


def moved(world: World) -> list[tuple[str, dict[str, int]]]:
    return [
        (fact.kind, {line.product_id: line.quantity for line in fact.lines})
        for fact, _ in world.facts
        if isinstance(fact, StockMoved)
    ]


def order(world: World, *lines: tuple[str, int], table: str = "t1") -> Any:
    return world.do(PlaceOrder(tuple(LineIn(*line) for line in lines), table_id=table))


def pay(world: World, check_id: str) -> Any:
    check = world.state.checks.get(check_id)
    assert check is not None
    return world.do(CompleteSale((TenderIn("cash", check.total),), check_id=check_id))


def test_what_is_ordered_is_taken_and_what_is_voided_comes_back() -> None:
    world = shop(wine=10)
    placed = order(world, ("wine", 3), ("tea", 1), ("wine", 2))
    assert left(world) == {"wine": 5}
    one, _, two = placed.lines
    world.do(VoidLines((LineQuantity(one.line_id, 2),), "corked"), placed.check_id)
    world.do(ChangeQuantity((LineQuantity(two.line_id, 4),)), placed.check_id, version=3)
    assert left(world) == {"wine": 5}
    world.do(AbortCheck("left"), placed.check_id, version=4)
    assert left(world) == {"wine": 10}
    assert [kind for kind, _ in moved(world)] == ["delivery", "order", "void", "change", "abort"]
    world.same()


def test_a_movement_stands_before_the_fact_that_answers() -> None:
    world = shop(wine=10)
    placed = order(world, ("wine", 1))
    kinds = [fact.TYPE for fact, _ in world.facts[-3:]]
    assert kinds == ["check.opened", "stock.moved", "order.placed"]
    assert world.facts[-2][0].about == f"checks/{placed.check_id}"  # type: ignore[attr-defined]


def test_a_store_without_stock_makes_no_movement() -> None:
    world = World(replace(MENU, products=(*MENU.products, *GOODS)))
    order(world, ("wine", 3), ("last", 1))
    assert moved(world) == []
    assert world.state.stock_moves.empty


def test_a_sale_takes_what_its_orders_have_not_and_gives_all_of_it_back() -> None:
    world = shop(wine=10)
    placed = order(world, ("wine", 3))
    sold = pay(world, placed.check_id)
    assert left(world) == {"wine": 7}
    refund = reckon_refund(world.state.sales.get(sold.sale_id), {sold.lines[0].line_id: 1})  # type: ignore[arg-type]
    back = (LineQuantity(sold.lines[0].line_id, 1),)
    world.do(RefundSale(back, (TenderIn("cash", refund.total),), "corked"), sold.sale_id)
    assert left(world) == {"wine": 8}
    counter = world.do(CompleteSale((TenderIn("cash", 4000),), lines=(LineIn("wine", 2),)))
    assert left(world) == {"wine": 6}
    world.do(VoidSale("wrong"), counter.sale_id)
    assert left(world) == {"wine": 8}
    assert [kind for kind, _ in moved(world)] == ["delivery", "order", "refund", "sale", "sale_void"]
    world.same()


def test_taken_at_the_sale_where_the_store_has_it_so() -> None:
    world = shop({"stock_taken_at": "sale"}, wine=10, oil=10)
    placed = order(world, ("wine", 3), ("oil", 1))
    # What cannot be oversold is taken when it is ordered all the same.
    assert left(world) == {"wine": 10, "oil": 9}
    world.do(VoidLines((LineQuantity(placed.lines[0].line_id, 1),), "corked"), placed.check_id)
    assert left(world) == {"wine": 10, "oil": 9}
    pay(world, placed.check_id)
    assert left(world) == {"wine": 8, "oil": 9}


def test_a_change_of_the_setting_or_a_first_count_takes_nothing_twice() -> None:
    world = shop(oil=10)
    before = order(world, ("wine", 1), ("oil", 1))
    world.do(MoveStock("wine", 10, "delivery"))
    world._apply([MasterChange("setting", "stock_taken_at", "sale")])
    after = order(world, ("wine", 2), table="t2")
    assert left(world) == {"oil": 9, "wine": 10}
    world.do(VoidLines((LineQuantity(before.lines[0].line_id, 1),), "corked"), before.check_id)
    assert left(world) == {"oil": 9, "wine": 10}
    world._apply([MasterChange("setting", "stock_taken_at", None)])
    pay(world, after.check_id)
    pay(world, before.check_id)
    assert left(world) == {"oil": 9, "wine": 8}


def test_oversell_is_refused_where_it_is_and_allowed_where_not() -> None:
    world = shop(wine=1, oil=1, cup=1)
    order(world, ("wine", 3))
    with pytest.raises(SoldOut) as refused:
        order(world, ("tea", 1), ("oil", 1), ("oil", 1))
    assert refused.value.fields == {"product_id": "oil", "name": "OIL", "remaining": 1}
    with pytest.raises(SoldOut):
        world.do(CompleteSale((TenderIn("cash", 1800),), lines=(LineIn("oil", 2),)))
    with pytest.raises(Conflict):
        world.do(MoveStock("oil", -2, "loss"))
    assert left(world) == {"wine": -2, "oil": 1, "cup": 1}
    world._apply([MasterChange("setting", "stock_oversell", "refused")])
    with pytest.raises(SoldOut):
        order(world, ("wine", 1))
    order(world, ("cup", 3))
    world.do(MoveStock("wine", 1, "delivery"))
    assert left(world) == {"wine": -1, "oil": 1, "cup": -2}


def test_what_a_device_sold_without_the_hub_is_recorded_whatever_there_is() -> None:
    world = shop(oil=1)
    taken = TakenIn("2026-11-21T03:00:00Z", "A-000001", 2700, (TakenLineIn("oil", 3, 900),))
    world.do(CompleteSale((TenderIn("cash", 2700),), taken=taken))
    assert left(world) == {"oil": -2}


def test_split_and_merge_take_their_portions_along() -> None:
    world = shop(wine=10)
    placed = order(world, ("wine", 4))
    parts = (LineQuantity(placed.lines[0].line_id, 1),)
    split = world.do(SplitCheck(parts), placed.check_id, version=2)
    world.do(AbortCheck("left"), split.new_check_id, version=1)
    assert left(world) == {"wine": 7}
    other = order(world, ("wine", 2), table="t2")
    world.do(MergeCheck(other.check_id), placed.check_id, version=3)
    pay(world, placed.check_id)
    assert left(world) == {"wine": 5}


def test_a_count_moves_by_what_it_found_at_its_moment() -> None:
    world = shop(wine=10)
    order(world, ("wine", 2))
    # Counted when ten were shown: one was missing then. Two were sold since.
    fact = world.do(CountStock((CountedIn("wine", 9, 10),), "monthly"))
    assert left(world) == {"wine": 7}
    assert (fact.lines[0].quantity, fact.lines[0].counted) == (-1, 9)
    world.do(CountStock((CountedIn("wine", 7), CountedIn("oil", 4))))
    assert left(world) == {"wine": 7, "oil": 4}
    assert world.state.stock.get("wine").counted_at is not None  # type: ignore[union-attr]
    with pytest.raises(Conflict):
        world.do(CountStock((CountedIn("oil", 0, 9),)))
    world.same()


@pytest.mark.parametrize("command", [
    MoveStock("tea", 1, "delivery"), MoveStock("nothing", 1, "delivery"), MoveStock("wine", 0, "correction"),
    CountStock((CountedIn("tea", 1),)), CountStock((CountedIn("wine", 1), CountedIn("wine", 2))),
    MoveStock("wine", 99_999_999, "delivery"),
])  # fmt: skip
def test_what_is_no_movement(command: Command) -> None:
    with pytest.raises(InvalidRequest):
        shop(wine=10).do(command)


def test_portions_left_are_another_thing() -> None:
    world = shop(wine=10)
    world.do(ChangeProduct(remaining=3), "wine", role="manager")
    order(world, ("wine", 2))
    assert (left(world), world.state.products.get("wine").remaining) == ({"wine": 8}, 1)  # type: ignore[union-attr]
    world.do(ChangeProduct(remaining=None), "wine", role="manager")
    order(world, ("wine", 1))
    assert left(world) == {"wine": 7}


def test_a_product_that_is_not_tracked_any_more_keeps_its_stock_as_it_was() -> None:
    world = shop(wine=10)
    plain = {"id": "wine", "name": "WINE", "category_id": "c", "price": 2000}
    world._apply([MasterChange("product", "wine", plain)])
    order(world, ("wine", 2))
    assert left(world) == {"wine": 10}


def lost_order(world: World) -> list[bytes]:
    """The entries of an order of three that the disk of `world` does not know any more."""
    chain = Chain(source="/s", boot_id="b", epoch="f" * 16, seq=0, head=NO_HASH)
    elsewhere = shop(wine=10)
    count = len(elsewhere.facts)
    order(elsewhere, ("wine", 3))
    at = elsewhere.at(device="d9")
    return [chain.append(fact, at.stamp, Origin("d9"))[0].raw for fact, _ in elsewhere.facts[count:]]


def recover(world: World, seq: int, raw: bytes, *, again: bool = False) -> None:
    world.do(RecoverEntry("f" * 16, seq, hash_of(raw), raw.decode(), answered_again=again))


def test_a_lost_order_that_comes_back_takes_its_goods_once() -> None:
    world = shop(wine=10)
    for seq, raw in enumerate(lost_order(world), 1):
        recover(world, seq, raw)
    assert left(world) == {"wine": 7}
    assert sorted(one.kind for one in values(world.state.stock_moves)) == ["delivery", "order"]
    assert values(world.state.stock_waiting) == []
    world.same()


def test_what_was_ordered_again_meanwhile_is_not_taken_twice() -> None:
    world = shop(wine=10)
    order(world, ("wine", 3))
    lost = lost_order(world)
    for seq, raw in enumerate(lost, 1):
        recover(world, seq, raw, again=seq == len(lost))
    assert left(world) == {"wine": 7}
    world.same()


def test_a_lost_order_whose_check_is_gone_takes_nothing() -> None:
    world = shop(wine=10)
    for seq, raw in list(enumerate(lost_order(world), 1))[1:]:
        recover(world, seq, raw)
    assert left(world) == {"wine": 10}
    world.same()


def level(name: str, quantity: int, was: int | None = None, version: str = "") -> MasterChange:
    value = {"id": name, "quantity": quantity} | ({} if was is None else {"was": was})
    return MasterChange("stock", name, value, version)


def cloud(world: World, *changes: MasterChange, cursor: str | None = None, full: bool = False) -> Any:
    return world.do(ApplyMaster("cloud", changes, cursor=cursor, full=full), device=HUB_ID, role="manager")


def test_a_level_of_the_cloud_is_a_movement_once_and_never_overwrites() -> None:
    world = shop(wine=10)
    order(world, ("wine", 3))
    # It thought of ten when it found eight more in the books: the three that were sold since stay sold.
    cloud(world, level("wine", 18, 10, "7"), cursor="c1")
    assert left(world) == {"wine": 15}
    cloud(world, level("wine", 18, 10, "7"), cursor="c2", full=True)
    assert left(world) == {"wine": 15}
    cloud(world, level("wine", 0))
    assert left(world) == {"wine": 15}
    cloud(world, level("wine", 10, 18, "8"), level("oil", 4))
    assert left(world) == {"wine": 7, "oil": 4}
    cloud(world, level("oil", 0, 9, "9"))
    assert left(world) == {"wine": 7, "oil": -5}
    assert world.state.settings.get("master_cursor") == "c2"
    assert [kind for kind, _ in moved(world)] == ["delivery", "order", "cloud", "cloud", "opening", "cloud"]
    world.same()


@pytest.mark.parametrize("change", [
    level("tea", 1), level("nothing", 1), MasterChange("stock", "wine", {"id": "oil", "quantity": 1}),
    MasterChange("stock", "wine", {"id": "wine", "quantity": "many"}), level("wine", 99_999_999, 0),
])  # fmt: skip
def test_a_level_that_cannot_be_used_is_named(change: MasterChange) -> None:
    with pytest.raises(InvalidRequest) as refused:
        cloud(shop(wine=10), level("oil", 1), change)
    assert refused.value.fields["errors"][0]["path"].startswith("changes[1]")


def test_a_file_opens_the_stock_of_its_products_and_changes_nothing_the_second_time() -> None:
    world = World()
    csv = b"code,name,price,stock\nw,Wine,2000,1 200\nt,Tea,100,\no,Oil,900,0\n".replace(b"1 200", b'"1,200"')
    command = command_of(read_menu(csv))
    world.do(command, device=HUB_ID)
    assert left(world) == {"w": 1200, "o": 0}
    assert world.state.products.get("w").stock_tracked  # type: ignore[union-attr]
    order(world, ("w", 200))
    assert world.do(command, device=HUB_ID) is None
    assert left(world) == {"w": 1000, "o": 0}
    whole = {"categories": [{"id": "c", "name": "C"}], "stock": [{"id": "n", "quantity": 7}]}
    whole["products"] = [{"id": "n", "name": "N", "category_id": "c", "price": 5, "stock_tracked": True}]
    world.do(command_of(read_menu(msgspec.json.encode(whole))), device=HUB_ID)
    assert left(world)["n"] == 7
    with pytest.raises(MenuFileError):
        read_menu(b"code,name,price,stock\nw,Wine,2000,some\n")


def values(shelf: Shelf[Any]) -> list[Any]:
    return [value for _, value in shelf.items()]


NAMES = ("wine", "oil", "cup", "tea")
pick = st.integers(0, 1_000_000)
devices = st.sampled_from(("d1", "d2", "d3"))


class Shelves(RuleBasedStateMachine):
    """Three devices at one shelf. Nothing is sold without the hub here: that alone may take what is not there."""

    @initialize(
        at=st.sampled_from([None, "sale"]),
        all_refused=st.booleans(),
        levels=st.tuples(*[st.integers(0, 6)] * 3),
    )
    def open(self, at: str | None, all_refused: bool, levels: tuple[int, int, int]) -> None:
        chosen = {"stock_taken_at": at, "stock_oversell": "refused" if all_refused else None}
        self.firm = {"oil", "wine"} if all_refused else {"oil"}
        self.world = shop({key: value for key, value in chosen.items() if value})
        self.world.do(CountStock(tuple(CountedIn(name, n) for name, n in zip(NAMES, levels, strict=False))))

    def attempt(self, command: Command, target: str = "", **more: Any) -> Any:
        before = contents(self.world.state)
        try:
            return self.world.do(command, target, **more)
        except HubError:
            assert contents(self.world.state) == before
        return None

    def check(self, number: int, *statuses: str) -> Check | None:
        found = [one for _, one in sorted(self.world.state.checks.items()) if one.status in statuses]
        return found[number % len(found)] if found else None

    @rule(
        device=devices,
        table=st.sampled_from(("t1", "t2", "t3")),
        name=st.sampled_from(NAMES),
        n=st.integers(1, 4),
    )
    def order(self, device: str, table: str, name: str, n: int) -> None:
        self.attempt(PlaceOrder((LineIn(name, n), LineIn("oil", 1)), table_id=table), device=device)

    @rule(device=devices, number=pick, line=pick, n=st.integers(1, 5))
    def change(self, device: str, number: int, line: int, n: int) -> None:
        check = self.check(number, "open")
        if check is not None and check.lines:
            what = LineQuantity(check.lines[line % len(check.lines)].line_id, n)
            self.attempt(ChangeQuantity((what,)), check.check_id, version=check.version, device=device)

    @rule(device=devices, number=pick, line=pick, n=st.integers(1, 3))
    def void(self, device: str, number: int, line: int, n: int) -> None:
        check = self.check(number, "open")
        if check is not None and check.lines:
            what = LineQuantity(check.lines[line % len(check.lines)].line_id, n)
            self.attempt(VoidLines((what,), "wrong"), check.check_id, device=device)

    @rule(number=pick)
    def abort(self, number: int) -> None:
        check = self.check(number, "open")
        if check is not None:
            self.attempt(AbortCheck("left"), check.check_id, version=check.version)

    @rule(one=pick, two=pick)
    def merge(self, one: int, two: int) -> None:
        check, other = self.check(one, "open"), self.check(two, "open")
        if check is not None and other is not None:
            self.attempt(MergeCheck(other.check_id), check.check_id, version=check.version)

    @rule(device=devices, number=pick)
    def settle(self, device: str, number: int) -> None:
        check = self.check(number, "open", "closed")
        if check is not None:
            tender = TenderIn("cash", check.total)
            self.attempt(CompleteSale((tender,), check_id=check.check_id), device=device)

    @rule(device=devices, n=st.integers(1, 4))
    def over_the_counter(self, device: str, n: int) -> None:
        self.attempt(CompleteSale((TenderIn("cash", 900 * n),), lines=(LineIn("oil", n),)), device=device)

    @rule(number=pick, whole=st.booleans())
    def give_back(self, number: int, whole: bool) -> None:
        sales = [sale for _, sale in sorted(self.world.state.sales.items()) if sale.status == "completed"]
        if not sales:
            return
        sale = sales[number % len(sales)]
        if whole:
            self.attempt(VoidSale("wrong"), sale.sale_id)
            return
        line = sale.lines[number % len(sale.lines)]
        if sale.returned.get(line.line_id, 0) < line.quantity:
            total = reckon_refund(sale, {line.line_id: 1}).total
            back = (LineQuantity(line.line_id, 1),)
            self.attempt(RefundSale(back, (TenderIn("cash", total),), "bad"), sale.sale_id)

    @rule(name=st.sampled_from(NAMES), n=st.integers(-3, 5))
    def move(self, name: str, n: int) -> None:
        self.attempt(MoveStock(name, n, "correction"))

    @rule(name=st.sampled_from(NAMES), found=st.integers(0, 6), shown=st.none() | st.integers(-1, 6))
    def count(self, name: str, found: int, shown: int | None) -> None:
        self.attempt(CountStock((CountedIn(name, found, shown),)))

    @invariant()
    def a_stock_is_the_sum_of_its_movements(self) -> None:
        sums: Counter[str] = Counter()
        for _, move in sorted(self.world.state.stock_moves.items()):
            assert isinstance(move, StockMovement)
            sums[move.product_id] += move.quantity
            assert move.stock == sums[move.product_id]
        assert dict(sums) == left(self.world)

    @invariant()
    def what_must_not_be_oversold_is_never_below_0(self) -> None:
        assert all(quantity >= 0 for name, quantity in left(self.world).items() if name in self.firm)

    @invariant()
    def what_was_taken_is_what_stands_on_checks_and_in_sales(self) -> None:
        """By hand came what is on the shelf and what went over it."""
        by_hand: Counter[str] = Counter()
        for move in values(self.world.state.stock_moves):
            if move.kind in ("delivery", "correction", "count"):
                by_hand[move.product_id] += move.quantity
        gone: Counter[str] = Counter()
        for check in values(self.world.state.checks):
            for line in check.lines if check.status == "open" else ():
                gone[line.product_id] += line.quantity if line.stocked else 0
        for sale in values(self.world.state.sales):
            for sold in sale.lines if sale.status != "voided" else ():
                gone[sold.product_id] += sold.quantity - sale.returned.get(sold.line_id, 0)
        for name, quantity in left(self.world).items():
            assert quantity == by_hand[name] - gone[name], name

    @invariant()
    def the_entries_say_the_same(self) -> None:
        self.world.same()


TestShelves = Shelves.TestCase
TestShelves.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
