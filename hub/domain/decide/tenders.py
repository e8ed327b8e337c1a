"""How a bill is paid: which tenders work now, and whether they add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hub.domain.commands_sale import TenderIn
from hub.domain.decide.at import At
from hub.domain.errors import InvalidRequest, TenderMismatch, TenderOffline
from hub.domain.menu import TenderMethod
from hub.domain.sale import Tender
from hub.domain.state import State

# A store that has imported no tender methods yet can sell for cash.
CASH: Final = TenderMethod(id="cash", name="Cash", kind="cash")


def methods(state: State) -> dict[str, TenderMethod]:
    return {method.id: method for _, method in state.tender_methods.items()} or {CASH.id: CASH}


def accepted(state: State, tenders: Sequence[TenderIn], total: int, at: At) -> tuple[Tender, ...]:
    """The tenders that settle the total. Raises TenderOffline, TenderMismatch or InvalidRequest.

    A tender that needs the network is taken offline only with the slip number of a terminal of its own.
    """
    known = methods(state)
    settled = []
    for index, tender in enumerate(tenders):
        path = f"tenders[{index}]"
        method = known.get(tender.method)
        if method is None:
            raise InvalidRequest.at(f"{path}.method", f"no such tender: {tender.method}")
        external = method.needs_network and not at.online
        if external and not tender.reference:
            works = sorted(other.id for other in known.values() if not other.needs_network)
            raise TenderOffline(method=method.id, alternatives=works)
        if tender.tendered is not None and tender.tendered < tender.amount:
            raise InvalidRequest.at(f"{path}.tendered", f"is less than the amount: {tender.amount}")
        if tender.tendered not in (None, tender.amount) and method.kind != "cash":
            raise InvalidRequest.at(f"{path}.tendered", "only cash gives change")
        settled.append(_tender(tender, method, external=external))
    if (sum_ := sum(tender.amount for tender in settled)) != total:
        raise TenderMismatch(total=total, tendered=sum_)
    return tuple(settled)


def as_taken(state: State, tenders: Sequence[TenderIn]) -> tuple[Tender, ...]:
    """The tenders as a device took them without the hub. One that the store does not know is of kind other."""
    known = methods(state)
    return tuple(
        _tender(
            tender,
            known.get(tender.method) or TenderMethod(id=tender.method, name=tender.method, kind="other"),
            external=tender.reference is not None and known.get(tender.method, CASH).needs_network,
        )
        for tender in tenders
    )


def _tender(tender: TenderIn, method: TenderMethod, *, external: bool) -> Tender:
    return Tender(
        method=method.id,
        name=method.name,
        kind=method.kind,
        amount=tender.amount,
        tendered=tender.tendered,
        reference=tender.reference,
        external=external,
    )


def change_of(tenders: Sequence[Tender]) -> int:
    return sum(max(0, tender.tendered - tender.amount) for tender in tenders if tender.tendered is not None)


def points_in(tenders: Sequence[Tender]) -> int:
    return sum(tender.amount for tender in tenders if tender.kind == "points")
