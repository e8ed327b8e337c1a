"""Formal receipts: over what was received and not given back, never over more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from hub.domain.commands_receipt import (
    IssueAccountReceipts,
    IssueDepositReceipts,
    IssueFormalReceipts,
    ReissueAccountReceipt,
    ReissueDepositReceipt,
    ReissueFormalReceipt,
    WithdrawAccountReceipt,
    WithdrawDepositReceipt,
    WithdrawFormalReceipt,
)
from hub.domain.credit import Received
from hub.domain.decide.at import At
from hub.domain.decide.sales import find_sale
from hub.domain.errors import Conflict, InvalidRequest, NotFound
from hub.domain.facts import Fact
from hub.domain.facts_receipt import ReceiptIssued, ReceiptReissued, ReceiptWithdrawn
from hub.domain.formal import (
    NEXT,
    FormalMove,
    FormalReceipt,
    dutiable,
    issued,
    left_of,
    part_of,
    stamp_duty,
)
from hub.domain.layaway import Layaway
from hub.domain.money import share
from hub.domain.numbers import written
from hub.domain.receipt import registration_no
from hub.domain.reckoning import TaxRow
from hub.domain.sale import Sale, Tender, refunded_taxes
from hub.domain.state import State


class Got(Struct, frozen=True, kw_only=True):
    """Money that was received, as far as formal receipts care.

    left: what of it has none yet. card: how much of that was paid by credit card. rows: its tax, None where it is not
    known (a deposit) or was said on other papers (a payment on account). names: of the facts about its receipts.
    """

    left: int
    card: int
    rows: tuple[TaxRow, ...] | None
    formal: tuple[FormalReceipt, ...]
    names: dict[str, str]
    proviso: str = ""


def unreceipted(sale: Sale) -> int:
    """What the store has got for the sale, not given back, and not receipted yet."""
    if sale.status == "voided":
        return 0
    return _left(sale.received - sale.refunded_total, sale.formal)


def unreceipted_deposit(layaway: Layaway) -> int:
    """Of a layaway that waits: the sale of one that is completed answers for its deposit."""
    return _left(layaway.deposit if layaway.status == "open" else 0, layaway.formal)


def unreceipted_payment(payment: Received) -> int:
    return _left(payment.amount if payment.status == "received" else 0, payment.formal)


def _left(got: int, formal: Iterable[FormalReceipt]) -> int:
    return max(0, got - sum(receipt.amount for receipt in issued(formal)))


def _card(tenders: Iterable[Tender], formal: Iterable[FormalReceipt], left: int) -> int:
    card = sum(tender.amount for tender in tenders if tender.kind == "card" and not tender.unpaid)
    return max(0, min(left, card - sum(receipt.card_amount for receipt in issued(formal))))


def _of_sale(state: State, at: At) -> Got:
    sale = find_sale(state, at.target)
    if sale.status == "voided":
        raise Conflict(reason="The sale was voided: there is nothing to receipt.")
    rows = left_of(sale.taxes, refunded_taxes(sale))
    for receipt in issued(sale.formal):
        rows = left_of(rows, receipt.taxes)
    left = unreceipted(sale)
    # What a deposit was paid with is no tender of the sale.
    own = [receipt for receipt in sale.formal if not receipt.deposit]
    return Got(
        left=left,
        card=_card(sale.tenders, own, left),
        rows=rows,
        formal=sale.formal,
        names={"sale_id": sale.sale_id, "receipt_no": sale.receipt_no},
    )


def _of_deposit(state: State, at: At) -> Got:
    layaway = state.layaways.get(at.target)
    if layaway is None:
        raise NotFound(kind="layaway", id=at.target)
    if layaway.status != "open":
        raise Conflict(
            reason=f"The layaway was {layaway.status}: its sale, if there is one, has the receipts."
        )
    left = unreceipted_deposit(layaway)
    return Got(
        left=left,
        card=_card(layaway.tenders, layaway.formal, left),
        rows=None,
        formal=layaway.formal,
        names={"layaway_id": layaway.layaway_id, "receipt_no": layaway.deposit_no or ""},
        proviso="内金として",
    )


def _of_payment(state: State, at: At) -> Got:
    payment = state.received.get(at.target)
    if payment is None:
        raise NotFound(kind="payment on account", id=at.target)
    if payment.status != "received":
        raise Conflict(reason=f"The payment was {payment.status}: there is nothing to receipt.")
    left = unreceipted_payment(payment)
    return Got(
        left=left,
        card=_card(payment.tenders, payment.formal, left),
        rows=None,
        formal=payment.formal,
        names={"payment_id": payment.payment_id, "receipt_no": payment.receipt_no},
        proviso="売掛金として",
    )


def _issue(state: State, command: IssueFormalReceipts, at: At, got: Got) -> list[Fact]:
    if not got.left:
        raise Conflict(reason="All that was received has its receipts. Withdraw one first, or reissue it.")
    amounts = command.amounts or (got.left,)
    if sum(amounts) > got.left:
        raise InvalidRequest.at("amounts", f"come to {sum(amounts)}, more than the {got.left} that are left")
    left, card, rows = got.left, got.card, got.rows or ()
    series = f"R-{state.receipt_series}"
    number = state.counters.get(f"receipt_no:{series}") or 0
    made = []
    for amount in amounts:
        number += 1
        taxes = part_of(rows, amount) if rows else ()
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
                proviso=command.proviso or got.proviso,
                electronic=command.electronic,
                card_amount=by_card,
                stamp_duty=0 if free else stamp_duty(dutiable(amount, tax, by_card)),
                # Without its tax a paper is no invoice, so it does not look like one.
                registration_no=None
                if got.rows is None
                else registration_no(state.settings.get("registration_no")),
                deposit=got.rows is None and "layaway_id" in got.names,
            )
        )
        rows, left, card = left_of(rows, taxes), left - amount, card - by_card
    return [ReceiptIssued(**got.names, receipts=tuple(made))]


def _movable(got: Got, formal_id: str, move: FormalMove) -> FormalReceipt:
    found = next((receipt for receipt in got.formal if receipt.formal_id == formal_id), None)
    if found is None:
        raise NotFound(kind="formal receipt", id=formal_id)
    if (found.status, move) not in NEXT:
        raise Conflict(reason=f"The receipt {found.formal_no} was {found.status}.")
    return found


def _reissue(state: State, command: ReissueFormalReceipt, at: At, got: Got) -> list[Fact]:
    receipt = _movable(got, command.formal_id, FormalMove.REISSUE)
    again = replace(receipt, reissues=receipt.reissues + 1)
    return [ReceiptReissued(**got.names, receipt=again, reason=command.reason)]


def _withdraw(state: State, command: WithdrawFormalReceipt, at: At, got: Got) -> list[Fact]:
    receipt = _movable(got, command.formal_id, FormalMove.WITHDRAW)
    gone = replace(receipt, status="withdrawn", reason=command.reason)
    return [ReceiptWithdrawn(**got.names, receipt=gone, reason=command.reason)]


def _over(find: Callable[[State, At], Got], move: Callable[..., list[Fact]]) -> Callable[..., list[Fact]]:
    return lambda state, command, at: move(state, command, at, find(state, at))


DECISIONS: dict[type[Any], Any] = {
    IssueFormalReceipts: _over(_of_sale, _issue),
    ReissueFormalReceipt: _over(_of_sale, _reissue),
    WithdrawFormalReceipt: _over(_of_sale, _withdraw),
    IssueDepositReceipts: _over(_of_deposit, _issue),
    ReissueDepositReceipt: _over(_of_deposit, _reissue),
    WithdrawDepositReceipt: _over(_of_deposit, _withdraw),
    IssueAccountReceipts: _over(_of_payment, _issue),
    ReissueAccountReceipt: _over(_of_payment, _reissue),
    WithdrawAccountReceipt: _over(_of_payment, _withdraw),
}
