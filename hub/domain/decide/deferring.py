"""Tenders of a sale that are paid later: which account they go on, and until when their answer is awaited."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from hub.domain.commands_sale import TenderIn
from hub.domain.decide.at import At
from hub.domain.decide.customers import standing_for
from hub.domain.errors import InvalidRequest
from hub.domain.facts_credit import PaymentDeferred
from hub.domain.facts_sale import SaleCompleted
from hub.domain.menu import TenderMethod
from hub.domain.state import State

# Kinds whose answer comes from elsewhere, so that it can be late.
DEFERRABLE: Final = ("card", "emoney", "qr", "voucher", "other")
# Minutes that a deferred payment may take, and how long before its end staff is reminded; and the settings for both.
LIMIT_MINUTES: Final = 60
WARNING_MINUTES: Final = 15
LIMIT_SETTING: Final = "deferred_minutes"
WARNING_SETTING: Final = "deferred_warning_minutes"
# Sales on account that a device took without saying on whose.
NOBODY: Final = "unassigned"


def account_of(state: State, tender: TenderIn, customer_id: str | None, at: At, path: str) -> tuple[str, str]:
    """(account id, name) that the tender goes on. A name alone finds the account of that name, or opens one.

    Raises InvalidRequest when nobody is named, or nobody who is known.
    """
    wanted = tender.account_id or (None if tender.account_name else customer_id)
    if wanted is not None:
        if state.accounts.get(wanted) is not None:
            return wanted, tender.account_name
        customer = standing_for(state, customer_id)
        if customer is None or wanted not in (customer_id, customer.id):
            raise InvalidRequest.at(
                f"{path}.account_id", f"neither an account nor the sale's customer: {wanted}"
            )
        return customer.id, tender.account_name
    if not tender.account_name:
        raise InvalidRequest.at(f"{path}.account_id", "on account needs a customer, an account or a name")
    for account_id, account in state.accounts.items():
        if account.name == tender.account_name:
            return account_id, tender.account_name
    return at.mint(), tender.account_name


def refuse_deferring(tender: TenderIn, method: TenderMethod, path: str) -> None:
    if method.kind not in DEFERRABLE:
        raise InvalidRequest.at(f"{path}.deferred", f"a tender of kind {method.kind} cannot be deferred")


def deferrals(
    state: State,
    asked: Sequence[TenderIn],
    sold: SaleCompleted,
    at: At,
) -> list[PaymentDeferred]:
    """A fact for each tender of the sale that is deferred, in their order.

    Raises InvalidRequest for a time that is none.
    """
    now = datetime.fromisoformat(at.stamp.time)
    found = []
    for index, (wish, tender) in enumerate(zip(asked, sold.tenders, strict=False)):
        if tender.payment_id is None or wish.deferred is None:
            continue
        due = now + timedelta(minutes=_minutes(state, LIMIT_SETTING, LIMIT_MINUTES))
        if wish.deferred.due_at is not None:
            due = _instant(wish.deferred.due_at, now, f"tenders[{index}].deferred.due_at")
        warn = max(now, due - timedelta(minutes=_minutes(state, WARNING_SETTING, WARNING_MINUTES)))
        found.append(
            PaymentDeferred(
                payment_id=tender.payment_id,
                sale_id=sold.sale_id,
                receipt_no=sold.receipt_no,
                amount=tender.amount,
                method=tender.method,
                name=tender.name,
                kind=tender.kind,
                due_at=due.isoformat(timespec="milliseconds"),
                warn_at=warn.isoformat(timespec="milliseconds"),
                register_id=sold.register_id,
                reference=tender.reference,
            )
        )
    return found


def _minutes(state: State, name: str, default: int) -> int:
    """A setting; a word that is no number of minutes must not stop the till."""
    text = state.settings.get(name) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else default


def _instant(text: str, now: datetime, path: str) -> datetime:
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidRequest.at(path, "is no time of RFC 3339") from error
    if when.tzinfo is None:
        raise InvalidRequest.at(path, "needs an offset")
    if when <= now:
        raise InvalidRequest.at(path, "has passed")
    return when.astimezone(now.tzinfo)
