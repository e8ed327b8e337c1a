"""What facts mean for customers and the ledger of their points. Only a movement changes a balance."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from hub.domain.customer import NEXT, Customer, CustomerMove, CustomerStatus, Movement, MovementKind
from hub.domain.facts import Fact, MasterChange, SaleCompleted, SaleRefunded, SaleVoided
from hub.domain.facts_customer import (
    CustomerChanged,
    CustomerForgotten,
    CustomerMerged,
    CustomerRegistered,
    PointsChanged,
)
from hub.domain.sale import Sale
from hub.domain.state import Meta, State

# Moves that a cloud has not counted yet; a cloud that never says what it counted must not make records grow.
UNCOUNTED_MAX: Final = 200
# These keep points alive: the customer was here.
_VISITS: Final = ("granted", "used", "opening", "adjusted")


def move(
    state: State,
    meta: Meta,
    customer_id: str | None,
    kind: MovementKind,
    points: int,
    *,
    sale_id: str | None = None,
    reason: str = "",
) -> None:
    """Book a movement. A customer whom the store does not know has no ledger."""
    customer = None if customer_id is None or not points else state.customers.get(customer_id)
    if customer is None:
        return
    balance = customer.points + points
    uncounted = customer.uncounted
    if kind not in ("opening", "cloud"):
        uncounted = (*uncounted, (meta.seq, points))[-UNCOUNTED_MAX:]
    state.customers.put(
        customer.id,
        replace(
            customer,
            points=balance,
            uncounted=uncounted,
            moved_on=max(customer.moved_on, meta.business_date) if kind in _VISITS else customer.moved_on,
            uses=customer.with_used(meta.business_date, -points) if kind == "used" else customer.uses,
        ),
    )
    movement = Movement(
        customer_id=customer.id,
        kind=kind,
        points=points,
        balance=balance,
        seq=meta.seq,
        epoch=meta.epoch,
        at=meta.time,
        business_date=meta.business_date,
        device_id=meta.device_id,
        sale_id=sale_id,
        reason=reason,
    )
    state.movements.put(movement.key, movement)


def sold(state: State, fact: SaleCompleted, meta: Meta) -> None:
    move(state, meta, fact.customer_id, "used", -fact.points_used, sale_id=fact.sale_id)
    move(state, meta, fact.customer_id, "granted", fact.points_granted, sale_id=fact.sale_id)


def undone(state: State, sale: Sale, meta: Meta, fact: SaleVoided | SaleRefunded) -> None:
    """A void or a refund gives used points back and takes granted ones."""
    whose = fact.customer_id or sale.customer_id
    move(state, meta, whose, "returned", fact.points_returned, sale_id=sale.sale_id)
    move(state, meta, whose, "revoked", -fact.points_revoked, sale_id=sale.sale_id)


def registered(state: State, fact: CustomerRegistered, meta: Meta) -> None:
    state.customers.put(
        fact.customer_id, Customer(id=fact.customer_id, sealed=fact.sealed, origin="store", version=1)
    )


def changed(state: State, fact: CustomerChanged, meta: Meta) -> None:
    customer = state.customers.get(fact.customer_id)
    if customer is not None and customer.active:
        state.customers.put(customer.id, replace(customer, sealed=fact.sealed, version=customer.version + 1))


def merged(state: State, fact: CustomerMerged, meta: Meta) -> None:
    other = state.customers.get(fact.merged_id)
    customer = state.customers.get(fact.customer_id)
    if other is None or customer is None or (other.status, CustomerMove.MERGE) not in NEXT:
        return
    move(state, meta, other.id, "merged", -fact.points, reason=customer.id)
    move(state, meta, customer.id, "merged", fact.points, reason=other.id)
    customer = state.customers.get(fact.customer_id) or customer
    if fact.sealed is not None:
        state.customers.put(customer.id, replace(customer, sealed=fact.sealed, version=customer.version + 1))
    other = state.customers.get(fact.merged_id) or other
    state.customers.put(
        other.id, replace(other, status=CustomerStatus.MERGED, merged_into=customer.id, sealed="")
    )


def forgotten(state: State, fact: CustomerForgotten, meta: Meta) -> None:
    move(state, meta, fact.customer_id, "expired", -fact.points, reason="forgotten")
    customer = state.customers.get(fact.customer_id)
    if customer is not None:
        state.customers.put(
            customer.id, replace(customer, status=CustomerStatus.FORGOTTEN, sealed="", merged_into=None)
        )


def points_changed(state: State, fact: PointsChanged, meta: Meta) -> None:
    move(state, meta, fact.customer_id, fact.kind, fact.points, reason=fact.reason)


def from_master(state: State, change: MasterChange, meta: Meta) -> None:
    """Data from the cloud or a file: the person is replaced, the points are moved by what the sender's figure says.

    With points_seq the figure holds this hub's moves up to there: balance = figure + moves after it. Without it the
    figure is of moves elsewhere: what it has changed by since the last one is booked.
    """
    known = state.customers.get(change.id)
    if change.value is None:
        status = None if known is None else NEXT.get((known.status, CustomerMove.DROP))
        if known is not None and status is CustomerStatus.GONE:
            state.customers.put(known.id, replace(known, status=status, sealed=""))
        return
    if known is not None and (known.status, CustomerMove.RETURN) not in NEXT:
        return
    value: dict[str, Any] = change.value
    customer = known or Customer(id=change.id, version=0)
    figure: int | None = value.get("points")
    counted: int | None = value.get("points_seq")
    uncounted = customer.uncounted
    delta = 0 if figure is None else figure - customer.figure
    if figure is not None and counted is not None:
        uncounted = tuple(one for one in uncounted if one[0] > counted)
        delta = figure + sum(points for _, points in uncounted) - customer.points
    state.customers.put(
        customer.id,
        replace(
            customer,
            status=CustomerStatus.ACTIVE,
            sealed=value.get("sealed") or customer.sealed,
            origin="master",
            version=customer.version + 1,
            figure=customer.figure if figure is None else figure,
            uncounted=uncounted,
        ),
    )
    move(state, meta, customer.id, "opening" if known is None else "cloud", delta)


EVOLUTIONS: Final[dict[type[Fact], Callable[[State, Any, Meta], None]]] = {
    CustomerRegistered: registered,
    CustomerChanged: changed,
    CustomerMerged: merged,
    CustomerForgotten: forgotten,
    PointsChanged: points_changed,
}
