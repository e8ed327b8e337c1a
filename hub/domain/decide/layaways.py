"""Goods that are set aside, fetched, or put back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from msgspec.structs import replace

from hub.domain.check import Line
from hub.domain.commands_layaway import CancelLayaway, CompleteLayaway, OpenLayaway
from hub.domain.decide import points
from hub.domain.decide.at import At
from hub.domain.decide.customers import standing_for
from hub.domain.decide.deferring import deferrals
from hub.domain.decide.orders import AMOUNT_MAX, price_lines
from hub.domain.decide.sales import next_receipt_no
from hub.domain.decide.set_shares import with_shares
from hub.domain.decide.tenders import accepted, change_of
from hub.domain.discount import Discount
from hub.domain.errors import Conflict, InvalidRequest, NotFound
from hub.domain.facts import Fact, SaleCompleted
from hub.domain.facts_layaway import LayawayCancelled, LayawayCompleted, LayawayOpened
from hub.domain.formal import issued
from hub.domain.layaway import NEXT, Layaway, LayawayMove
from hub.domain.menu import Dining
from hub.domain.reckoning import Reckoning, reckon, sale_line
from hub.domain.state import State


def open_layaway(state: State, command: OpenLayaway, at: At) -> list[Fact]:
    if command.until is not None and not _is_day(command.until):
        raise InvalidRequest.at("until", "is no date")
    customer = standing_for(state, command.customer_id)
    if command.customer_id is not None and customer is None:
        raise InvalidRequest.at("customer_id", f"no such customer: {command.customer_id}")
    layaway_id = at.mint()
    priced = price_lines(state, command.lines, at, order_id=layaway_id, dining=command.dining)
    lines = with_shares(state, priced)
    wishes = tuple(
        Discount(kind=wish.kind, value=wish.value, amount=0, name=wish.name, line_id=wish.line_id)
        for wish in command.discounts
    )
    total = _bill(state, lines, wishes, command.dining, at).total
    if total > AMOUNT_MAX:
        raise InvalidRequest.at("lines", f"they would come to more than {AMOUNT_MAX}")
    deposit = sum(tender.amount for tender in command.tenders)
    if deposit > total:
        raise InvalidRequest.at("tenders", f"the deposit is more than the {total} that it all comes to")
    tenders = accepted(state, command.tenders, deposit, at, purpose="debt")
    return [
        LayawayOpened(
            layaway_id=layaway_id,
            register_id=command.register_id or at.device.device_id,
            lines=lines,
            total=total,
            deposit=deposit,
            tenders=tenders,
            change=change_of(tenders),
            dining=command.dining,
            discounts=wishes,
            deposit_no=next_receipt_no(state) if deposit else None,
            customer_id=None if customer is None else customer.id,
            name=command.name,
            until=command.until,
            note=command.note,
        )
    ]


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _bill(
    state: State, lines: Sequence[Line], discounts: Sequence[Discount], dining: Dining, at: At
) -> Reckoning:
    """At today's rates: tax is that of the day on which the goods are handed over. Prices are the lines' own."""
    tax, unix_s = state.tax, at.stamp.unix_s
    sold = []
    for line in lines:
        rate = tax.rate(line.tax_class, line.dining or dining, unix_s)
        rated = line if rate == line.tax_rate else replace(line, tax_rate=rate)
        sold.append(sale_line(rated, dining=dining, wished=None, schedule=tax, unix_s=unix_s))
    return reckon(sold, discounts, state.rounding, carries={})


def _movable(state: State, at: At, move: LayawayMove) -> Layaway:
    layaway = state.layaways.get(at.target)
    if layaway is None:
        raise NotFound(kind="layaway", id=at.target)
    if (layaway.status, move) not in NEXT:
        raise Conflict(reason=f"The layaway was {layaway.status} already.")
    return layaway


def complete_layaway(state: State, command: CompleteLayaway, at: At) -> list[Fact]:
    layaway = _movable(state, at, LayawayMove.COMPLETE)
    bill = _bill(state, layaway.lines, layaway.discounts, layaway.dining, at)
    sale_id, receipt_no = at.mint(), next_receipt_no(state)
    rest = accepted(state, command.tenders, bill.total - layaway.deposit, at, customer_id=layaway.customer_id)
    tenders = (*rest, *layaway.deposit_tender())
    moved = points.of_sale(
        state,
        at,
        customer_id=layaway.customer_id,
        points_used=command.points_used,
        tenders=tenders,
        total=bill.total,
        taxes=bill.taxes,
    )
    register_id = command.register_id or at.device.device_id
    sold = SaleCompleted(
        sale_id=sale_id,
        receipt_no=receipt_no,
        check_id=None,
        lines=bill.lines,
        subtotal=bill.subtotal,
        discount=bill.discount,
        taxes=bill.taxes,
        total=bill.total,
        tenders=tenders,
        change=change_of(rest),
        register_id=register_id,
        discounts=bill.discounts,
        customer_id=moved.customer_id,
        points_used=moved.used,
        points_granted=moved.granted,
        late=state.late_on(at.stamp.business_date),
        layaway_id=layaway.layaway_id,
        formal=issued(layaway.formal),
    )
    done = LayawayCompleted(
        layaway_id=layaway.layaway_id,
        register_id=register_id,
        sale_id=sale_id,
        receipt_no=receipt_no,
        deposit=layaway.deposit,
    )
    return [*moved.before, done, *deferrals(state, command.tenders, sold, at), sold]


def cancel_layaway(state: State, command: CancelLayaway, at: At) -> list[Fact]:
    layaway = _movable(state, at, LayawayMove.CANCEL)
    tenders = accepted(state, command.tenders, layaway.deposit, at, purpose="debt")
    if change_of(tenders):
        raise InvalidRequest.at("tenders", "what is given back gives no change")
    own = at.device.device_id if at.device.role == "register" else layaway.register_id
    return [
        LayawayCancelled(
            layaway_id=layaway.layaway_id,
            register_id=command.register_id or own,
            deposit=layaway.deposit,
            tenders=tenders,
            reason=command.reason,
        )
    ]


DECISIONS: dict[type[Any], Any] = {
    OpenLayaway: open_layaway,
    CompleteLayaway: complete_layaway,
    CancelLayaway: cancel_layaway,
}
