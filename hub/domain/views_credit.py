"""What readers see of deferred payments and accounts."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import msgspec

from hub.domain.credit import Account, Payment

Due = Literal["later", "soon", "over"]


def due_of(payment: Payment, unix_s: float) -> Due | None:
    """How near the time is by which the answer must be known; None when nobody waits for it."""
    if payment.status != "pending":
        return None
    if unix_s >= datetime.fromisoformat(payment.due_at).timestamp():
        return "over"
    return "soon" if unix_s >= datetime.fromisoformat(payment.warn_at).timestamp() else "later"


def payment_view(payment: Payment, unix_s: float) -> dict[str, Any]:
    return {
        "status": payment.status,
        "reference": None,
        "tenders": [],
        "reason": "",
        "ended_at": None,
        **msgspec.to_builtins(payment),
        "due": due_of(payment, unix_s),
    }


def account_view(account: Account) -> dict[str, Any]:
    return {
        "account_id": account.account_id,
        "name": account.name,
        "charged": account.charged,
        "paid": account.paid,
        "balance": account.balance,
        "last_at": account.last_at,
    }
