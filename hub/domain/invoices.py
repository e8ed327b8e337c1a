"""Papers beside the receipt, as data: return invoices (適格返還請求書) and formal receipts (領収書)."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from hub.domain.credit import Received
from hub.domain.formal import FormalReceipt, FormalStatus
from hub.domain.layaway import Layaway
from hub.domain.receipt import registration_no
from hub.domain.reckoning import TaxRow
from hub.domain.sale import Refund, Sale
from hub.domain.state import State

# Consumption Tax Act, art. 57-4(3), and its order, art. 70-9(3)2: under this, tax included, none need be given.
RETURN_WAIVED_BELOW: Final = 10_000


class ReturnLine(Struct, frozen=True):
    """reduced: carries the mark of the reduced rate. amount: after discounts, in the line's price."""

    name: str
    quantity: int
    amount: int
    reduced: bool


class ReturnInvoice(Struct, frozen=True, kw_only=True):
    """What a 適格返還請求書 says: issuer and number, the days of return and of sale, items, totals and tax per rate.

    required: whether the law asks for it (10,000 yen or more, tax included).
    """

    refund_id: str
    refund_no: str
    store_name: str
    registration_no: str | None
    issued_at: str
    returned_on: str
    sold_on: str
    receipt_no: str
    lines: tuple[ReturnLine, ...]
    taxes: tuple[TaxRow, ...]
    total: int
    required: bool


class FormalPaper(Struct, frozen=True, kw_only=True):
    """What a 領収書 says. mark: 再発行 on a copy. stamp_box: whether the paper has a box for a stamp of stamp_duty yen.

    card_amount: more than 0 puts クレジットカード利用 and the amount on the paper. sold_on: the day of the sale, the
    deposit or the payment.
    """

    formal_id: str
    formal_no: str
    status: FormalStatus
    mark: str
    store_name: str
    address: str
    phone: str
    registration_no: str | None
    addressee: str
    proviso: str
    issued_at: str
    receipt_no: str
    sold_on: str
    amount: int
    taxes: tuple[TaxRow, ...]
    card_amount: int
    electronic: bool
    stamp_box: bool
    stamp_duty: int
    reissues: int


def return_invoices(sale: Sale, state: State, *, store_name: str = "") -> list[ReturnInvoice]:
    """One for each refund of the sale, oldest first. store_name: for a store whose settings do not name it."""
    return [_return_invoice(sale, refund, state, store_name) for refund in sale.refunds]


def _return_invoice(sale: Sale, refund: Refund, state: State, store_name: str) -> ReturnInvoice:
    settings = state.settings.committed
    reduced = {line.line_id: line.tax_class == "reduced" for line in sale.lines}
    return ReturnInvoice(
        refund_id=refund.refund_id,
        refund_no=refund.refund_no,
        store_name=settings.get("store_name") or store_name,
        registration_no=registration_no(settings.get("registration_no")),
        issued_at=refund.at,
        returned_on=refund.business_date,
        sold_on=sale.business_date,
        receipt_no=sale.receipt_no,
        lines=tuple(
            ReturnLine(line.name, line.quantity, line.amount, reduced.get(line.line_id, False))
            for line in refund.lines
        ),
        taxes=refund.taxes,
        total=refund.total,
        required=refund.total >= RETURN_WAIVED_BELOW,
    )


def formal_papers(got: Sale | Layaway | Received, state: State, *, store_name: str = "") -> list[FormalPaper]:
    """Its formal receipts in the order of their numbers, those taken back as well."""
    number = (got.deposit_no or "") if isinstance(got, Layaway) else got.receipt_no
    return [
        _formal_paper(receipt, state, store_name, number=number, day=got.business_date)
        for receipt in got.formal
    ]


def _formal_paper(
    receipt: FormalReceipt, state: State, store_name: str, *, number: str, day: str
) -> FormalPaper:
    settings = state.settings.committed
    return FormalPaper(
        formal_id=receipt.formal_id,
        formal_no=receipt.formal_no,
        status=receipt.status,
        mark="再発行" if receipt.reissues else "",
        store_name=settings.get("store_name") or store_name,
        address=settings.get("store_address") or "",
        phone=settings.get("store_phone") or "",
        registration_no=receipt.registration_no,
        addressee=receipt.addressee,
        proviso=receipt.proviso,
        issued_at=receipt.issued_at,
        receipt_no=number,
        sold_on=day,
        amount=receipt.amount,
        taxes=receipt.taxes,
        card_amount=receipt.card_amount,
        electronic=receipt.electronic,
        stamp_box=receipt.stamp_duty > 0,
        stamp_duty=receipt.stamp_duty,
        reissues=receipt.reissues,
    )
