"""Facts about money that comes later. register_id: whose drawer its tenders go through."""

from __future__ import annotations

from typing import ClassVar

from hub.domain.fact import Fact
from hub.domain.menu import TenderKind
from hub.domain.sale import Tender


class OfPayment(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """A fact about one deferred payment of a sale."""

    payment_id: str
    sale_id: str
    receipt_no: str
    amount: int
    register_id: str

    def subject(self) -> str:
        return f"payments/{self.payment_id}"


class PaymentDeferred(OfPayment, frozen=True, omit_defaults=True, kw_only=True):
    """A tender of the sale, which has the payment's id, is taken for paid until `due_at`."""

    TYPE: ClassVar[str] = "payment.deferred"
    method: str
    name: str
    kind: TenderKind
    due_at: str
    warn_at: str
    reference: str | None = None


class PaymentSettled(OfPayment, frozen=True, omit_defaults=True, kw_only=True):
    """taken_off: tenders that had counted and do so no more. tenders: those that count now instead.

    Both are empty when the money came as it was said. taken_off_at: the register that taken_off goes off.
    """

    TYPE: ClassVar[str] = "payment.settled"
    taken_off: tuple[Tender, ...] = ()
    taken_off_at: str
    tenders: tuple[Tender, ...] = ()
    change: int = 0
    reference: str | None = None


class PaymentFailed(OfPayment, frozen=True, omit_defaults=True, kw_only=True):
    """taken_off: the tender that counts no more."""

    TYPE: ClassVar[str] = "payment.failed"
    taken_off: tuple[Tender, ...]
    reason: str


class OfAccount(Fact, frozen=True, omit_defaults=True, kw_only=True):
    account_id: str
    payment_id: str
    receipt_no: str
    amount: int
    balance: int
    tenders: tuple[Tender, ...]
    register_id: str

    def subject(self) -> str:
        return f"accounts/{self.account_id}"


class AccountPaid(OfAccount, frozen=True, omit_defaults=True, kw_only=True):
    """balance: what is owed after it. receipt_no: the payment's own."""

    TYPE: ClassVar[str] = "account.paid"
    change: int
    note: str = ""


class AccountReversed(OfAccount, frozen=True, omit_defaults=True, kw_only=True):
    """The payment's tenders go back."""

    TYPE: ClassVar[str] = "account.reversed"
    reason: str


CREDIT_FACTS = (PaymentDeferred, PaymentSettled, PaymentFailed, AccountPaid, AccountReversed)
