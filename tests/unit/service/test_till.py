"""The till over crashes: one effect a key, no number twice, tables as the journal says; the reminder on the feed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hub.domain.commands import (
    ApplyMaster,
    CompleteSale,
    LineIn,
    LineQuantity,
    RefundSale,
    TakeNumbers,
    TenderIn,
)
from hub.domain.commands_credit import FailPayment, PayAccount, ReversePayment, SettlePayment
from hub.domain.commands_layaway import CancelLayaway, CompleteLayaway, OpenLayaway
from hub.domain.commands_receipt import IssueFormalReceipts
from hub.domain.commands_sale import DeferIn, TakenIn, TakenLineIn
from hub.domain.facts import MasterChange
from hub.service.due import DueWatch
from tests.support.core import HubKit, check
from tests.support.disk import Disk

METHODS = tuple(
    MasterChange("tender_method", kind, {"id": kind, "name": kind, "kind": kind})
    for kind in ("qr", "account")
)
LINES = (LineIn("p0", 1, "l"),)
CASH = (TenderIn("cash", 100),)
LATER = (TenderIn("qr", 100, deferred=DeferIn()),)


async def test_a_device_that_woke_up_in_1970_does_not_open_a_day_of_that_year() -> None:
    kit = HubKit(Disk())
    try:
        await kit.fresh()
        today = kit.core.clock.stamp()
        yesterday = datetime.fromisoformat(today.time) - timedelta(days=1)
        for number, (at, day, flags) in enumerate(
            [
                ("1970-01-01T09:03:00+09:00", today.business_date, ["doubtful_time"]),
                ("2099-12-31T09:03:00+09:00", today.business_date, ["doubtful_time"]),
                (yesterday.isoformat(), kit.core.clock.business_date(yesterday.isoformat()), []),
            ]
        ):
            taken = TakenIn(at, f"X-{number}", 100, (TakenLineIn("p0", 1, 100),))
            sale = await kit.says(f"taken-{number}", CompleteSale((TenderIn("cash", 100),), taken=taken))
            assert (sale["business_date"], sale["taken"]["at"]) == (day, at)
            assert [flag for flag in sale.get("flags", []) if flag != "unreserved_number"] == flags
    finally:
        if kit.alive:
            await kit.kill()


async def test_every_step_survives_a_crash_after_it_and_its_retry_too() -> None:
    kit = HubKit(Disk())
    try:
        await kit.fresh()
        await kit.core.desk.order(ApplyMaster("cloud", METHODS))
        answers: dict[str, dict[str, Any]] = {}

        async def step(key: str, command: Any, target: str = "") -> dict[str, Any]:
            answers[key] = await kit.says(key, command, target=target)
            await kit.again()
            # The device did not hear the answer: it asks again, and is told the same.
            assert await kit.says(key, command, target=target) == answers[key]
            return answers[key]

        sale = await step("sale", CompleteSale(CASH, lines=LINES))
        await step("block", TakeNumbers("r1", 5))
        await step("formal", IssueFormalReceipts(), sale["sale_id"])
        await step("refund", RefundSale((LineQuantity("l", 1),), CASH, "cold"), sale["sale_id"])
        first = await step("later", CompleteSale(LATER, lines=LINES))
        second = await step("later2", CompleteSale(LATER, lines=LINES))
        await step("settle", SettlePayment(), first["tenders"][0]["payment_id"])
        await step("fail", FailPayment("no"), second["tenders"][0]["payment_id"])
        await step("cash", SettlePayment(tenders=CASH), second["tenders"][0]["payment_id"])
        owed = await step("owed", CompleteSale((TenderIn("account", 100, account_name="A"),), lines=LINES))
        account = owed["tenders"][0]["account_id"]
        paid = await step("paid", PayAccount((TenderIn("cash", 60),)), account)
        await step("back", ReversePayment("bounced"), paid["payment_id"])
        aside = await step("aside", OpenLayaway(LINES, (TenderIn("cash", 30),)))
        other = await step("aside2", OpenLayaway(LINES))
        await step("fetched", CompleteLayaway((TenderIn("cash", 70),)), aside["layaway_id"])
        await step("put back", CancelLayaway("x"), other["layaway_id"])
        numbers = [
            answer.get("refund_no") or answer.get("deposit_no") or answer["receipt_no"]
            for key, answer in answers.items()
            if key in ("sale", "refund", "later", "later2", "owed", "paid", "aside", "fetched")
        ]
        assert len(set(numbers)) == len(numbers) == 8
        truth = await check(kit)
        used = {use.receipt_no for _, use in truth.state.number_uses.items()}
        assert set(numbers) <= used
    finally:
        if kit.alive:
            await kit.kill()


async def test_the_feed_says_which_payments_are_due_and_when_none_is_any_more() -> None:
    said: list[tuple[str, Any]] = []

    class Ear:
        def announce(self, event: str, data: dict[str, Any]) -> None:
            said.append((event, [(row["payment_id"], row["due"]) for row in data["payments"]]))

    kit = HubKit(Disk())
    try:
        await kit.fresh()
        await kit.core.desk.order(ApplyMaster("cloud", METHODS))
        watch = DueWatch(kit.core.state, kit.clock, Ear())
        sold = await kit.says("later", CompleteSale(LATER, lines=LINES))
        payment_id = sold["tenders"][0]["payment_id"]
        for minutes in (0, 44, 1, 0, 15):
            kit.clock.unix_s += 60 * minutes
            watch.look()
        await kit.says("settle", SettlePayment(), target=payment_id)
        watch.look()
        assert said == [("due", [(payment_id, "soon")]), ("due", [(payment_id, "over")]), ("due", [])]
    finally:
        if kit.alive:
            await kit.kill()
