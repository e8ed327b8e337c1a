"""Trails: which entries of the journal are about a check, or about a sale after it was made.

A check's history is then read entry by entry, however long the journal is. The trail grows where the state evolves,
so it is the same after a restart. What an order adds is written by the order's own evolution: it is the hot path.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from hub.domain.fact import Fact, OfCheck
from hub.domain.facts import CheckOpened, OrderPlaced, SaleCompleted, SaleRefunded, SaleVoided
from hub.domain.facts_receipt import OfReceipt
from hub.domain.state import Meta, State

# Fields of facts that name a check which the fact is about.
_CHECKS: Final = ("check_id", "merged_check_id", "unmerged_check_id", "new_check_id")
# These write the trail themselves.
_OWN: Final = (CheckOpened, OrderPlaced)
# Of these the needs (hub/domain/needs.py) bring the sale to memory, so it is there in every run.
_OF_SALE: Final = (SaleVoided, SaleRefunded, OfReceipt)


def entry_of(meta: Meta) -> int:
    """The seq of the entry in this journal that holds the fact: for a lost one, that of its recovery."""
    return meta.held_by or meta.seq


def tracker(kind: type[Fact]) -> Callable[[State, Any, Meta], None] | None:
    """What writes the trails of facts of this kind; None when they need nobody to."""
    if issubclass(kind, _OF_SALE):
        return _track_sale
    if kind in _OWN or not issubclass(kind, (OfCheck, SaleCompleted)):
        return None
    names = {field.name for field in msgspec.structs.fields(kind)}
    about = [name for name in _CHECKS if name in names]

    def track(state: State, fact: Any, meta: Meta) -> None:
        for name in about:
            check_id = getattr(fact, name)
            check = None if check_id is None else state.checks.get(check_id)
            if check is not None:
                state.checks.put(check_id, replace(check, trail=(*check.trail, entry_of(meta))))

    return track


def _track_sale(state: State, fact: Any, meta: Meta) -> None:
    sale = state.sales.get(fact.sale_id)
    if sale is not None:
        state.sales.put(fact.sale_id, replace(sale, trail=(*sale.trail, entry_of(meta))))
