"""The shapes of what is read of receipts and the till's ledgers, for the OpenAPI document."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from hub.domain.invoices import FormalPaper, ReturnInvoice
from hub.domain.numbering import NumberRow
from hub.domain.receipt import ReceiptView


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


VIEWS: Final[dict[str, type[Struct]]] = {
    view.__name__: view for view in (ReceiptView, ReturnInvoiceList, FormalReceiptList, NumberList)
}
