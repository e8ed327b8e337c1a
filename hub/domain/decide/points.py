"""Points: what a sale grants and takes, what comes back, limits while the cloud cannot be asked, and changes by hand.

The settings, all of the master data's kind `setting` (docs/customers.md): points_rate, points_base,
points_expire_days, points_offline_sale_max, points_offline_day_max.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from hub.domain.commands_customer import AdjustPoints
from hub.domain.customer import Customer, expiry
from hub.domain.decide.at import At
from hub.domain.decide.customers import find_customer, standing_for
from hub.domain.decide.tenders import points_in
from hub.domain.errors import InvalidRequest, PointsLimit, PointsShort
from hub.domain.facts import Fact
from hub.domain.facts_customer import PointsChanged
from hub.domain.money import Rounding, divide, rate_parts
from hub.domain.reckoning import TaxRow
from hub.domain.sale import Sale, Tender
from hub.domain.state import State


class SalePoints(Struct, frozen=True):
    """before: facts that come before the sale's own: points that had expired."""

    customer_id: str | None
    used: int = 0
    granted: int = 0
    before: tuple[Fact, ...] = ()


def of_sale(
    state: State,
    at: At,
    *,
    customer_id: str | None,
    points_used: int | None,
    tenders: Sequence[Tender],
    total: int,
    taxes: Sequence[TaxRow],
) -> SalePoints:
    """What the sale does to the customer's points. Raises InvalidRequest, PointsShort or PointsLimit."""
    paid = points_in(tenders)
    used = paid if points_used is None else points_used
    if paid and used != paid:
        raise InvalidRequest.at("points_used", f"the points tender comes to {paid}")
    customer = standing_for(state, customer_id)
    if customer is None:
        if used:
            raise InvalidRequest.at("customer_id", "points need a customer that the store knows")
        return SalePoints(customer_id)
    day = at.stamp.business_date
    gone = lapsed(state, customer, day)
    if used:
        _refuse(state, customer, used, gone, at)
    return SalePoints(
        customer.id,
        used,
        granted(state, total=total, paid=paid, taxes=taxes),
        (_expired(customer, gone),) if gone else (),
    )


def _refuse(state: State, customer: Customer, used: int, gone: int, at: At) -> None:
    available = max(0, customer.points - gone)
    if used > available:
        raise PointsShort(available=available)
    if at.online:
        return
    most = number(state, "points_offline_sale_max")
    if most is not None and used > most:
        raise PointsLimit(limit=most, left=most)
    a_day = number(state, "points_offline_day_max")
    today = customer.used_on(at.stamp.business_date)
    if a_day is not None and used + today > a_day:
        raise PointsLimit(limit=a_day, left=max(0, a_day - today))


def granted(state: State, *, total: int, paid: int, taxes: Sequence[TaxRow]) -> int:
    """Points for a sale: the rate on what was paid with anything but points, rounded down."""
    try:
        numerator, denominator = rate_parts(state.settings.get("points_rate") or "0")
    except (ValueError, ArithmeticError):
        # A word that nobody understands must not stop the store.
        return 0
    base = total - paid
    if state.settings.get("points_base") == "without_tax":
        base -= sum(row.tax for row in taxes)
    return divide(max(0, base) * numerator, denominator, Rounding.DOWN)


def lapsed(state: State, customer: Customer, day: str) -> int:
    """Points that have expired by this business day and that nothing has booked yet."""
    last = expiry(customer.moved_on, number(state, "points_expire_days") or 0)
    return max(0, customer.points) if last is not None and last < day else 0


def number(state: State, name: str) -> int | None:
    text = state.settings.get(name) or ""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None


def _expired(customer: Customer, points: int) -> PointsChanged:
    return PointsChanged(
        customer_id=customer.id, kind="expired", points=-points, balance=customer.points - points
    )


class Undone(Struct, frozen=True):
    """customer_id: the record that stands for the sale's customer now. revoked: granted points taken back."""

    customer_id: str | None
    revoked: int


def undone(state: State, sale: Sale, *, back: int | None) -> Undone:
    """For a void (back None) or a refund of that amount: points granted go back in proportion to the money.

    The refund that gives back the rest of the sale takes the rest of the points.
    """
    left = sale.points_granted - sale.points_revoked
    customer = standing_for(state, sale.customer_id)
    customer_id = sale.customer_id if customer is None else customer.id
    if back is None or not sale.total:
        return Undone(customer_id, left)
    returned = sale.refunded_total + back
    due = sale.points_granted * min(returned, sale.total) // sale.total
    return Undone(customer_id, max(0, min(left, due - sale.points_revoked)))


def adjust(state: State, command: AdjustPoints, at: At) -> list[Fact]:
    customer = find_customer(state, at.target)
    if not command.points:
        raise InvalidRequest.at("points", "say how many, more or less than 0")
    gone = lapsed(state, customer, at.stamp.business_date)
    balance = customer.points - gone + command.points
    if command.points < 0 and balance < 0:
        raise PointsShort(available=max(0, customer.points - gone))
    changed = PointsChanged(
        customer_id=customer.id,
        kind="adjusted",
        points=command.points,
        balance=balance,
        reason=command.reason,
    )
    return [_expired(customer, gone), changed] if gone else [changed]


DECISIONS: dict[type[Any], Any] = {AdjustPoints: adjust}
