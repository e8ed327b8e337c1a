"""What a day report says of money that comes before a sale or after it: deposits, accounts, deferred payments.

None of it is a sale, so no sales figure moves; the drawer does, and `other_tenders` says by what.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from hub.domain.fact import Fact
from hub.domain.facts_credit import (
    AccountPaid,
    AccountReversed,
    PaymentDeferred,
    PaymentFailed,
    PaymentSettled,
)
from hub.domain.facts_layaway import LayawayCancelled, LayawayOpened
from hub.domain.facts_sale import SaleVoided
from hub.domain.layaway import DEPOSIT
from hub.domain.report_sums import DayReport, TenderSum
from hub.domain.sale import Tender
from hub.domain.state import Meta


def add_tenders(sums: dict[str, TenderSum], tenders: Iterable[Tender], sign: int) -> None:
    for tender in tenders:
        total = sums.setdefault(tender.method, TenderSum(tender.name, tender.kind))
        total.count += 1
        total.amount += sign * tender.amount


def paid_with(report: DayReport, tenders: Iterable[Tender]) -> None:
    """A sale was paid with these."""
    for tender in tenders:
        if tender.account_id is not None:
            report.accounts.charged.add(tender.amount)
        if tender.surplus:
            report.voucher_surplus.add(tender.surplus)
        if tender.method == DEPOSIT:
            report.deposits.used.add(tender.amount)


def voided_with(report: DayReport, fact: SaleVoided) -> None:
    """The sale counts as not made: its goods wait again, its voucher went back, nobody awaits its payments."""
    for tender in fact.tenders:
        if tender.surplus:
            report.voucher_surplus.take_back(tender.surplus)
        if tender.method == DEPOSIT:
            report.deposits.used.take_back(tender.amount)
        if tender.unpaid == "pending":
            report.deferred.cancelled.add(tender.amount)


def off_account(report: DayReport, tenders: Iterable[Tender]) -> None:
    """A void or a refund gave these back."""
    for tender in tenders:
        if tender.account_id is not None:
            report.accounts.taken_off.add(tender.amount)


def _opened(report: DayReport, fact: LayawayOpened, meta: Meta) -> None:
    if fact.deposit:
        report.deposits.taken.add(fact.deposit)
        add_tenders(report.other_tenders, fact.tenders, 1)


def _cancelled(report: DayReport, fact: LayawayCancelled, meta: Meta) -> None:
    if fact.deposit:
        report.deposits.given_back.add(fact.deposit)
        add_tenders(report.other_tenders, fact.tenders, -1)


def _paid(report: DayReport, fact: AccountPaid, meta: Meta) -> None:
    report.accounts.received.add(fact.amount)
    add_tenders(report.other_tenders, fact.tenders, 1)


def _reversed(report: DayReport, fact: AccountReversed, meta: Meta) -> None:
    report.accounts.reversed.add(fact.amount)
    add_tenders(report.other_tenders, fact.tenders, -1)


def _deferred(report: DayReport, fact: PaymentDeferred, meta: Meta) -> None:
    report.deferred.begun.add(fact.amount)


def _settled(report: DayReport, fact: PaymentSettled, meta: Meta) -> None:
    report.deferred.settled.add(fact.amount)
    add_tenders(report.tenders, fact.taken_off, -1)
    add_tenders(report.tenders, fact.tenders, 1)


def _failed(report: DayReport, fact: PaymentFailed, meta: Meta) -> None:
    report.deferred.failed.add(fact.amount)
    add_tenders(report.tenders, fact.taken_off, -1)


COUNTS: Final[dict[type[Fact], Callable[[DayReport, Any, Meta], None]]] = {
    LayawayOpened: _opened,
    LayawayCancelled: _cancelled,
    AccountPaid: _paid,
    AccountReversed: _reversed,
    PaymentDeferred: _deferred,
    PaymentSettled: _settled,
    PaymentFailed: _failed,
}
