"""Vouchers beyond the bill, payments that wait for their answer, and accounts."""

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
    LineIn,
    LineQuantity,
    RefundSale,
    TakenIn,
    TakenLineIn,
    TenderIn,
    VoidSale,
)
from hub.domain.commands_credit import FailPayment, PayAccount, ReversePayment, SettlePayment
from hub.domain.commands_receipt import IssueFormalReceipts
from hub.domain.commands_sale import DeferIn
from hub.domain.credit import PAYMENT_NEXT, RECEIVED_NEXT, PaymentMove, PaymentStatus, ReceivedStatus
from hub.domain.errors import Conflict, HubError, InvalidRequest, NotFound, TenderMismatch
from hub.domain.evolve import evolve
from hub.domain.evolve_floor import Misfit
from hub.domain.facts import MasterChange
from hub.domain.facts_credit import PaymentDeferred, PaymentFailed, PaymentSettled
from hub.domain.menu import Surplus, TenderMethod
from hub.domain.register import register_key
from hub.domain.report_view import view
from hub.domain.sale import Sale
from hub.domain.state import Meta
from hub.domain.views_credit import due_of

METHODS = (
    TenderMethod("cash", "現金", "cash"),
    TenderMethod("qr", "QR", "qr", needs_network=True),
    TenderMethod("voucher", "商品券", "voucher"),
    TenderMethod("account", "売掛", "account"),
    TenderMethod("points", "Points", "points"),
)
STORE = replace(MENU, tender_methods=METHODS, products=(*MENU.products, product("bowl2", 1000)))
LATER = (TenderIn("qr", 1000, deferred=DeferIn()),)
BOWL = (LineIn("bowl2", 1, "b"),)


def store(**settings: str) -> World:
    world = World(STORE, settings)
    world.do(ApplyMaster("cloud", (MasterChange("customer", "c1", {"id": "c1", "points": 0}),)))
    return world


def sell(world: World, *tenders: TenderIn, **more: Any) -> Any:
    return world.do(CompleteSale(tenders, lines=BOWL, register_id="r1", **more))


def sale_of(world: World, sold: Any) -> Sale:
    found = world.state.sales.get(sold.sale_id)
    assert found is not None
    return found


def drawer(world: World, register: str = "r1") -> int:
    found = world.state.registers.get(register_key(world.day, register))
    return 0 if found is None else found.cash_sales


def tender_sums(world: World) -> dict[str, int]:
    rows = {row["method"]: row["amount"] for row in view(world.report)["tenders"]}
    day = world.state.days.get(DAY)
    assert day is not None
    assert {row.method: row.amount for row in day.figures.tenders} == rows
    return {method: amount for method, amount in rows.items() if amount}


# -- vouchers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["method", "setting"])
@pytest.mark.parametrize("policy", get_args(Surplus))
def test_what_a_voucher_is_worth_beyond_the_bill(policy: Surplus, by: str) -> None:
    world = store(voucher_surplus=policy if by == "setting" else "refuse")
    if by == "method":
        value = {"id": "voucher", "name": "商品券", "kind": "voucher", "surplus": policy}
        world.do(ApplyMaster("cloud", (MasterChange("tender_method", "voucher", value),)))
    pay = TenderIn("voucher", 1000, 1500)
    if policy == "refuse":
        with pytest.raises(InvalidRequest):
            sell(world, pay)
        return
    sold = sell(world, pay)
    assert sum(tender.amount for tender in sold.tenders) == sold.total == 1000
    if policy == "keep":
        assert (sold.change, sold.tenders[0].surplus, drawer(world)) == (0, 500, 0)
    else:
        assert (sold.change, drawer(world), tender_sums(world)) == (
            500,
            -500,
            {"voucher": 1500, "cash": -500},
        )
    world.do(VoidSale("wrong", register_id="r1"), sold.sale_id)
    assert (drawer(world), tender_sums(world)) == (0, {})
    world.same()


