"""What the facts of formal receipts mean for the sale, the layaway or the payment on account that they are over."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from hub.domain.evolve_floor import Misfit
from hub.domain.evolve_numbers import number_used
from hub.domain.facts_receipt import OfReceipt, ReceiptIssued, ReceiptReissued, ReceiptWithdrawn
from hub.domain.formal import FormalReceipt
from hub.domain.shelf import Shelf
from hub.domain.state import Meta, State


def receipt_issued(state: State, fact: ReceiptIssued, meta: Meta) -> None:
    shelf, found = _got(state, fact)
    shelf.put(fact.about, replace(found, formal=(*found.formal, *fact.receipts)))
    for receipt in fact.receipts:
        number_used(state, receipt.formal_no, "formal", fact.about, meta)


def receipt_reissued(state: State, fact: ReceiptReissued, meta: Meta) -> None:
    _replace(state, fact, fact.receipt)


def receipt_withdrawn(state: State, fact: ReceiptWithdrawn, meta: Meta) -> None:
    _replace(state, fact, fact.receipt)


def _got(state: State, fact: OfReceipt) -> tuple[Shelf[Any], Any]:
    shelf: Shelf[Any] = state.received
    if fact.sale_id is not None:
        shelf = state.sales
    elif fact.layaway_id is not None:
        shelf = state.layaways
    found = shelf.get(fact.about)
    if found is None:
        raise Misfit(f"{fact.subject()} is not there")
    return shelf, found


def _replace(state: State, fact: OfReceipt, receipt: FormalReceipt) -> None:
    shelf, found = _got(state, fact)
    formal = tuple(receipt if mine.formal_id == receipt.formal_id else mine for mine in found.formal)
    shelf.put(fact.about, replace(found, formal=formal))
