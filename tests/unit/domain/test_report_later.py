"""Deposits, accounts, deferred payments and kept vouchers in the day's report, against the entries and the drawers."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
from domain_world import DAY, MENU, World
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.domain.commands import CompleteSale, LineIn, LineQuantity, RefundSale, TenderIn, VoidSale
from hub.domain.commands_credit import FailPayment, PayAccount, ReversePayment, SettlePayment
from hub.domain.commands_day import MoveDrawer, SettleRegister
from hub.domain.commands_layaway import CancelLayaway, CompleteLayaway, OpenLayaway
from hub.domain.commands_sale import DeferIn
from hub.domain.daily import daily, daily_text
from hub.domain.errors import HubError
from hub.domain.menu import TenderMethod
from hub.domain.receipt import width
from hub.domain.report_sums import DayReport
from hub.domain.report_view import summed, view

WITH_CREDIT = msgspec.structs.replace(
    MENU,
    tender_methods=(
        TenderMethod("cash", "現金", "cash"),
        TenderMethod("qr", "QR", "qr"),
        TenderMethod("account", "売掛", "account"),
        TenderMethod("voucher", "商品券", "voucher", surplus="keep"),
    ),
)
LINE = (LineIn("beer", 1, "x"),)
KINDS = [
    "sell", "on account", "later", "voucher", "void", "refund", "pay", "book back", "came", "came in cash", "failed",
    "aside", "fetch", "put back", "float", "settle",
]  # fmt: skip


def cash(amount: int) -> tuple[TenderIn, ...]:
    return (TenderIn("cash", amount),)


class Store:
    """A register that does all of it; what is refused is passed over."""

    def __init__(self) -> None:
        self.world = World(WITH_CREDIT)
        self.sold: list[Any] = []

    def step(self, what: str, amount: int) -> None:
        world, state = self.world, self.world.state
        try:
            match what:
                case "sell":
                    self.sold.append(world.do(CompleteSale(cash(550), lines=LINE)))
                case "on account":
                    paid = (TenderIn("account", 550, account_name="A"),)
                    self.sold.append(world.do(CompleteSale(paid, lines=LINE)))
                case "later":
                    paid = (TenderIn("qr", 550, deferred=DeferIn()),)
                    self.sold.append(world.do(CompleteSale(paid, lines=LINE)))
                case "voucher":
                    paid = (TenderIn("voucher", 550, 550 + amount),)
                    self.sold.append(world.do(CompleteSale(paid, lines=LINE)))
                case "void" if self.sold:
                    world.do(VoidSale("x"), self.sold[amount % len(self.sold)].sale_id)
                case "refund" if self.sold:
                    sale = self.sold[amount % len(self.sold)]
                    method = "account" if sale.tenders[0].account_id else "cash"
                    back = (TenderIn(method, 550),)
                    world.do(RefundSale((LineQuantity("x", 1),), back, "x"), sale.sale_id)
                case "pay":
                    world.do(PayAccount(cash(amount)), first(state.accounts))
                case "book back":
                    world.do(ReversePayment("x"), first(state.received))
                case "came":
                    world.do(SettlePayment(), first(state.payments))
                case "came in cash":
                    world.do(SettlePayment(tenders=cash(550)), first(state.payments))
                case "failed":
                    world.do(FailPayment("x"), first(state.payments))
                case "aside":
                    world.do(OpenLayaway(LINE, cash(amount)))
                case "fetch" | "put back":
                    one = next(one for _, one in sorted(state.layaways.items()) if one.status == "open")
                    if what == "fetch":
                        rest = 550 - one.deposit
                        self.sold.append(
                            world.do(CompleteLayaway(cash(rest) if rest else ()), one.layaway_id)
                        )
                    else:
                        world.do(CancelLayaway("x", cash(one.deposit)), one.layaway_id)
                case "float":
                    world.do(MoveDrawer("float", amount), "d1")
                case "settle":
                    world.do(SettleRegister(0), "d1")
        except (HubError, StopIteration):
            return


def first(shelf: Any) -> str:
    return next(iter(sorted(key for key, one in shelf.items() if getattr(one, "open", True))))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(1, 500)), max_size=25))
def test_what_is_no_sale_is_counted_once_and_the_drawer_has_all_of_it(steps: list[tuple[str, int]]) -> None:
    store = Store()
    for what, amount in steps:
        store.step(what, amount)
    seen = view(store.world.report)
    counts: Counter[str] = Counter()
    money: Counter[str] = Counter()
    for fact, _ in store.world.facts:
        data = msgspec.json.decode(msgspec.json.encode(fact))
        name = {"account.paid": "received", "account.reversed": "reversed", "layaway.opened": "taken",
                "layaway.cancelled": "given_back", "payment.deferred": "begun", "payment.settled": "settled",
                "payment.failed": "failed"}.get(fact.TYPE)  # fmt: skip
        if name is not None:
            counts[name] += 1
            money[name] += data.get("deposit", 0) if "layaway" in fact.TYPE else data["amount"]
        sign = {"sale.completed": 1, "sale.voided": -1, "sale.refunded": -1}.get(fact.TYPE, 0)
        for tender in data.get("tenders", ()) if sign else ():
            money["charged"] += sign * tender["amount"] if tender.get("account_id") else 0
            money["used"] += sign * tender["amount"] if tender["method"] == "deposit" else 0
            money["surplus"] += sign * tender.get("surplus", 0)
    told = {**seen["deposits"], **seen["accounts"], **seen["deferred"]}
    for name, count in counts.items():
        assert told[name] == {"count": count, "total": money[name]}, name
    assert told["charged"]["total"] - told["taken_off"]["total"] == money["charged"]
    assert told["used"]["total"] == money["used"]
    assert seen["voucher_surplus"]["total"] == money["surplus"]
    # What people owe and what waits is what the shelves say.
    state = store.world.state
    owed = sum(one.balance for _, one in state.accounts.items())
    assert owed == money["charged"] - money["received"] + money["reversed"]
    waits = sum(one.deposit for _, one in state.layaways.items() if one.status == "open")
    assert waits == money["taken"] - money["given_back"] - money["used"]
    awaited = sum(one.amount for _, one in state.payments.items() if one.status == "pending")
    ended = ("settled", "failed", "cancelled")
    late = sum(told[name]["total"] for name in ended)
    refound = sum(one.amount for _, one in state.payments.items() if one.status == "settled" and one.reason)
    assert awaited == told["begun"]["total"] - late + refound
    # Cash of sales and of all else is what the drawer took.
    rows = [*seen["tenders"], *seen["other_tenders"]]
    drawers = [register for _, register in state.registers.items()]
    took = sum(one.cash_sales for one in drawers)
    took += sum(
        row.expected
        for one in drawers
        for run in one.settlements
        for row in run.tenders
        if row.kind == "cash"
    )
    assert sum(row["amount"] for row in rows if row["kind"] == "cash") == took
    twice = view(summed([store.world.report, store.world.report]))
    assert twice["accounts"]["received"]["total"] == 2 * seen["accounts"]["received"]["total"]


def test_the_daily_report_tells_of_it_where_there_is_any() -> None:
    store = Store()
    for what in ("on account", "pay", "aside", "later", "came", "voucher"):
        store.step(what, 100)
    more = {
        "store_name": "店",
        "currency": "JPY",
        "unsettled": (),
        "open_checks": 0,
        "unsent": 0,
        "agrees": None,
    }
    day = daily(store.world.report, **more)  # type: ignore[arg-type]
    for language, said in (
        ("ja", ("【内金】", "掛売", "釣無し", "確定")),
        ("en", ("[Deposits]", "received", "surplus")),
    ):
        text = daily_text(day, language)  # type: ignore[arg-type]
        for word in said:
            assert word in text, word
        assert max(width(line) for line in text.splitlines()) <= 48
    quiet = daily_text(daily(DayReport(business_date=DAY), **more), "en")  # type: ignore[arg-type]
    assert "Deposits" not in quiet