def test_too_little_and_too_much_are_told_with_the_total() -> None:
    world = store()
    for tenders in ((TenderIn("cash", 999),), (TenderIn("cash", 600), TenderIn("qr", 401))):
        with pytest.raises(TenderMismatch) as refused:
            sell(world, *tenders)
        assert refused.value.fields["total"] == 1000


# -- deferred ---------------------------------------------------------------------------------------------------------


def test_a_deferred_payment_has_its_time_and_its_warning() -> None:
    world = store(deferred_minutes="30", deferred_warning_minutes="10")
    world.online = False
    sold = sell(world, TenderIn("cash", 400), TenderIn("qr", 600, deferred=DeferIn()))
    (deferred,) = [fact for fact, _ in world.facts if isinstance(fact, PaymentDeferred)]
    assert (deferred.due_at, deferred.warn_at) == (f"{DAY}T12:30:00.000+09:00", f"{DAY}T12:20:00.000+09:00")
    assert (deferred.amount, deferred.sale_id) == (600, sold.sale_id)
    payment = world.state.payments.get(deferred.payment_id)
    assert payment is not None
    # NOON of the test's clock is not the stamp's: count from the due time itself.
    from datetime import datetime

    due = datetime.fromisoformat(deferred.due_at).timestamp()
    assert [due_of(payment, due + s) for s in (-601, -600, -1, 0)] == ["later", "soon", "soon", "over"]
    named = sell(world, TenderIn("qr", 1000, deferred=DeferIn(f"{DAY}T14:00:00+09:00")))
    assert world.state.payments.get(named.tenders[0].payment_id).due_at.startswith(f"{DAY}T14:00")  # type: ignore[union-attr]
    world.same()


@pytest.mark.parametrize("due_at", ["soon", f"{DAY}T14:00:00", f"{DAY}T11:00:00+09:00"])
def test_a_time_that_is_none_is_refused(due_at: str) -> None:
    with pytest.raises(InvalidRequest):
        sell(store(), TenderIn("qr", 1000, deferred=DeferIn(due_at)))


def test_cash_points_accounts_and_refunds_are_not_deferred() -> None:
    world = store()
    for method in ("cash", "account", "points"):
        with pytest.raises(InvalidRequest):
            sell(world, TenderIn(method, 1000, deferred=DeferIn()), customer_id="c1")
    sold = sell(world, TenderIn("cash", 1000))
    with pytest.raises(InvalidRequest):
        world.do(RefundSale((LineQuantity("b", 1),), LATER, "cold"), sold.sale_id)


def payment_in(world: World, status: PaymentStatus) -> tuple[str, str]:
    """(payment id, sale id)"""
    sold = sell(world, *LATER)
    payment_id = sold.tenders[0].payment_id
    if status == "settled":
        world.do(SettlePayment(), payment_id)
    elif status == "failed":
        world.do(FailPayment("no"), payment_id)
    elif status == "cancelled":
        world.do(VoidSale("x"), sold.sale_id)
    return payment_id, sold.sale_id


@pytest.mark.parametrize("move", list(PaymentMove))
@pytest.mark.parametrize("status", get_args(PaymentStatus))
def test_every_pair_of_payments(status: PaymentStatus, move: PaymentMove) -> None:
    world = store()
    payment_id, sale_id = payment_in(world, status)
    command: Any = {
        PaymentMove.SETTLE: SettlePayment(),
        PaymentMove.FAIL: FailPayment("no"),
        PaymentMove.CANCEL: VoidSale("x"),
    }[move]
    target = sale_id if move is PaymentMove.CANCEL else payment_id
    before = contents(world.state)
    if (status, move) in PAYMENT_NEXT:
        world.do(command, target)
        assert world.state.payments.get(payment_id).status == PAYMENT_NEXT[status, move]  # type: ignore[union-attr]
    elif (status, move) == ("settled", PaymentMove.CANCEL):
        # The sale is voided like any other; its payment stays what it was.
        world.do(command, target)
        assert world.state.payments.get(payment_id).status == "settled"  # type: ignore[union-attr]
    else:
        with pytest.raises(Conflict):
            world.do(command, target)
        assert contents(world.state) == before
    world.same()


