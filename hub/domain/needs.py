"""Which aggregates must be in memory before something is decided or evolved.

Ended checks and sales leave memory once their table holds them. Whoever decides a command, or evolves an entry that is
read from the journal, brings these back first.
"""

from __future__ import annotations

from collections.abc import Iterator

from hub.domain.commands import Command, MergeCheck, PlaceOrder, RefundSale, VoidSale
from hub.domain.commands_sale import CompleteSale
from hub.domain.fact import OfCheck
from hub.domain.facts import EntryRecovered, Fact, SaleCompleted, SaleRefunded, SaleVoided
from hub.domain.facts_receipt import OfReceipt
from hub.domain.report import counted
from hub.domain.state import Meta

# (shelf, key)
Need = tuple[str, str]


def command_needs(command: Command, target: str) -> Iterator[Need]:
    if isinstance(command, (VoidSale, RefundSale)):
        yield "sales", target
        return
    if isinstance(command, (MergeCheck, PlaceOrder, CompleteSale)) and command.check_id:
        yield "checks", command.check_id
    if target:
        yield "checks", target


def fact_needs(fact: Fact, meta: Meta) -> Iterator[Need]:
    """For an entry that is read: the state it met when it was made may have left memory since."""
    if isinstance(fact, EntryRecovered):
        inner = counted(fact, meta)
        if inner is not None:
            yield from fact_needs(*inner)
    elif isinstance(fact, (SaleVoided, SaleRefunded, OfReceipt)):
        yield "sales", fact.sale_id
    elif isinstance(fact, SaleCompleted):
        if fact.check_id is not None:
            yield "checks", fact.check_id
    elif isinstance(fact, OfCheck):
        yield "checks", fact.check_id
