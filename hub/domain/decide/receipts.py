"""Formal receipts: over what was received and not given back, never over more."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from hub.domain.commands_receipt import IssueFormalReceipts, ReissueFormalReceipt, WithdrawFormalReceipt
from hub.domain.decide.at import At
from hub.domain.decide.sales import find_sale
from hub.domain.errors import Conflict, InvalidRequest, NotFound
from hub.domain.facts import Fact
from hub.domain.facts_receipt import ReceiptIssued, ReceiptReissued, ReceiptWithdrawn
from hub.domain.formal import NEXT, FormalMove, FormalReceipt, dutiable, left_of, part_of, stamp_duty
from hub.domain.money import share
from hub.domain.numbers import written
from hub.domain.receipt import registration_no
from hub.domain.sale import Sale, refunded_taxes
from hub.domain.state import State


def unreceipted(sale: Sale) -> int:
    """What the store has got for the sale, not given back, and not receipted yet."""
    if sale.status == "voided":
        return 0
    got = sale.received - sale.refunded_total
    return max(0, got - sum(receipt.amount for receipt in sale.formal if receipt.status == "issued"))


def issue(state: State, command: IssueFormalReceipts, at: At) -> list[Fact]:
    sale = find_sale(state, at.target)
    if sale.status == "voided":
        raise Conflict(reason="The sale was voided: there is nothing to receipt.")
    live = [receipt for receipt in sale.formal if receipt.status == "issued"]
    left = unreceipted(sale)
    if not left:
        raise Conflict(reason="All that was received has its receipts. Withdraw one first, or reissue it.")
    amounts = command.amounts or (left,)
    if sum(amounts) > left:
        raise InvalidRequest.at("amounts", f"come to {sum(amounts)}, more than the {left} that are left")
    rows = left_of(sale.taxes, refunded_taxes(sale))
    for receipt in live:
        rows = left_of(rows, receipt.taxes)
    card = sum(tender.amount for tender in sale.tenders if tender.kind == "card" and not tender.unpaid)
    card = max(0, min(left, card - sum(receipt.card_amount for receipt in live)))
    series = f"R-{state.receipt_series}"
    number = state.counters.get(f"receipt_no:{series}") or 0
    made = []
    for amount in amounts:
        number += 1
        taxes = part_of(rows, amount)
        by_card = share(amount, [card, left - card])[0]
        tax = sum(row.tax for row in taxes)
        free = command.electronic or state.currency != "JPY"
        made.append(
            FormalReceipt(
                formal_id=at.mint(),
                formal_no=written(series, number),
                amount=amount,
                taxes=taxes,
                issued_at=at.stamp.time,
                business_date=at.stamp.business_date,
                addressee=command.addressee,
                proviso=command.proviso,
                electronic=command.electronic,
                card_amount=by_card,
                stamp_duty=0 if free else stamp_duty(dutiable(amount, tax, by_card)),
                registration_no=registration_no(state.settings.get("registration_no")),
            )
        )
        rows, left, card = left_of(rows, taxes), left - amount, card - by_card
    return [ReceiptIssued(sale_id=sale.sale_id, receipt_no=sale.receipt_no, receipts=tuple(made))]


def _movable(state: State, at: At, formal_id: str, move: FormalMove) -> tuple[Sale, FormalReceipt]:
    sale = find_sale(state, at.target)
    found = next((receipt for receipt in sale.formal if receipt.formal_id == formal_id), None)
    if found is None:
        raise NotFound(kind="formal receipt", id=formal_id)
    if (found.status, move) not in NEXT:
        raise Conflict(reason=f"The receipt {found.formal_no} was {found.status}.")
    return sale, found


def reissue(state: State, command: ReissueFormalReceipt, at: At) -> list[Fact]:
    sale, receipt = _movable(state, at, command.formal_id, FormalMove.REISSUE)
    again = replace(receipt, reissues=receipt.reissues + 1)
    return [
        ReceiptReissued(
            sale_id=sale.sale_id, receipt_no=sale.receipt_no, receipt=again, reason=command.reason
        )
    ]


def withdraw(state: State, command: WithdrawFormalReceipt, at: At) -> list[Fact]:
    sale, receipt = _movable(state, at, command.formal_id, FormalMove.WITHDRAW)
    gone = replace(receipt, status="withdrawn", reason=command.reason)
    return [
        ReceiptWithdrawn(
            sale_id=sale.sale_id, receipt_no=sale.receipt_no, receipt=gone, reason=command.reason
        )
    ]


DECISIONS: dict[type[Any], Any] = {
    IssueFormalReceipts: issue,
    ReissueFormalReceipt: reissue,
    WithdrawFormalReceipt: withdraw,
}