def test_what_failed_is_owed_until_it_is_paid_in_another_way() -> None:
    world = store()
    payment_id, sale_id = payment_in(world, "pending")
    sale = world.state.sales.get(sale_id)
    assert sale is not None
    assert tender_sums(world) == {"qr": 1000}
    with pytest.raises(Conflict):
        world.do(IssueFormalReceipts(), sale_id)
    with pytest.raises(Conflict, match="awaited"):
        world.do(RefundSale((LineQuantity("b", 1),), (TenderIn("cash", 1000),), ""), sale_id)
    world.do(FailPayment("refused"), payment_id)
    assert tender_sums(world) == {}
    with pytest.raises(TenderMismatch):
        world.do(SettlePayment(tenders=(TenderIn("cash", 999),)), payment_id)
    paid = world.do(SettlePayment(tenders=(TenderIn("cash", 1000, 2000),), register_id="r2"), payment_id)
    assert (paid.change, tender_sums(world), drawer(world, "r2")) == (1000, {"cash": 1000}, 1000)
    assert world.do(IssueFormalReceipts(), sale_id).receipts[0].amount == 1000
    voided = world.do(VoidSale("x", register_id="r2"), sale_id)
    assert [tender.method for tender in voided.tenders] == ["cash"]
    assert (tender_sums(world), drawer(world, "r2")) == ({}, 0)
    world.same()


def test_a_pending_payment_may_come_in_another_way_at_once() -> None:
    world = store()
    payment_id, _ = payment_in(world, "pending")
    settled = world.do(SettlePayment(tenders=(TenderIn("cash", 1000),)), payment_id)
    assert [tender.method for tender in settled.taken_off] == ["qr"]
    assert tender_sums(world) == {"cash": 1000}
    assert [tender.method for tender in sale_of(world, settled).tenders] == ["cash"]
    world.same()


def test_a_late_fact_about_a_payment_that_is_not_there_does_not_fit() -> None:
    world = store()
    payment_id, _ = payment_in(world, "settled")
    meta = Meta(99, "e", f"{DAY}T12:00:00+09:00", DAY, "d1")
    facts = [fact for fact, _ in world.facts if isinstance(fact, PaymentSettled)]
    failed = PaymentFailed(
        payment_id=payment_id, sale_id="s", receipt_no="A-1", amount=1, register_id="r1", taken_off=(), reason=""
    )  # fmt: skip
    for fact in (*facts, failed):
        with pytest.raises(Misfit):
            evolve(world.state, fact, meta)


# -- on account -------------------------------------------------------------------------------------------------------


def test_on_account_needs_someone() -> None:
    world = store()
    for tender in (TenderIn("account", 1000), TenderIn("account", 1000, account_id="nobody")):
        with pytest.raises(InvalidRequest):
            sell(world, tender)
    for customer in ("c1", None):
        sold = sell(
            world,
            TenderIn("account", 1000, account_name="" if customer else "山田商事"),
            customer_id=customer,
        )
        account = world.state.accounts.get(sold.tenders[0].account_id)
        assert account is not None
        assert (account.balance, account.name) == (1000, "" if customer else "山田商事")
    again = sell(world, TenderIn("account", 1000, account_name="山田商事"))
    assert again.tenders[0].account_id == sold.tenders[0].account_id
    assert world.state.accounts.get(again.tenders[0].account_id).balance == 2000  # type: ignore[union-attr]
    with pytest.raises(Conflict):
        world.do(IssueFormalReceipts(), sold.sale_id)
    world.same()


