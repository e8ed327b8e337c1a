"""The shapes of what is read of receipts and the till's ledgers, for the OpenAPI document."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from hub.domain.credit import AccountMove, Payment
from hub.domain.invoices import FormalPaper, ReturnInvoice
from hub.domain.layaway import Layaway
from hub.domain.numbering import NumberRow
from hub.domain.receipt import ReceiptView
from hub.domain.views_credit import Due


class ReturnInvoiceList(Struct):
    return_invoices: list[ReturnInvoice]


class FormalReceiptList(Struct):
    """left: what was received and has no formal receipt yet."""

    formal_receipts: list[FormalPaper]
    left: int


class NumberList(Struct):
    """series: the one that new numbers are of now; an older one ended where a box was restored or replaced."""

    business_date: str
    series: str
    numbers: list[NumberRow]
    next_cursor: str | None


class PaymentView(Payment, frozen=True, kw_only=True):
    """due: how near due_at is, while it is pending: `soon` from warn_at on, `over` from due_at on."""

    due: Due | None


class PaymentList(Struct):
    payments: list[PaymentView]
    next_cursor: str | None


class AccountView(Struct):
    """balance = charged - paid: what is owed."""

    account_id: str
    name: str
    charged: int
    paid: int
    balance: int
    last_at: str


class AccountList(Struct):
    accounts: list[AccountView]
    next_cursor: str | None


class AccountLedger(AccountView):
    moves: list[AccountMove]
    next_cursor: str | None


class LayawayView(Layaway, frozen=True, kw_only=True):
    """rest: what its lines came to, less the deposit. overdue: nobody has fetched it in time."""

    rest: int
    overdue: bool


class LayawayList(Struct):
    layaways: list[LayawayView]
    next_cursor: str | None


VIEWS: Final[dict[str, type[Struct]]] = {
    view.__name__: view for view in (
        ReceiptView, ReturnInvoiceList, FormalReceiptList, NumberList, PaymentView, PaymentList, AccountList,
        AccountLedger, LayawayView, LayawayList,
    )
}  # fmt: skip
