"""What is begun at one time and ends at another, with wrong clocks in between: accounts, layaways, payments, points."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, field

from hub.domain.band import BY_HAND, ByHand
from hub.domain.commands import (
    AbortCheck,
    CompleteSale,
    LineIn,
    LineQuantity,
    MergeCheck,
    PairDevice,
    PlaceOrder,
    SplitCheck,
    TenderIn,
    VoidSale,
)
from hub.domain.commands_band import SwitchBand
from hub.domain.commands_credit import PayAccount, ReversePayment, SettlePayment
from hub.domain.commands_day import CountRegister, MoveDrawer
from hub.domain.commands_layaway import CancelLayaway, CompleteLayaway, OpenLayaway
from hub.domain.commands_plan import StartPlan, StopPlan
from hub.domain.commands_sale import DeferIn
from hub.domain.facts import MasterChange
from hub.domain.state import State
from tests.support.core import HubKit

METHODS: Final = tuple(
    MasterChange("tender_method", kind, {"id": kind, "name": kind, "kind": kind})
    for kind in ("account", "qr", "points")
)
PLAN: Final = {"minutes": 90, "last_order_minutes": 20, "product_ids": ["p1"]}
MORE: Final = (
    MasterChange(
        "product",
        "nomi",
        {"id": "nomi", "name": "飲み放題", "category_id": "c", "price": 1500, "kind": "plan", "plan": PLAN},
    ),
    MasterChange("time_band", "noon", {"id": "noon", "name": "Noon", "from": "11:00", "to": "15:00"}),
    MasterChange("time_band", "late", {"id": "late", "name": "Late", "from": "20:00", "to": "02:00"}),
)
PRICE: Final = 100
LINES: Final = (LineIn("p0", 1),)
CASH: Final = (TenderIn("cash", PRICE),)
# How well a clock is known, and what corrections of it may differ by.
NEAR_S: Final = 3.0
# The fields of what stands on a shelf that say when something was.
TIMES: Final = {
    "sales": ("accepted_at", "voided_at"),
    "checks": ("opened_at", "ended_at"),
    "payments": ("deferred_at", "due_at", "warn_at", "ended_at"),
    "layaways": ("opened_at", "ended_at"),
    "received": ("at",),
    "accounts": ("last_at",),
    "devices": ("paired_at", "revoked_at"),
}


class Left(Struct):
    """What has begun and has not ended: ids."""

    layaways: list[str] = field(default_factory=list)
    payments: list[str] = field(default_factory=list)
    received: list[str] = field(default_factory=list)
    account: str = ""


async def begin_or_end(twins: Any, left: Left, dice: random.Random) -> None:
    if dice.random() < 0.5:
        await _begin(twins, left, dice)
    else:
        await _end(twins, left, dice)


async def _begin(twins: Any, left: Left, dice: random.Random) -> None:
    match dice.randrange(7):
        case 0:
            charged = (TenderIn("account", PRICE, account_name="山田商事"),)
            sale = await twins.do(CompleteSale(charged, lines=LINES))
            left.account = sale["tenders"][0]["account_id"]
            if dice.random() < 0.3:
                await twins.do(VoidSale("wrong"), target=sale["sale_id"])
        case 1:
            opened = await twins.do(OpenLayaway(LINES, (TenderIn("cash", 50),)))
            left.layaways.append(opened["layaway_id"])
        case 2:
            deferred = (TenderIn("qr", PRICE, deferred=DeferIn()),)
            sale = await twins.do(CompleteSale(deferred, lines=LINES))
            if dice.random() < 0.3:
                await twins.do(VoidSale("wrong"), target=sale["sale_id"])
            else:
                left.payments.append(sale["tenders"][0]["payment_id"])
        case 3:
            tenders = (TenderIn("points", 1), TenderIn("cash", PRICE - 1))
            await twins.do(CompleteSale(tenders, lines=LINES, customer_id="c1", points_used=1))
        case 4:
            await twins.do(SwitchBand(dice.choice([None, "noon", "late"])))
        case 5:
            await twins.do(PairDevice(f"d{dice.randrange(9)}", "new", "handheld", "token"))
            await twins.do(MoveDrawer("float", 100_000), target="r1")
            await twins.do(CountRegister(amount=0), target="r1")
        case _:
            await _a_party(twins, dice)


async def _end(twins: Any, left: Left, dice: random.Random) -> None:
    match dice.randrange(4):
        case 0 if left.account:
            paid = await twins.do(PayAccount((TenderIn("cash", 10),)), target=left.account)
            left.received += [paid["payment_id"]] if "payment_id" in paid else []
        case 1 if left.received:
            await twins.do(ReversePayment("bounced"), target=left.received.pop())
        case 2 if left.payments:
            await twins.do(SettlePayment(), target=left.payments.pop())
        case _ if left.layaways:
            which = left.layaways.pop(dice.randrange(len(left.layaways)))
            ends = CompleteLayaway((TenderIn("cash", 50),)), CancelLayaway("late", (TenderIn("cash", 50),))
            await twins.do(dice.choice(ends), target=which)


async def _a_party(twins: Any, dice: random.Random) -> None:
    """Of two lines at a table one is split off, and paid, merged back, or given up."""
    order = await twins.do(
        PlaceOrder((LineIn("p0", 1, line_id="a"), LineIn("p0", 1, line_id="b")), table_id="t9")
    )
    check_id, line_id = order["check_id"], order["lines"][0]["line_id"]
    parts, version = (LineQuantity(line_id, 1),), order["check_version"]
    split = await twins.do(SplitCheck(parts), target=check_id, version=version)
    twins.machine.go(dice.choice([1.0, 1200.0]))
    match dice.randrange(4):
        case 0:
            await twins.do(CompleteSale(CASH, check_id=split["new_check_id"]))
            await twins.do(CompleteSale(CASH, check_id=check_id))
        case 1:
            await twins.do(MergeCheck(split["new_check_id"]), target=check_id, version=split["check_version"])
            await twins.do(CompleteSale((TenderIn("cash", 2 * PRICE),), check_id=check_id))
        case 2:
            await twins.do(StartPlan("nomi", guests=1), target=check_id)
            stopped = await twins.do(StopPlan(), target=check_id)
            for left, version in (
                (check_id, stopped["check_version"]),
                (split["new_check_id"], split["new_check_version"]),
            ):
                await twins.do(AbortCheck("left"), target=left, version=version)
        case _:
            await twins.do(
                AbortCheck("left"), target=split["new_check_id"], version=split["new_check_version"]
            )
            await twins.do(CompleteSale(CASH, check_id=check_id))


def times_off(right: State, found: State) -> Iterator[str]:
    """Times that are not what they are in truth."""
    for shelf, names in TIMES.items():
        truth, mine = getattr(right, shelf).committed, getattr(found, shelf).committed
        for key in truth.keys() & mine.keys():
            for name in names:
                one, other = getattr(truth[key], name), getattr(mine[key], name)
                if (one is None) != (other is None) or (one and _apart_s(one, other) > NEAR_S):
                    yield f"{name} of {shelf} {key}: {other}, in truth {one}"
    for what in (_settled, _stopped, _by_hand):
        truth, mine = what(right), what(found)
        if len(truth) != len(mine) or any(_apart_s(*pair) > NEAR_S for pair in zip(truth, mine, strict=True)):
            yield f"{what.__name__}: {mine}, in truth {truth}"


def _settled(state: State) -> list[str]:
    """When drawers were settled."""
    return sorted(one.at for day in state.registers.committed.values() for one in day.settlements)


def _stopped(state: State) -> list[str]:
    checks = sorted(state.checks.committed.items())
    return [run.stopped_at for _, check in checks for run in check.plans if run.stopped_at is not None]


def _by_hand(state: State) -> list[str]:
    said = ByHand.read(state.settings.committed.get(BY_HAND))
    return [] if said is None else [said.since, said.until or said.since]


def _apart_s(one: str, other: str) -> float:
    return abs((datetime.fromisoformat(one) - datetime.fromisoformat(other)).total_seconds())


def account_lines(kit: HubKit, state: State) -> list[tuple[str, int, int, str]]:
    """As they are shown."""
    found = []
    for key, move in sorted(state.account_moves.committed.items()):
        _, date = kit.core.right_time(
            seq=move.seq, epoch=key.split(".")[1], at=move.at, business_date=move.business_date
        )
        found.append((move.kind, move.amount, move.balance, date))
    return found


def begun(state: State) -> dict[str, Any]:
    """The days of what lasts, and how it stands."""
    layaways = {key: (one.status, one.business_date) for key, one in state.layaways.committed.items()}
    payments = {
        key: (one.status, one.business_date, one.ended_on) for key, one in state.payments.committed.items()
    }
    received = {key: (one.status, one.business_date) for key, one in state.received.committed.items()}
    counts = {key: one.counts for key, one in state.registers.committed.items() if one.counts}
    return layaways | payments | received | counts