def test_a_sale_on_account_of_nobody_that_was_taken_without_the_hub_is_kept_for_people_to_sort_out() -> None:
    world = store()
    taken = TakenIn(f"{DAY}T11:00:00+09:00", "X-1", 550, (TakenLineIn("beer", 1, 550),))
    sold = world.do(CompleteSale((TenderIn("account", 550),), taken=taken))
    assert "unknown_account" in sold.flags
    assert world.state.accounts.get("unassigned").balance == 550  # type: ignore[union-attr]
    world.same()


@pytest.mark.parametrize("reversed_", [False, True])
def test_every_pair_of_payments_on_account(reversed_: bool) -> None:
    status: ReceivedStatus = "reversed" if reversed_ else "received"
    world = store()
    sell(world, TenderIn("account", 1000), customer_id="c1")
    paid = world.do(PayAccount((TenderIn("cash", 400, 500),), register_id="r1"), "c1")
    assert (paid.balance, paid.change, paid.receipt_no, drawer(world)) == (600, 100, "A-000002", 400)
    if reversed_:
        world.do(ReversePayment("bounced", register_id="r1"), paid.payment_id)
    for move in ("reverse",):
        if (status, move) in RECEIVED_NEXT:
            back = world.do(ReversePayment("bounced", register_id="r1"), paid.payment_id)
            assert (back.balance, drawer(world)) == (1000, 0)
        else:
            with pytest.raises(Conflict):
                world.do(ReversePayment("again"), paid.payment_id)
    world.same()


def test_nobody_pays_more_than_is_owed_nor_with_another_debt() -> None:
    world = store()
    sell(world, TenderIn("account", 1000), customer_id="c1")
    for tenders in ((TenderIn("cash", 1001),), (TenderIn("cash", 0),), (TenderIn("account", 10),)):
        with pytest.raises(InvalidRequest):
            world.do(PayAccount(tenders), "c1")
    with pytest.raises(NotFound):
        world.do(PayAccount((TenderIn("cash", 1),)), "nobody")
    with pytest.raises(NotFound):
        world.do(ReversePayment(""), "nothing")


STEPS = st.lists(
    st.tuples(st.sampled_from(("charge", "part", "void", "refund", "pay", "reverse")), st.integers(0, 999)),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=60, deadline=None)
def test_the_ledger_always_adds_up_to_the_balance(steps: list[tuple[str, int]]) -> None:
    world = store()
    owed, cash = 0, 0
    for name, value in steps:
        sales = [sale for _, sale in sorted(world.state.sales.items())]
        received = [key for key, _ in sorted(world.state.received.items())]
        command: Any
        target = ""
        if name in ("charge", "part"):
            part = 1000 if name == "charge" else value
            tenders = tuple(t for t in (TenderIn("account", part), TenderIn("cash", 1000 - part)) if t.amount)
            command = CompleteSale(tenders, lines=BOWL, register_id="r1", customer_id="c1")
        elif name == "pay":
            command, target = PayAccount((TenderIn("cash", value),), register_id="r1"), "c1"
        elif name == "reverse":
            if not received:
                continue
            command, target = ReversePayment("x", register_id="r1"), received[value % len(received)]
        else:
            if not sales:
                continue
            sale = sales[value % len(sales)]
            target = sale.sale_id
            command = VoidSale("x", register_id="r1")
            if name == "refund":
                command = RefundSale(
                    (LineQuantity("b", 1),), (TenderIn("account", 1000),), "x", register_id="r1"
                )
        try:
            fact = world.do(command, target)
        except HubError:
            continue
        sign = 1 if name in ("charge", "part") else -1
        if name in ("pay", "reverse"):
            change = fact.amount if name == "pay" else -fact.amount
            owed, cash = owed - change, cash + change
        else:
            owed += sign * sum(t.amount for t in fact.tenders if t.kind == "account")
            cash += sign * sum(t.amount for t in fact.tenders if t.kind == "cash")
    account = world.state.accounts.get("c1")
    moves = [move for _, move in sorted(world.state.account_moves.items())]
    assert (0 if account is None else account.balance) == owed == sum(move.amount for move in moves)
    assert drawer(world) == cash
    world.same()
