"""What the facts of formal receipts mean for their sales."""

from __future__ import annotations

from msgspec.structs import replace

from hub.domain.evolve_numbers import number_used
from hub.domain.evolve_sales import sale_of
from hub.domain.facts_receipt import ReceiptIssued, ReceiptReissued, ReceiptWithdrawn
from hub.domain.formal import FormalReceipt
from hub.domain.state import Meta, State


def receipt_issued(state: State, fact: ReceiptIssued, meta: Meta) -> None:
    sale = sale_of(state, fact.sale_id)
    state.sales.put(fact.sale_id, replace(sale, formal=(*sale.formal, *fact.receipts)))
    for receipt in fact.receipts:
        number_used(state, receipt.formal_no, "formal", fact.sale_id, meta)


def receipt_reissued(state: State, fact: ReceiptReissued, meta: Meta) -> None:
    _replace(state, fact.sale_id, fact.receipt)


def receipt_withdrawn(state: State, fact: ReceiptWithdrawn, meta: Meta) -> None:
    _replace(state, fact.sale_id, fact.receipt)


def _replace(state: State, sale_id: str, receipt: FormalReceipt) -> None:
    sale = sale_of(state, sale_id)
    formal = tuple(receipt if mine.formal_id == receipt.formal_id else mine for mine in sale.formal)
    state.sales.put(sale_id, replace(sale, formal=formal))
