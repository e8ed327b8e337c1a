"""Deferred payments and accounts."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands_credit as commands
from hub.domain import facts_credit as facts

_CASH: Final = [{"method": "cash", "amount": 5000}]

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "POST", "/v1/payments/{id}/settle", commands.SettlePayment, facts.PaymentSettled, ("sale",),
        "A deferred payment came", refusals=("conflict", "tender-mismatch", "tender-offline"),
        example={"reference": "qr 0042"},
    ),
    Write(
        "POST", "/v1/payments/{id}/fail", commands.FailPayment, facts.PaymentFailed, ("sale.correct",),
        "A deferred payment did not come", refusals=("conflict",), example={"reason": "refused by the provider"},
    ),
    Write(
        "POST", "/v1/accounts/{id}/payments", commands.PayAccount, facts.AccountPaid, ("sale",),
        "A payment on account (売掛入金)", 201, refusals=("tender-offline",), example={"tenders": _CASH},
    ),
    Write(
        "POST", "/v1/account-payments/{id}/reverse", commands.ReversePayment, facts.AccountReversed,
        ("sale.correct",), "Book a payment on account back", refusals=("conflict",), example={"reason": "bounced"},
    ),
)  # fmt: skip
