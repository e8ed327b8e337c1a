"""Registers: every pair of state and move, what should be in the drawer, and what a settlement leaves behind."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from domain_world import DAY, World
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.commands import (
    CompleteSale,
    LineIn,
    LineQuantity,
    RefundSale,
    TakenIn,
    TakenLineIn,
    TenderIn,
    VoidSale,
)
from hub.domain.commands_day import CountRegister, MoveDrawer, PiecesIn, SettleRegister, TenderCountIn
from hub.domain.errors import HubError, InvalidRequest, RegisterRefused
from hub.domain.register import NEXT, RegisterDay, RegisterMove, RegisterStatus, register_key


def drawer(world: World, register_id: str = "r1", day: str = DAY) -> RegisterDay:
    return world.state.registers.get(register_key(day, register_id)) or RegisterDay(
        register_id=register_id, business_date=day
    )


def sell(world: World, amount: int = 550, *, method: str = "cash", register: str = "r1", **more: Any) -> Any:
    lines = (LineIn("open", 1, unit_price=amount),)
    return world.do(CompleteSale((TenderIn(method, amount),), lines=lines), device=register, **more)


def move(world: World, kind: str, amount: int | None = None, **more: Any) -> Any:
    return world.do(MoveDrawer(kind, amount, reason="why"), "r1", **more)  # type: ignore[arg-type]


def do(world: World, wanted: RegisterMove) -> Any:
    match wanted:
        case RegisterMove.TRADE:
            return sell(world)
        case RegisterMove.COUNT:
            return world.do(CountRegister(0), "r1")
        case RegisterMove.SETTLE:
            return world.do(SettleRegister(0), "r1")
        case RegisterMove.DRAWER:
            return move(world, "open")
        case _:
            return move(world, wanted.value, 10)


def brought_to(status: RegisterStatus) -> World:
    world = World()
    if status != "closed":
        move(world, "float", 1000)
    if status == "settled":
        world.do(SettleRegister(1000), "r1")
    assert drawer(world).status == status
    return world


@pytest.mark.parametrize("status", get_args(RegisterStatus))
@pytest.mark.parametrize("wanted", RegisterMove)
def test_every_pair_of_state_and_move(status: RegisterStatus, wanted: RegisterMove) -> None:
    world = brought_to(status)
    expected = NEXT.get((status, wanted))
    if expected is None:
        with pytest.raises(RegisterRefused) as refused:
            do(world, wanted)
        assert refused.value.fields == {
            "register_id": "r1", "register_status": status, "date": DAY, "move": wanted.value,
        }  # fmt: skip
        assert drawer(world).status == status
    else:
        do(world, wanted)
        assert drawer(world).status == expected
    world.same()


def test_the_drawer_holds_float_cash_in_and_out_and_what_sales_brought() -> None:
    world = World()
    move(world, "float", 30_000)
    move(world, "in", 5_000)
    gone = move(world, "out", 1_200)
    assert (gone.expected, gone.amount, gone.register_status) == (33_800, 1_200, "open")
    sold = sell(world, 900)
    sell(world, 700, method="voucher")
    wrong = sell(world, 400)
    world.do(VoidSale("wrong"), wrong.sale_id, device="r1")
    line_id = sold.lines[0].line_id
    world.do(RefundSale((LineQuantity(line_id, 1),), (TenderIn("cash", 900),), ""), sold.sale_id, device="r1")
    sell(world, 50)
    move(world, "open")
    counted = world.do(CountRegister(pieces=(PiecesIn(10_000, 3), PiecesIn(50, 77))), "r1")
    assert (counted.expected, counted.counted, counted.over_short) == (33_850, 33_850, 0)
    assert (counted.cash_sales, counted.float_, counted.openings) == (50, 30_000, 1)
    assert drawer(world).status == "open"
    settled = world.do(SettleRegister(33_840, tenders=(TenderCountIn("voucher", 600),)), "r1")
    assert (settled.expected, settled.counted, settled.over_short, settled.number) == (33_850, 33_840, -10, 1)
    rows = {row.method: (row.count, row.expected, row.counted, row.over_short) for row in settled.tenders}
    assert rows == {"cash": (5, 50, None, None), "voucher": (1, 700, 600, -100)}
    left = drawer(world)
    assert (left.expected, left.tenders, left.openings, len(left.settlements)) == (0, (), 0, 1)
    world.same()


def test_a_sale_belongs_to_the_register_it_names_else_to_its_device() -> None:
    world = World()
    sell(world, 100, register="h1")
    lines = (LineIn("open", 1, unit_price=70),)
    world.do(CompleteSale((TenderIn("cash", 70),), lines=lines, register_id="r9"), device="h1")
    assert (drawer(world, "h1").expected, drawer(world, "r9").expected) == (100, 70)


@pytest.mark.parametrize(
    ("device", "role", "named", "drawer_of"),
    [("r2", "register", None, "r2"), ("m1", "manager", None, "r1"), ("m1", "manager", "r3", "r3")],
)
def test_money_goes_back_out_of_the_drawer_where_someone_stands(
    device: str, role: Any, named: str | None, drawer_of: str
) -> None:
    world = World()
    sold = sell(world, 500)
    world.do(VoidSale("x", named), sold.sale_id, device=device, role=role)
    expected = {"r1": 500, "r2": 0, "r3": 0}
    expected[drawer_of] -= 500
    assert {name: drawer(world, name).expected for name in expected} == expected


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (CountRegister(), "amount"),
        (CountRegister(pieces=(PiecesIn(2, 1),)), "pieces[0].value"),
        (CountRegister(pieces=(PiecesIn(100, 1), PiecesIn(100, 2))), "pieces[1].value"),
        (CountRegister(101, pieces=(PiecesIn(100, 1),)), "amount"),
        (CountRegister(0, tenders=(TenderCountIn("card", 5),)), "tenders[0].method"),
        (CountRegister(0, tenders=(TenderCountIn("cash", 5),)), "tenders[0].method"),
        (SettleRegister(0, date="2026-11-22"), "date"),
        (MoveDrawer("out", 2000, reason="x"), "amount"),
        (MoveDrawer("in", 0, reason="x"), "amount"),
        (MoveDrawer("in", 5), "reason"),
        (MoveDrawer("open", 5), "amount"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(command: Any, path: str) -> None:
    world = World()
    move(world, "float", 1000)
    sell(world)
    with pytest.raises(InvalidRequest) as refused:
        world.do(command, "r1")
    assert refused.value.fields["errors"][0]["path"] == path


def test_dollars_are_counted_in_their_own_pieces() -> None:
    world = World(settings={"currency": "USD"})
    move(world, "float", 2500)
    with pytest.raises(InvalidRequest):
        world.do(CountRegister(pieces=(PiecesIn(10_000_0, 1),)), "r1")
    counted = world.do(CountRegister(pieces=(PiecesIn(2000, 1), PiecesIn(25, 20))), "r1")
    assert counted.over_short == 0


def test_a_sale_taken_before_the_count_belongs_to_that_settlement_and_one_after_it_to_the_next_run() -> None:
    world = World()
    move(world, "float", 1000)
    world.do(SettleRegister(1550), "r1")

    def taken(at: str, number: str) -> Any:
        lines = (TakenLineIn("beer", 1, 550),)
        wish = TakenIn(at, number, 550, lines)
        return world.do(CompleteSale((TenderIn("cash", 550),), taken=wish), device="r1")

    taken(f"{DAY}T11:00:00+09:00", "A-000001")
    before = drawer(world)
    assert (before.status, before.expected) == ("settled", 0)
    settled = before.settlements[0]
    assert (settled.expected, settled.expected_now, settled.counted - settled.expected_now) == (1000, 1550, 0)
    taken(f"{DAY}T12:30:00+09:00", "A-000002")
    after = drawer(world)
    assert (after.status, after.expected, after.settlements) == ("open", 550, before.settlements)
    world.same()


_STEPS = st.one_of(
    st.tuples(st.sampled_from(["float", "in", "out"]), st.integers(0, 900)),
    st.tuples(st.sampled_from(["cash", "voucher"]), st.integers(1, 900)),
    st.tuples(st.sampled_from(["void", "refund", "settle", "count", "open"]), st.integers(0, 2000)),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["r1", "r2"]), _STEPS), max_size=25))
def test_what_should_be_in_the_drawers_is_what_the_entries_add_up_to(steps: list[Any]) -> None:
    """Invariant of the till: over all settlements and what stands open, no yen is counted twice or lost."""
    world = World()
    sold: list[Any] = []
    for register, (what, amount) in steps:
        try:
            if what in ("float", "in", "out", "open"):
                money = None if what == "open" else amount
                world.do(MoveDrawer(what, money, reason="x"), register)
            elif what in ("cash", "voucher"):
                sold.append(sell(world, amount, method=what, register=register))
            elif what == "settle":
                world.do(SettleRegister(amount), register)
            elif what == "count":
                world.do(CountRegister(amount), register)
            elif sold:
                sale = sold.pop()
                if what == "void":
                    world.do(VoidSale("x"), sale.sale_id, device=register)
                else:
                    line = LineQuantity(sale.lines[0].line_id, 1)
                    back = TenderIn("cash", sale.total)
                    world.do(RefundSale((line,), (back,), "x"), sale.sale_id, device=register)
        except HubError:
            continue
    world.same()
    for register in ("r1", "r2"):
        cash = 0
        for fact, _ in world.facts:
            if fact.TYPE == "drawer.moved" and fact.register_id == register:
                cash += {"float": 1, "in": 1, "out": -1, "open": 0}[fact.kind] * fact.amount
            if fact.TYPE.startswith("sale.") and fact.register_id == register:
                sign = 1 if fact.TYPE == "sale.completed" else -1
                cash += sign * sum(tender.amount for tender in fact.tenders if tender.kind == "cash")
        found = drawer(world, register)
        assert found.expected + sum(one.expected for one in found.settlements) == cash
        for one in found.settlements:
            assert one.expected == one.float_ + one.cash_in - one.cash_out + sum(
                row.expected for row in one.tenders if row.kind == "cash"
            )
