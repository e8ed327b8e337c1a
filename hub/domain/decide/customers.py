"""Customers: registered, changed, merged, forgotten; and what the cloud or a file says of them.

Who a customer is arrives sealed. Nothing here can read it, and nothing here needs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hub.domain.commands_customer import ForgetCustomer, Match, SealedChange, SealedMerge, SealedRegister
from hub.domain.customer import NEXT, Customer, CustomerMove, CustomerStatus, MasterCustomer
from hub.domain.decide.at import At
from hub.domain.errors import Conflict, CustomerKnown, InvalidRequest, NotFound
from hub.domain.facts import Fact, MasterChange
from hub.domain.facts_customer import CustomerChanged, CustomerForgotten, CustomerMerged, CustomerRegistered
from hub.domain.menu import plain
from hub.domain.state import State


def standing_for(state: State, customer_id: str | None) -> Customer | None:
    """The record that stands for the person today, through merges; None when there is none (any more)."""
    customer = None if customer_id is None else state.customers.get(customer_id)
    while customer is not None and customer.merged_into is not None:
        customer = state.customers.get(customer.merged_into)
    return customer if customer is not None and customer.active else None


def find_customer(state: State, customer_id: str) -> Customer:
    """Raises NotFound for one that is not known or not readable any more, Conflict for one that was merged."""
    customer = state.customers.get(customer_id)
    if customer is None or customer.status in (CustomerStatus.FORGOTTEN, CustomerStatus.GONE):
        raise NotFound(kind="customer", id=customer_id)
    if customer.merged_into is not None:
        raise Conflict(reason=f"The customer was merged: it is {customer.merged_into} now.")
    return customer


def register(state: State, command: SealedRegister, at: At) -> list[Fact]:
    if command.taken_by is not None:
        raise CustomerKnown(customer_id=command.taken_by)
    return [CustomerRegistered(customer_id=command.customer_id, sealed=command.sealed)]


def change(state: State, command: SealedChange, at: At) -> list[Fact]:
    customer = find_customer(state, at.target)
    customer.after(CustomerMove.CHANGE)
    if not command.changed:
        raise InvalidRequest.at("", "name at least one field")
    if command.taken_by is not None:
        raise CustomerKnown(customer_id=command.taken_by)
    return [CustomerChanged(customer_id=customer.id, sealed=command.sealed, changed=command.changed)]


def merge(state: State, command: SealedMerge, at: At) -> list[Fact]:
    customer, other = find_customer(state, at.target), find_customer(state, command.customer_id)
    if customer.id == other.id:
        raise InvalidRequest.at("customer_id", "is the same customer")
    other.after(CustomerMove.MERGE)
    return [
        CustomerMerged(
            customer_id=customer.id,
            merged_id=other.id,
            points=other.points,
            by_hand=True,
            sealed=command.sealed,
        )
    ]


def forget(state: State, command: ForgetCustomer, at: At) -> list[Fact]:
    """Whoever is asked to be forgotten under a merged record is forgotten under the one that stands, too."""
    customer = state.customers.get(at.target)
    if customer is None or customer.status is CustomerStatus.FORGOTTEN:
        raise NotFound(kind="customer", id=at.target)
    customer.after(CustomerMove.FORGET)
    ends = [customer]
    standing = standing_for(state, customer.id)
    if standing is not None and standing.id != customer.id:
        standing.after(CustomerMove.FORGET)
        ends.insert(0, standing)
    return [CustomerForgotten(customer_id=one.id, points=one.points) for one in ends]


def from_master(
    state: State, change: MasterChange, path: str, *, imported: bool = False
) -> MasterChange | None:
    """The change as it is kept; None for one that has no effect. Raises InvalidRequest.

    imported: from a file. One that the store wrote itself says nothing of points while its figure is the balance.
    Who was forgotten here on request, or merged into another record, is not brought back.
    """
    known = state.customers.get(change.id)
    move = CustomerMove.DROP if change.value is None else CustomerMove.RETURN
    if known is None and change.value is None:
        return None
    if known is not None and NEXT.get((known.status, move)) in (None, CustomerStatus.MERGED):
        return None
    if change.value is None:
        return None if known is not None and known.status is CustomerStatus.GONE else change
    try:
        value = msgspec.convert(change.value, MasterCustomer)
    except msgspec.ValidationError as error:
        raise InvalidRequest.at(f"{path}.value", str(error)) from error
    if value.id != change.id:
        raise InvalidRequest.at(f"{path}.id", f"is not the id of its value: {change.id}")
    if imported and known is not None and known.active and _is_balance(known, value):
        if value.sealed is None:
            return None
        value = msgspec.structs.replace(value, points=None, points_seq=None)
    if known is not None and known.active and value.sealed is None:
        counts = value.points_seq is not None and any(seq <= value.points_seq for seq, _ in known.uncounted)
        if value.points in (None, known.figure) and known.origin == "master" and not counts:
            return None
    return MasterChange("customer", change.id, plain(value), change.version)


def _is_balance(known: Customer, value: MasterCustomer) -> bool:
    upto = value.points_seq
    if upto is None or value.points is None:
        return False
    return value.points + sum(points for seq, points in known.uncounted if seq > upto) == known.points


def matched(state: State, matches: Sequence[Match]) -> list[Fact]:
    """Records that the store registered and that the cloud now brings itself."""
    found: list[Fact] = []
    for match in matches:
        own = state.customers.get(match.merged_id)
        if own is not None and (own.status, CustomerMove.MERGE) in NEXT and own.origin == "store":
            found.append(
                CustomerMerged(
                    customer_id=match.customer_id, merged_id=own.id, points=own.points, by_hand=False
                )
            )
    return found


DECISIONS: dict[type[Any], Any] = {
    SealedRegister: register,
    SealedChange: change,
    SealedMerge: merge,
    ForgetCustomer: forget,
}
