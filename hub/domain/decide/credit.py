"""Deferred payments and payments on account."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from hub.domain.commands_credit import FailPayment, PayAccount, ReversePayment, SettlePayment
from hub.domain.credit import PAYMENT_NEXT, RECEIVED_NEXT, Payment, PaymentMove, ReceivedMove
from hub.domain.decide.at import At
from hub.domain.decide.sales import find_sale, next_receipt_no
from hub.domain.decide.tenders import accepted, change_of
from hub.domain.errors import Conflict, InvalidRequest, NotFound
from hub.domain.facts import Fact
from hub.domain.facts_credit import AccountPaid, AccountReversed, PaymentFailed, PaymentSettled
from hub.domain.sale import Tender
from hub.domain.state import State


def _movable(state: State, at: At, move: PaymentMove) -> tuple[Payment, Tender]:
    """The payment, and the tender of its sale."""
    payment = state.payments.get(at.target)
    if payment is None:
        raise NotFound(kind="payment", id=at.target)
    if (payment.status, move) not in PAYMENT_NEXT:
        raise Conflict(reason=f"The payment was {payment.status} already.")
    sale = find_sale(state, payment.sale_id)
    tender = next((tender for tender in sale.tenders if tender.payment_id == payment.payment_id), None)
    if tender is None:
        raise Conflict(reason="The sale does not have this payment any more.")
    return payment, tender


def settle_payment(state: State, command: SettlePayment, at: At) -> list[Fact]:
    payment, tender = _movable(state, at, PaymentMove.SETTLE)
    # A failed one counts no more; what comes now counts anew, be it what was said at first.
    counted = payment.status == "pending"
    sure = replace(tender, unpaid=None, reference=command.reference or tender.reference)
    tenders: tuple[Tender, ...] = () if counted else (sure,)
    if command.tenders:
        paid = accepted(state, command.tenders, payment.amount, at, purpose="debt")
        tenders = tuple(replace(one, payment_id=payment.payment_id) for one in paid)
    return [
        PaymentSettled(
            payment_id=payment.payment_id,
            sale_id=payment.sale_id,
            receipt_no=payment.receipt_no,
            amount=payment.amount,
            taken_off=(sure,) if counted and command.tenders else (),
            taken_off_at=payment.register_id,
            tenders=tenders,
            change=change_of(tenders),
            reference=command.reference,
            register_id=_drawer(at, command.register_id, payment.register_id),
        )
    ]


def _drawer(at: At, named: str | None, begun: str) -> str:
    """Whose drawer it goes through: the one that is named, the device's own, or where it began."""
    return named or (at.device.device_id if at.device.role == "register" else begun)


def fail_payment(state: State, command: FailPayment, at: At) -> list[Fact]:
    payment, tender = _movable(state, at, PaymentMove.FAIL)
    return [
        PaymentFailed(
            payment_id=payment.payment_id,
            sale_id=payment.sale_id,
            receipt_no=payment.receipt_no,
            amount=payment.amount,
            taken_off=(replace(tender, unpaid=None),),
            reason=command.reason,
            register_id=payment.register_id,
        )
    ]


def pay_account(state: State, command: PayAccount, at: At) -> list[Fact]:
    account = state.accounts.get(at.target)
    if account is None:
        raise NotFound(kind="account", id=at.target)
    amount = sum(tender.amount for tender in command.tenders)
    if not 0 < amount <= account.balance:
        raise InvalidRequest.at("tenders", f"come to {amount}; the account owes {account.balance}")
    tenders = accepted(state, command.tenders, amount, at, purpose="debt")
    return [
        AccountPaid(
            account_id=account.account_id,
            payment_id=at.mint(),
            receipt_no=next_receipt_no(state),
            amount=amount,
            balance=account.balance - amount,
            tenders=tenders,
            change=change_of(tenders),
            register_id=command.register_id or at.device.device_id,
            note=command.note,
        )
    ]


def reverse_payment(state: State, command: ReversePayment, at: At) -> list[Fact]:
    payment = state.received.get(at.target)
    account = None if payment is None else state.accounts.get(payment.account_id)
    if payment is None or account is None:
        raise NotFound(kind="payment on account", id=at.target)
    if (payment.status, ReceivedMove.REVERSE) not in RECEIVED_NEXT:
        raise Conflict(reason=f"The payment was {payment.status} already.")
    return [
        AccountReversed(
            account_id=account.account_id,
            payment_id=payment.payment_id,
            receipt_no=payment.receipt_no,
            amount=payment.amount,
            balance=account.balance + payment.amount,
            tenders=payment.tenders,
            reason=command.reason,
            register_id=_drawer(at, command.register_id, payment.register_id),
        )
    ]


DECISIONS: dict[type[Any], Any] = {
    SettlePayment: settle_payment,
    FailPayment: fail_payment,
    PayAccount: pay_account,
    ReversePayment: reverse_payment,
}
