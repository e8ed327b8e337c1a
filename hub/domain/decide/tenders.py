"""How a bill is paid: which tenders work now, and whether they add up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, get_args

from msgspec.structs import replace

from hub.domain.commands_sale import TenderIn
from hub.domain.decide.at import At
from hub.domain.decide.deferring import NOBODY, account_of, refuse_deferring
from hub.domain.errors import InvalidRequest, TenderMismatch, TenderOffline
from hub.domain.menu import Surplus, TenderMethod
from hub.domain.sale import Tender
from hub.domain.state import State

SURPLUS_SETTING: Final = "voucher_surplus"
SURPLUSES: Final = get_args(Surplus)
# A store that has imported no tender methods yet can sell for cash.
CASH: Final = TenderMethod(id="cash", name="Cash", kind="cash")


def methods(state: State) -> dict[str, TenderMethod]:
    return {method.id: method for _, method in state.tender_methods.items()} or {CASH.id: CASH}


def accepted(
    state: State,
    tenders: Sequence[TenderIn],
    total: int,
    at: At,
    *,
    purpose: Literal["sale", "refund", "debt"] = "sale",
    customer_id: str | None = None,
) -> tuple[Tender, ...]:
    """The tenders that settle the total. Raises TenderOffline, TenderMismatch or InvalidRequest.

    A tender that needs the network is taken offline only with the slip number of a terminal of its own, or deferred.
    purpose: only a sale's tenders can be deferred, and a debt (a deposit too) is not paid with another or with points.
    """
    known = methods(state)
    settled, change = [], 0
    for index, tender in enumerate(tenders):
        path = f"tenders[{index}]"
        method = known.get(tender.method)
        if method is None:
            raise InvalidRequest.at(f"{path}.method", f"no such tender: {tender.method}")
        if purpose == "debt" and method.kind in ("account", "points"):
            raise InvalidRequest.at(f"{path}.method", f"a tender of kind {method.kind} does not pay this")
        if tender.deferred is not None:
            if purpose != "sale":
                raise InvalidRequest.at(f"{path}.deferred", "only a tender of a sale can be deferred")
            refuse_deferring(tender, method, path)
        external = method.needs_network and not at.online and tender.deferred is None
        if external and not tender.reference:
            works = sorted(other.id for other in known.values() if not other.needs_network)
            raise TenderOffline(method=method.id, alternatives=works)
        if tender.tendered is not None and tender.tendered < tender.amount:
            raise InvalidRequest.at(f"{path}.tendered", f"is less than the amount: {tender.amount}")
        paid = _tender(tender, method, external=external)
        if method.kind == "account":
            account_id, name = account_of(state, tender, customer_id, at, path)
            paid = replace(paid, account_id=account_id, account_name=name)
        if tender.deferred is not None:
            paid = replace(paid, payment_id=at.mint(), unpaid="pending")
        if tender.tendered not in (None, tender.amount) and method.kind != "cash":
            paid = _beyond(state, method, paid, path, purpose)
            change += paid.amount - tender.amount
        settled.append(paid)
    if (sum_ := sum(tender.amount for tender in tenders)) != total:
        raise TenderMismatch(total=total, tendered=sum_)
    if change:
        cash = next((method for method in known.values() if method.kind == "cash"), CASH)
        settled.append(Tender(method=cash.id, name=cash.name, kind="cash", amount=-change))
    return tuple(settled)


def _beyond(state: State, method: TenderMethod, paid: Tender, path: str, purpose: str) -> Tender:
    """A voucher that is worth more than it settles, as the store treats those. Raises InvalidRequest."""
    policy = method.surplus or state.settings.get(SURPLUS_SETTING)
    if method.kind != "voucher" or purpose != "sale" or policy not in SURPLUSES or policy == "refuse":
        raise InvalidRequest.at(f"{path}.tendered", "only cash gives change")
    face = paid.tendered or paid.amount
    if policy == "keep":
        return replace(paid, surplus=face - paid.amount)
    # All of it is taken, and the change is cash that goes out: so the drawer's sum is right.
    return replace(paid, amount=face, tendered=None)


def as_taken(
    state: State, tenders: Sequence[TenderIn], customer_id: str | None, at: At
) -> tuple[Tender, ...]:
    """The tenders as a device took them without the hub. One that the store does not know is of kind other.

    What went on nobody's account that is known goes on that of NOBODY, for people to sort out.
    """
    known = methods(state)
    taken = []
    for tender in tenders:
        method = known.get(tender.method) or TenderMethod(id=tender.method, name=tender.method, kind="other")
        paid = _tender(tender, method, external=tender.reference is not None and method.needs_network)
        if method.kind == "account":
            try:
                account_id, name = account_of(state, tender, customer_id, at, "")
            except InvalidRequest:
                account_id, name = NOBODY, ""
            paid = replace(paid, account_id=account_id, account_name=name)
        if tender.deferred is not None:
            paid = replace(paid, payment_id=at.mint(), unpaid="pending")
        taken.append(paid)
    return tuple(taken)


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
    """What the guest gets back in cash."""
    over = (
        max(0, tender.tendered - tender.amount - tender.surplus)
        for tender in tenders
        if tender.tendered is not None
    )
    return sum(over) - sum(tender.amount for tender in tenders if tender.amount < 0)


def points_in(tenders: Sequence[Tender]) -> int:
    return sum(tender.amount for tender in tenders if tender.kind == "points")
