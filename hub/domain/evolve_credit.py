"""What the facts of money that comes later mean for payments, sales and accounts."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hub.domain import evolve_day
from hub.domain.credit import (
    PAYMENT_NEXT,
    Account,
    AccountMove,
    MoveKind,
    Payment,
    PaymentMove,
    PaymentStatus,
    Received,
    account_key,
)
from hub.domain.evolve_floor import Misfit
from hub.domain.evolve_numbers import number_used
from hub.domain.facts_credit import (
    AccountPaid,
    AccountReversed,
    PaymentDeferred,
    PaymentFailed,
    PaymentSettled,
)
from hub.domain.formal import withdrawn
from hub.domain.sale import Sale, Tender
from hub.domain.state import Meta, State


def payment_deferred(state: State, fact: PaymentDeferred, meta: Meta) -> None:
    state.payments.put(
        fact.payment_id,
        Payment(
            payment_id=fact.payment_id,
            sale_id=fact.sale_id,
            receipt_no=fact.receipt_no,
            method=fact.method,
            name=fact.name,
            kind=fact.kind,
            amount=fact.amount,
            deferred_at=meta.time,
            due_at=fact.due_at,
            warn_at=fact.warn_at,
            business_date=meta.business_date,
            register_id=fact.register_id,
            reference=fact.reference,
        ),
    )


def _moved(state: State, payment_id: str, move: PaymentMove) -> tuple[Payment, PaymentStatus]:
    payment = state.payments.get(payment_id)
    if payment is None or (payment.status, move) not in PAYMENT_NEXT:
        raise Misfit(f"payment {payment_id} cannot {move.value}")
    return payment, PAYMENT_NEXT[payment.status, move]


def _sale(state: State, payment: Payment) -> Sale:
    sale = state.sales.get(payment.sale_id)
    if sale is None:
        raise Misfit(f"sale {payment.sale_id} is not there")
    return sale


def payment_settled(state: State, fact: PaymentSettled, meta: Meta) -> None:
    payment, status = _moved(state, fact.payment_id, PaymentMove.SETTLE)
    sale = _sale(state, payment)
    paid: list[Tender] = []
    for tender in sale.tenders:
        if tender.payment_id != payment.payment_id:
            paid.append(tender)
        elif fact.tenders:
            paid += fact.tenders
        else:
            paid.append(replace(tender, unpaid=None, reference=fact.reference or tender.reference))
    state.sales.put(sale.sale_id, replace(sale, tenders=tuple(paid), change=sale.change + fact.change))
    state.payments.put(
        payment.payment_id,
        replace(
            payment,
            status=status,
            tenders=fact.tenders,
            reference=fact.reference or payment.reference,
            ended_at=meta.time,
            ended_on=meta.business_date,
        ),
    )
    evolve_day.retendered(state, fact.taken_off, -1, meta, fact.taken_off_at)
    evolve_day.retendered(state, fact.tenders, 1, meta, fact.register_id)


def payment_failed(state: State, fact: PaymentFailed, meta: Meta) -> None:
    payment, status = _moved(state, fact.payment_id, PaymentMove.FAIL)
    sale = _sale(state, payment)
    tenders = tuple(
        replace(tender, unpaid="failed") if tender.payment_id == payment.payment_id else tender
        for tender in sale.tenders
    )
    state.sales.put(sale.sale_id, replace(sale, tenders=tenders))
    state.payments.put(payment.payment_id, replace(payment, status=status, reason=fact.reason))
    evolve_day.retendered(state, fact.taken_off, -1, meta, fact.register_id)


def cancel_payments(state: State, sale: Sale, meta: Meta) -> None:
    """The sale was voided: nobody waits for its payments any more."""
    for tender in sale.tenders:
        payment = None if tender.payment_id is None else state.payments.get(tender.payment_id)
        if payment is not None and (payment.status, PaymentMove.CANCEL) in PAYMENT_NEXT:
            state.payments.put(
                payment.payment_id,
                replace(payment, status="cancelled", ended_at=meta.time, ended_on=meta.business_date),
            )


def charge(
    state: State,
    tenders: Sequence[Tender],
    sign: int,
    kind: MoveKind,
    about: str,
    receipt_no: str,
    meta: Meta,
) -> None:
    """Book the tenders that went on account (sign 1), or came back off it (-1)."""
    for tender in tenders:
        if tender.account_id is not None:
            _book(
                state, tender.account_id, kind, about, receipt_no, meta,
                charged=sign * tender.amount, name=tender.account_name,
            )  # fmt: skip


def _book(
    state: State,
    account_id: str,
    kind: MoveKind,
    about: str,
    receipt_no: str,
    meta: Meta,
    *,
    charged: int = 0,
    paid: int = 0,
    name: str = "",
) -> None:
    account = state.accounts.get(account_id) or Account(account_id=account_id)
    # Not by time: that may be corrected, and the balances are those of this order.
    seq = meta.held_by or meta.seq
    account = replace(
        account,
        name=account.name or name,
        charged=account.charged + charged,
        paid=account.paid + paid,
        last_at=meta.time,
        last_seq=seq,
    )
    state.accounts.put(account_id, account)
    key = account_key(seq, meta.epoch, kind, account_id)
    had = state.account_moves.get(key)
    state.account_moves.put(
        key,
        AccountMove(
            key=key,
            account_id=account_id,
            kind=kind,
            about=about,
            receipt_no=receipt_no,
            amount=charged - paid + (had.amount if had is not None else 0),
            balance=account.balance,
            at=meta.time,
            business_date=meta.business_date,
            seq=seq,
        ),
    )


def account_paid(state: State, fact: AccountPaid, meta: Meta) -> None:
    _book(state, fact.account_id, "payment", fact.payment_id, fact.receipt_no, meta, paid=fact.amount)
    number_used(state, fact.receipt_no, "payment", fact.account_id, meta, register_id=fact.register_id)
    state.received.put(
        fact.payment_id,
        Received(
            payment_id=fact.payment_id,
            account_id=fact.account_id,
            receipt_no=fact.receipt_no,
            amount=fact.amount,
            tenders=fact.tenders,
            at=meta.time,
            business_date=meta.business_date,
            register_id=fact.register_id,
        ),
    )
    evolve_day.took(state, fact.register_id, fact.tenders, 1, meta)


def account_reversed(state: State, fact: AccountReversed, meta: Meta) -> None:
    payment = state.received.get(fact.payment_id)
    if payment is None or payment.status != "received":
        raise Misfit(f"payment {fact.payment_id} is not there to be reversed")
    _book(state, fact.account_id, "reversal", fact.payment_id, fact.receipt_no, meta, paid=-fact.amount)
    state.received.put(
        fact.payment_id,
        replace(payment, status="reversed", reason=fact.reason, formal=withdrawn(payment.formal)),
    )
    evolve_day.took(state, fact.register_id, fact.tenders, -1, meta)
