"""What people do in the store. Each deed asks the hub once or twice; what it refuses is refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from msgspec import Struct

from hub.domain.check import Check
from hub.domain.command import ChildIn, Command, LineIn, OptionIn
from hub.domain.commands import (
    AbortCheck,
    ApplyMaster,
    BillCheck,
    ChangeProduct,
    CompleteSale,
    DiscountIn,
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
from hub.domain.commands_check import ShareCheck, UnmergeCheck
from hub.domain.commands_customer import AdjustPoints
from hub.domain.commands_day import CloseDay, CountRegister, MoveDrawer, SettleRegister
from hub.domain.commands_lines import ChangeQuantity
from hub.domain.commands_plan import ExtendPlan, StartPlan, StopPlan
from hub.domain.commands_price import DiscountCheck, RepriceCheck
from hub.domain.commands_staff import AskApproval, GrantApproval, SignIn
from hub.domain.commands_stock import CountedIn, CountStock, MoveStock
from hub.domain.facts import MasterChange
from hub.domain.sale import Sale, reckon_refund
from tests.whole.shop import TABLES, Shop

T = TypeVar("T")
GOODS: Final = ("tea", "soba", "beer", "coin", "gift", "last", "bottle", "bowl", "lunch")
# What a handheld with a wrong clock says.
WRONG_TIMES: Final = ("1970-01-01T00:00:00Z", "2099-12-31T23:59:59+09:00")


class Hand(Struct):
    """Who does it, and what chance chose: a, b and n pick among what is there."""

    device: str
    a: int
    b: int
    n: int
    fault: str = "ok"

    def of(self, found: Sequence[T], which: int) -> T | None:
        return found[which % len(found)] if found else None


Deed = Callable[[Shop, Hand], None]
DEEDS: Final[dict[str, Deed]] = {}


def deed(function: Deed) -> Deed:
    DEEDS[function.__name__] = function
    return function


def checks(shop: Shop, *statuses: str) -> list[Check]:
    found = sorted(shop.state.checks.committed.items())
    return [check for _, check in found if not statuses or check.status in statuses]


def sales(shop: Shop) -> list[Sale]:
    return [sale for _, sale in sorted(shop.state.sales.committed.items())]


def ask(shop: Shop, hand: Hand, command: Command, target: str = "", **more: Any) -> Any:
    return shop.ask(command, target, **{"device": hand.device, "fault": hand.fault, **more})


def wanted(hand: Hand) -> tuple[LineIn, ...]:
    lines = []
    for which, quantity in ((hand.a, hand.n), (hand.b, 1)):
        product = GOODS[which % len(GOODS)]
        children = (ChildIn("main", ("soba", "last")[hand.b % 2], 1),) if product == "lunch" else ()
        options = (OptionIn("l", 1),) if product == "bowl" and hand.b % 2 else ()
        lines.append(LineIn(product, quantity, children=children, options=options, hold=hand.b % 5 == 0))
    return tuple(lines[: 1 + hand.b % 2])


@deed
def order_at_a_table(shop: Shop, hand: Hand) -> None:
    at = WRONG_TIMES[hand.a % 2] if hand.b % 3 == 0 else None
    ask(shop, hand, PlaceOrder(wanted(hand), table_id=TABLES[hand.a % 4], guests=hand.n, ordered_at=at))


@deed
def order_on_any_check(shop: Shop, hand: Hand) -> None:
    if (check := hand.of(checks(shop), hand.b)) is not None:
        placed = ask(shop, hand, PlaceOrder(wanted(hand), check_id=check.check_id))
        assert placed is None or check.status == "open", "a line was added to a check that has ended"


@deed
def check_in(shop: Shop, hand: Hand) -> None:
    tables = tuple(sorted({TABLES[hand.a % 4], TABLES[hand.b % 4]}))
    ask(shop, hand, OpenCheck(tables, guests=hand.n, shared=hand.b % 2 == 0))


@deed
def change_lines(shop: Shop, hand: Hand) -> None:
    check = hand.of(checks(shop, "open", "billed", "closed"), hand.a)
    line = hand.of(check.lines, hand.b) if check is not None else None
    if check is not None and line is not None:
        part = (LineQuantity(line.line_id, min(hand.n, line.quantity)),)
        command = (
            VoidLines(part, "wrong"),
            ServeLines(part),
            ChangeQuantity((LineQuantity(line.line_id, hand.n),)),
        )
        ask(shop, hand, command[hand.b % 3], check.check_id)


@deed
def move(shop: Shop, hand: Hand) -> None:
    if (check := hand.of(checks(shop, "open", "billed"), hand.a)) is not None:
        table = TABLES[hand.b % 4]
        moved = ask(shop, hand, MoveCheck((table,)), check.check_id, version=check.version - (hand.n == 1))
        assert moved is None or (hand.n != 1 and moved["check_total"] == check.total)


@deed
def merge(shop: Shop, hand: Hand) -> None:
    one, two = hand.of(checks(shop, "open"), hand.a), hand.of(checks(shop, "open"), hand.b)
    if one is not None and two is not None:
        merged = ask(shop, hand, MergeCheck(two.check_id), one.check_id, version=one.version)
        assert merged is None or merged["check_total"] == one.total + two.total
        if merged is not None and hand.n == 1:
            ask(shop, hand, UnmergeCheck(two.check_id), one.check_id, version=merged["check_version"])


@deed
def split(shop: Shop, hand: Hand) -> None:
    check = hand.of([one for one in checks(shop, "open") if one.lines], hand.a)
    if check is not None:
        parts = tuple(LineQuantity(line.line_id, 1) for line in check.lines[: hand.n])
        done = ask(shop, hand, SplitCheck(parts), check.check_id, version=check.version)
        assert done is None or done["check_total"] + done["new_check_total"] == check.total
        ask(shop, hand, ShareCheck(parts=hand.n), check.check_id)


@deed
def bill_and_reopen(shop: Shop, hand: Hand) -> None:
    if (check := hand.of(checks(shop, "open", "billed", "closed", "aborted"), hand.a)) is not None:
        ask(shop, hand, BillCheck() if hand.b % 2 else ReopenCheck(), check.check_id)


@deed
def abort(shop: Shop, hand: Hand) -> None:
    if (check := hand.of(checks(shop, "open", "billed"), hand.a)) is not None:
        ask(shop, hand, AbortCheck("left"), check.check_id, version=check.version)


@deed
def discount(shop: Shop, hand: Hand) -> None:
    if (check := hand.of(checks(shop, "open"), hand.a)) is not None:
        line = hand.of(check.lines, hand.b)
        wishes = (
            DiscountCheck("amount", 50 * hand.n),
            DiscountCheck("rate", "0.10", line_id=None if line is None else line.line_id),
            DiscountCheck(coupon="K"),
            RepriceCheck("member" if hand.n % 2 else None),
        )
        ask(shop, hand, wishes[hand.b % 4], check.check_id)


@deed
def plan(shop: Shop, hand: Hand) -> None:
    if (check := hand.of(checks(shop, "open"), hand.a)) is not None:
        wishes = (StartPlan("nomi", guests=hand.n), ExtendPlan(), StopPlan(), StartPlan("nomi", guests=1))
        ask(shop, hand, wishes[hand.b % 4], check.check_id)


def _pay(shop: Shop, hand: Hand, **what: Any) -> None:
    """The hub is asked with nothing and says what is due; then that is paid, in two parts."""
    due = shop.due(CompleteSale((), **what), device=hand.device)
    half = due // 2
    method = ("voucher", "card", "points", "cash")[hand.b % 4]
    first = [TenderIn(method, half)] if half else []
    if method == "points" and half:
        what |= {"customer_id": "c1", "points_used": half}
    ask(shop, hand, CompleteSale((*first, TenderIn("cash", due - half, due - half + 100)), **what))


@deed
def settle(shop: Shop, hand: Hand) -> None:
    check = hand.of(checks(shop, "open", "billed", "closed"), hand.a)
    if check is not None:
        off = (DiscountIn("rate", "0.333"),) if hand.n == 3 else ()
        _pay(shop, hand, check_id=check.check_id, discounts=off)


@deed
def sell(shop: Shop, hand: Hand) -> None:
    _pay(shop, hand, lines=wanted(hand), customer_id="c1" if hand.n == 2 else None)


@deed
def hand_in_what_was_taken(shop: Shop, hand: Hand) -> None:
    number = hand.a % 14 + 1
    at = (shop.kit.clock.stamp().time, "2026-11-20T12:00:00+09:00", WRONG_TIMES[1])[hand.b % 3]
    taken = TakenIn(at, f"A-{number:06d}", 100 * hand.n, (TakenLineIn("tea", hand.n, 100),))
    ask(shop, hand, CompleteSale((TenderIn("cash", 100 * hand.n),), register_id=hand.device, taken=taken))


@deed
def take_numbers(shop: Shop, hand: Hand) -> None:
    ask(shop, hand, TakeNumbers(hand.device, hand.n))


@deed
def refund(shop: Shop, hand: Hand) -> None:
    sale = hand.of(sales(shop), hand.a)
    left = (
        []
        if sale is None
        else [one for one in sale.lines if sale.returned.get(one.line_id, 0) < one.quantity]
    )
    if sale is not None and (line := hand.of(left, hand.b)) is not None:
        total = reckon_refund(sale, {line.line_id: 1}).total
        parts, back = (LineQuantity(line.line_id, 1),), (TenderIn("cash", total),)
        ask(shop, hand, RefundSale(parts, back, "bad"), sale.sale_id, device="r1")


@deed
def void_by_leave(shop: Shop, hand: Hand) -> None:
    """Cancelling a sale needs a manager: without leave it is refused, with one it is done once."""
    if (sale := hand.of(sales(shop), hand.a)) is None:
        return
    shop.ask(SignIn(staff_id="new"), device="r1")
    assert shop.ask(VoidSale("wrong"), sale.sale_id, device="r1") is None, (
        "cancelled without a manager's leave"
    )
    shop.ask(SignIn(staff_id="boss"), device="m1")
    leave = shop.ask(AskApproval("void_sale", subject=sale.sale_id if hand.n % 2 else ""), device="r1")
    if leave is None or shop.ask(GrantApproval(), leave["approval_id"], device="m1") is None:
        return
    command = VoidSale("wrong", approval_id=leave["approval_id"])
    if shop.ask(command, sale.sale_id, device="r1", fault=hand.fault) is not None:
        sell(shop, hand)
        for other in sales(shop):
            assert shop.ask(command, other.sale_id, device="r1") is None, "one leave was used twice"


@deed
def stock(shop: Shop, hand: Hand) -> None:
    wishes: tuple[Command, ...] = (
        MoveStock("bottle", hand.n, "delivery"),
        MoveStock("bottle", -hand.n, "loss"),
        CountStock((CountedIn("bottle", hand.a % 12),)),
    )
    ask(shop, hand, wishes[hand.b % 3], device="m1")


@deed
def points(shop: Shop, hand: Hand) -> None:
    ask(shop, hand, AdjustPoints(hand.n * (50, -400)[hand.b % 2], "by hand"), "c1", device="m1")


@deed
def drawer(shop: Shop, hand: Hand) -> None:
    wishes: tuple[Command, ...] = (
        MoveDrawer("float", 1000 * hand.n),
        MoveDrawer("out", 100),
        CountRegister(amount=hand.a % 5000),
        SettleRegister(amount=hand.a % 5000),
    )
    unsent = shop.kit.unsent()
    done = ask(shop, hand, wishes[hand.b % 4], "r1", device="r1", fault="ok")
    assert hand.b % 4 != 3 or done is None or done["unsent"] == unsent, "the settlement hides what is unsent"


@deed
def close_the_day(shop: Shop, hand: Hand) -> None:
    """Also while the cloud cannot be reached."""
    today = shop.kit.clock.stamp().business_date
    day = shop.state.days.committed.get(today)
    done = shop.ask(CloseDay("carry"), today, device="m1")
    assert done is not None or day is None or not day.open, "an open day cannot be closed"


@deed
def change_a_price(shop: Shop, hand: Hand) -> None:
    ask(shop, hand, ChangeProduct(price=100 + hand.a % 900), ("tea", "beer", "soba")[hand.b % 3], device="m1")


@deed
def the_cloud_sends_a_menu(shop: Shop, hand: Hand) -> None:
    """Under another name, at another price and tax: what was ordered before stays what it was."""
    value = {"id": "coin", "name": f"Coin {hand.n}", "category_id": "food", "price": 100 + hand.a % 900}
    classed = {**value, "tax_class": ("standard", "reduced")[hand.b % 2], "tax_included": False}
    shop.run(shop.kit.core.desk.order(ApplyMaster("cloud", (MasterChange("product", "coin", classed),))))


@deed
def time_passes(shop: Shop, hand: Hand) -> None:
    shop.later((0.4, 1.2, 9.0)[hand.b % 3])


@deed
def the_line_breaks_or_comes_back(shop: Shop, hand: Hand) -> None:
    shop.kit.online = hand.b % 2 == 0
    if shop.kit.online:
        shop.acked = shop.kit.journal.position.seq


@deed
def ask_again(shop: Shop, hand: Hand) -> None:
    shop.again(hand.a)


@deed
def restart(shop: Shop, hand: Hand) -> None:
    shop.restart(killed=hand.b % 2 == 0)
    shop.again(hand.a)
