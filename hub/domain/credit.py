"""Money that comes later: payments that wait for their answer (支払保留), and accounts (売掛)."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

from hub.domain.formal import FormalReceipt
from hub.domain.menu import TenderKind
from hub.domain.sale import Tender

# pending: taken for paid, the answer is not known yet.  settled: the money came, as it was said or in another way.
# failed: it did not come, the guest still owes it.  cancelled: the sale was voided, nobody owes anything.
PaymentStatus = Literal["pending", "settled", "failed", "cancelled"]
OPEN: Final = ("pending", "failed")


class PaymentMove(StrEnum):
    SETTLE = "settle"
    FAIL = "fail"
    CANCEL = "cancel"


PAYMENT_NEXT: Final[dict[tuple[PaymentStatus, PaymentMove], PaymentStatus]] = {
    ("pending", PaymentMove.SETTLE): "settled",
    ("pending", PaymentMove.FAIL): "failed",
    ("pending", PaymentMove.CANCEL): "cancelled",
    ("failed", PaymentMove.SETTLE): "settled",
    ("failed", PaymentMove.CANCEL): "cancelled",
}

# received: lowers what the account owes.  reversed: booked back, it never counted.
ReceivedStatus = Literal["received", "reversed"]


class ReceivedMove(StrEnum):
    REVERSE = "reverse"


RECEIVED_NEXT: Final[dict[tuple[ReceivedStatus, ReceivedMove], ReceivedStatus]] = {
    ("received", ReceivedMove.REVERSE): "reversed",
}


class Payment(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A tender of a sale whose answer is awaited. due_at: when it must be known; warn_at: when staff is reminded.

    ended_on: the business date on which it left `pending` or `failed` for good.
    """

    payment_id: str
    sale_id: str
    receipt_no: str
    method: str
    name: str
    kind: TenderKind
    amount: int
    deferred_at: str
    due_at: str
    warn_at: str
    business_date: str
    register_id: str
    status: PaymentStatus = "pending"
    reference: str | None = None
    tenders: tuple[Tender, ...] = ()
    reason: str = ""
    ended_at: str | None = None
    ended_on: str | None = None

    @property
    def open(self) -> bool:
        return self.status in OPEN


class Account(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What someone owes. balance = charged - paid. An account of a known customer has the customer's id.

    last_at: when it moved last. last_seq: by which entry, 0 in what an earlier version saved.
    """

    account_id: str
    name: str = ""
    charged: int = 0
    paid: int = 0
    last_at: str = ""
    last_seq: int = 0

    @property
    def balance(self) -> int:
        return self.charged - self.paid


MoveKind = Literal["charge", "void", "refund", "payment", "reversal"]


class AccountMove(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One line of an account's ledger. amount: what it adds to what is owed. balance: after it.

    about: the id of the sale, or of the payment. key: its place in the ledger, in the order of booking.
    seq: of the entry that booked it, 0 in what an earlier version saved. at, business_date: what that said; read, they
    are the right ones (docs/time.md).
    """

    key: str
    account_id: str
    kind: MoveKind
    about: str
    receipt_no: str
    amount: int
    balance: int
    at: str
    business_date: str
    seq: int = 0


def account_key(seq: int, epoch: str, kind: MoveKind, account_id: str) -> str:
    """Of a line that was lost and came back: the seq of the entry that brought it, and the epoch of its own."""
    return f"{seq:012d}.{epoch}.{kind}.{account_id}"


class Received(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A payment on account."""

    payment_id: str
    account_id: str
    receipt_no: str
    amount: int
    tenders: tuple[Tender, ...]
    at: str
    business_date: str
    register_id: str
    status: ReceivedStatus = "received"
    reason: str = ""
    formal: tuple[FormalReceipt, ...] = ()
