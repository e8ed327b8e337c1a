"""What carries the time of an entry, and gets another when that turns out to have been wrong. Pure."""

from __future__ import annotations

from hub.domain.band import BY_HAND
from hub.domain.fact import Fact
from hub.domain.facts import (
    CheckAborted,
    CheckMerged,
    CheckOpened,
    CheckSplit,
    DevicePaired,
    DeviceRevoked,
    MasterApplied,
    PlanStarted,
    PlanStopped,
    SaleCompleted,
    SaleRefunded,
    SaleVoided,
)
from hub.domain.facts_band import BandSwitched
from hub.domain.facts_clock import Thing
from hub.domain.facts_credit import AccountPaid, AccountReversed, PaymentDeferred, PaymentSettled
from hub.domain.facts_customer import PointsChanged
from hub.domain.facts_day import RegisterSettled
from hub.domain.facts_layaway import LayawayCancelled, LayawayCompleted, LayawayOpened
from hub.domain.facts_receipt import ReceiptIssued
from hub.domain.facts_staff import ApprovalAsked, ApprovalDenied, ApprovalGranted, ApprovalUsed, StaffSignedIn
from hub.domain.register import register_key
from hub.domain.sale import Tender


def visitor_of(fact: Fact | None) -> str | None:
    """The customer whose points do not expire for a while because of this."""
    if isinstance(fact, SaleCompleted):
        return fact.customer_id if fact.points_used or fact.points_granted else None
    return fact.customer_id if isinstance(fact, PointsChanged) and fact.kind == "adjusted" else None


def things_of(fact: Fact, by_ms: int, was: str, date: str, at: str, seq: int) -> list[Thing]:
    """What carries a time of this entry: so much too early, on a business day that is `date` and seemed to be `was`.

    at: the time that the entry had. seq: the entry's.
    """
    match fact:
        case SaleCompleted():
            found = [Thing("sale", fact.sale_id, by_ms, date, number=fact.receipt_no)]
            if (visitor := visitor_of(fact)) is not None:
                found.append(Thing("customer", visitor, by_ms, date, was=was, points=fact.points_used))
            if fact.check_id is not None:
                found.append(Thing("check_end", fact.check_id, by_ms, date, at=at))
            return found + _accounts(fact.tenders, by_ms, date, at, seq)
        case SaleVoided():
            waited = [tender.payment_id for tender in fact.tenders if tender.payment_id is not None]
            return [
                Thing("void", fact.sale_id, by_ms, date, at=at),
                *(Thing("payment_end", payment_id, by_ms, date, at=at) for payment_id in waited),
                *_accounts(fact.tenders, by_ms, date, at, seq),
            ]
        case SaleRefunded():
            refund = Thing("refund", fact.sale_id, by_ms, date, part=fact.refund_id, number=fact.refund_no)
            return [refund, *_accounts(fact.tenders, by_ms, date, at, seq)]
        case MasterApplied():
            return [
                Thing("customer", change.id, by_ms, date, part="opening", was=was)
                for change in fact.changes
                if change.kind == "customer" and isinstance(change.value, dict) and change.value.get("points")
            ] + [
                Thing("device_end", change.id, by_ms, date, at=at)
                for change in fact.changes
                if change.kind == "device_revoked"
            ]
        case PointsChanged(kind="adjusted"):
            return [Thing("customer", fact.customer_id, by_ms, date, was=was)]
        case AccountPaid():
            paid = Thing("received", fact.payment_id, by_ms, date, number=fact.receipt_no)
            return [paid, Thing("account", fact.account_id, by_ms, date, part=str(seq), at=at)]
        case AccountReversed():
            return [Thing("account", fact.account_id, by_ms, date, part=str(seq), at=at)]
        case LayawayOpened():
            return [Thing("layaway", fact.layaway_id, by_ms, date, number=fact.deposit_no or "")]
        case LayawayCompleted() | LayawayCancelled():
            return [Thing("layaway_end", fact.layaway_id, by_ms, date, at=at)]
        case ReceiptIssued():
            return [Thing("number", receipt.formal_no, by_ms, date) for receipt in fact.receipts]
        case CheckOpened():
            return [Thing("check", fact.check_id, by_ms, date)]
        case CheckSplit():
            return [Thing("check", fact.new_check_id, by_ms, date)]
        case CheckMerged():
            return [Thing("check_end", fact.merged_check_id, by_ms, date, at=at)]
        case CheckAborted():
            return [Thing("check_end", fact.check_id, by_ms, date, at=at)]
        case PlanStarted():
            return [Thing("plan", fact.check_id, by_ms, date, part=fact.plan.plan_id)]
        case PaymentDeferred():
            return [Thing("payment", fact.payment_id, by_ms, date)]
        case PaymentSettled():
            return [Thing("payment_end", fact.payment_id, by_ms, date, at=at)]
        case StaffSignedIn():
            return [Thing("session", fact.device_id, by_ms, date, part=fact.session_id)]
        case PlanStopped():
            return [Thing("plan_end", fact.check_id, by_ms, date, part=fact.plan.plan_id, at=at)]
        case ApprovalAsked():
            return [Thing("approval", fact.approval_id, by_ms, date)]
        case ApprovalGranted() | ApprovalDenied():
            return [Thing("approval_end", fact.approval_id, by_ms, date, at=at)]
        case ApprovalUsed():
            return [Thing("approval_use", fact.approval_id, by_ms, date, at=at)]
        case DevicePaired():
            return [Thing("device", fact.device_id, by_ms, date, at=at)]
        case DeviceRevoked():
            return [Thing("device_end", fact.device_id, by_ms, date, at=at)]
        case RegisterSettled():
            drawer = register_key(date, fact.register_id)
            return [Thing("settlement", drawer, by_ms, date, part=str(seq), at=at)]
        case BandSwitched():
            return [Thing("band", BY_HAND, by_ms, date, at=at)]
        case _:
            return []


def _accounts(tenders: tuple[Tender, ...], by_ms: int, date: str, at: str, seq: int) -> list[Thing]:
    named = dict.fromkeys(tender.account_id for tender in tenders)
    return [
        Thing("account", account_id, by_ms, date, part=str(seq), at=at)
        for account_id in named
        if account_id is not None
    ]
