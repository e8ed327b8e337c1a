"""Settling checks and selling over the counter; voids and refunds; receipt numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.domain.check import Check, Move
from hub.domain.commands_sale import CompleteSale, RefundSale, TakeNumbers, VoidSale
from hub.domain.decide import points
from hub.domain.decide.at import At
from hub.domain.decide.billing import bill_of, deals_of, offers_now
from hub.domain.decide.coupons import accepted_coupon, coupons_on
from hub.domain.decide.deferring import deferrals
from hub.domain.decide.floor import seen_as_it_is
from hub.domain.decide.orders import AMOUNT_MAX, find_check, price_lines
from hub.domain.decide.price import permit_list
from hub.domain.decide.set_shares import with_shares
from hub.domain.decide.sets import with_parts
from hub.domain.decide.sold import in_categories
from hub.domain.decide.taken import record_taken
from hub.domain.decide.tenders import accepted, change_of, points_in
from hub.domain.decide.timed import timed
from hub.domain.discount import Discount
from hub.domain.errors import Conflict, InvalidRequest, NotFound
from hub.domain.facts import Fact, NumbersReserved, SaleCompleted, SaleRefunded, SaleVoided
from hub.domain.money import Rounding, divide
from hub.domain.numbers import written
from hub.domain.reckoning import Reckoning, SaleLine, reckon, sale_line
from hub.domain.sale import NEXT, RefundedLine, Sale, SaleMove, Tender, reckon_refund
from hub.domain.state import State


def complete_sale(state: State, command: CompleteSale, at: At) -> list[Fact]:
    if command.taken is not None:
        sold = record_taken(state, command, command.taken, at)
        return [*deferrals(state, command.tenders, sold, at), sold]
    if (command.check_id is None) == (command.lines is None):
        raise InvalidRequest.at("check_id", "name either a check_id or lines")
    sale_id = at.mint()
    check = None
    if command.check_id is not None:
        check = find_check(state, command.check_id)
        seen_as_it_is(check, at)
        check.after(Move.SETTLE)
    if command.price_list is not None:
        if check is not None:
            raise InvalidRequest.at("price_list", "a check has its own: change it there")
        permit_list(command.price_list, at)
    if check is None:
        bill = _counter_bill(state, command, at, sale_id)
    else:
        wishes = _wishes(state, command, at, check)
        bill, _ = bill_of(state, check, offers_now(state), at, dining=command.dining, wishes=wishes)
    if not bill.lines:
        raise InvalidRequest.at("lines", "there is nothing to pay for; a check without lines is aborted")
    if bill.total > AMOUNT_MAX:
        raise InvalidRequest.at("lines", f"the sale would come to more than {AMOUNT_MAX}")
    tenders = accepted(state, command.tenders, bill.total, at, customer_id=command.customer_id)
    moved = points.of_sale(
        state,
        at,
        customer_id=command.customer_id,
        points_used=command.points_used,
        tenders=tenders,
        total=bill.total,
        taxes=bill.taxes,
    )
    sold = SaleCompleted(
        sale_id=sale_id,
        receipt_no=next_receipt_no(state),
        check_id=None if check is None else check.check_id,
        lines=in_categories(state, bill.lines),
        subtotal=bill.subtotal,
        discount=bill.discount,
        taxes=bill.taxes,
        total=bill.total,
        tenders=tenders,
        change=change_of(tenders),
        register_id=command.register_id or at.device.device_id,
        discounts=bill.discounts,
        customer_id=moved.customer_id,
        points_used=moved.used,
        points_granted=moved.granted,
        guests=0 if check is None else check.guests,
        late=state.late_on(at.stamp.business_date),
    )
    return [*moved.before, *deferrals(state, command.tenders, sold, at), sold]


def _wishes(
    state: State, command: CompleteSale, at: At, check: Check | None, lines: Sequence[SaleLine] = ()
) -> list[Discount]:
    """The discounts that come with the sale, then its coupons. Raises NotFound or CouponRefused."""
    wishes = [
        Discount(kind=wish.kind, value=wish.value, amount=0, name=wish.name, line_id=wish.line_id)
        for wish in command.discounts
    ]
    on_bill = set() if check is None else coupons_on(check)
    for code in command.coupons:
        coupon = accepted_coupon(
            state,
            code,
            at,
            subtotal=sum(line.net for line in (lines if check is None else check.lines)),
            on_bill=on_bill,
            besides=None if check is None else check.check_id,
        )
        on_bill.add(coupon.coupon_id or "")
        wishes.append(coupon)
    return wishes


def _counter_bill(state: State, command: CompleteSale, at: At, sale_id: str) -> Reckoning:
    """Lines sold without a check: priced and taken from the stock like an order."""
    dining, now_s = command.dining or "eat_in", at.stamp.unix_s
    priced = price_lines(state, command.lines or (), at, order_id=sale_id, dining=dining)
    if state.bands is not None:
        priced = timed(state, priced, at, dining=dining, service=False)
    priced = with_shares(state, priced)
    if command.price_list:
        priced = tuple(line.at_list(command.price_list) for line in priced)
    lines = [sale_line(line, dining=dining, wished=None, schedule=state.tax, unix_s=now_s) for line in priced]
    wishes = _wishes(state, command, at, None, lines)
    deals = deals_of(None, lines, offers_now(state), now_s, wishes)
    return reckon(lines, wishes, state.rounding, carries={}, deals=deals)


def next_receipt_no(state: State) -> str:
    series = state.receipt_series
    return written(series, (state.counters.get(f"receipt_no:{series}") or 0) + 1)


def find_sale(state: State, sale_id: str) -> Sale:
    sale = state.sales.get(sale_id)
    if sale is None:
        raise NotFound(kind="sale", id=sale_id)
    return sale


def account_in(sale: Sale) -> str | None:
    """The account that the sale went on, else its customer: where a refund on account goes."""
    charged = (tender.account_id for tender in sale.tenders if tender.account_id is not None)
    return next(charged, sale.customer_id)


def void_sale(state: State, command: VoidSale, at: At) -> list[Fact]:
    sale = _movable(state, at, SaleMove.VOID)
    if sale.business_date != at.stamp.business_date:
        raise Conflict(reason=f"The sale is of {sale.business_date}, which is over: refund it instead.")
    if sale.refunds:
        raise Conflict(reason="The sale was refunded in part: refund the rest of it instead.")
    undone = points.undone(state, sale, back=None)
    return [
        SaleVoided(
            sale_id=sale.sale_id,
            receipt_no=sale.receipt_no,
            check_id=sale.check_id,
            lines=tuple(
                RefundedLine(
                    line.line_id, line.product_id, line.name, line.quantity, line.net, line.category_id
                )
                for line in sale.lines
            ),
            taxes=sale.taxes,
            total=sale.total,
            tenders=sale.standing,
            reason=command.reason,
            points_returned=sale.points_used,
            points_revoked=undone.revoked,
            customer_id=undone.customer_id,
            register_id=_drawer(command, sale, at),
            guests=sale.guests,
            late=state.late_on(at.stamp.business_date),
            layaway_id=sale.layaway_id,
        )
    ]


def _drawer(command: VoidSale | RefundSale, sale: Sale, at: At) -> str:
    """The register that the money comes out of: the one that is named, that of the device, or that of the sale."""
    own = at.device.device_id if at.device.role == "register" else sale.register_id
    return command.register_id or own


def _movable(state: State, at: At, move: SaleMove) -> Sale:
    sale = find_sale(state, at.target)
    if (sale.status, move) not in NEXT:
        raise Conflict(reason=f"The sale was {sale.status} already.")
    return sale


def refund_sale(state: State, command: RefundSale, at: At) -> list[Fact]:
    sale = _movable(state, at, SaleMove.REFUND)
    if any(tender.unpaid == "pending" for tender in sale.tenders):
        raise Conflict(reason="A payment of the sale is still awaited: settle it or say that it failed.")
    quantities: dict[str, int] = {}
    for index, want in enumerate(command.lines):
        line = sale.line(want.line_id)
        if line is None or want.line_id in quantities:
            problem = "is not a line of the sale" if line is None else "is named twice"
            raise InvalidRequest.at(f"lines[{index}].line_id", f"{want.line_id} {problem}")
        left = line.quantity - sale.returned.get(line.line_id, 0)
        if want.quantity > left:
            raise InvalidRequest.at(f"lines[{index}].quantity", f"{left} are left to be given back")
        quantities[want.line_id] = want.quantity
    quantities = with_parts(sale, quantities)
    back = reckon_refund(sale, quantities)
    tenders = accepted(state, command.tenders, back.total, at, purpose="refund", customer_id=account_in(sale))
    if change_of(tenders):
        raise InvalidRequest.at("tenders", "a refund gives no change")
    undone = points.undone(state, sale, back=None if sale.all_returned(quantities) else back.total)
    return [
        SaleRefunded(
            sale_id=sale.sale_id,
            receipt_no=sale.receipt_no,
            check_id=sale.check_id,
            refund_id=at.mint(),
            refund_no=next_receipt_no(state),
            lines=back.lines,
            taxes=back.taxes,
            total=back.total,
            tenders=tenders,
            reason=command.reason,
            points_returned=_points_back(sale, quantities, back.total, tenders),
            points_revoked=undone.revoked,
            customer_id=undone.customer_id,
            register_id=_drawer(command, sale, at),
            late=state.late_on(at.stamp.business_date),
        )
    ]


def _points_back(sale: Sale, quantities: dict[str, int], total: int, tenders: tuple[Tender, ...]) -> int:
    """Points paid back as a tender; where points were no tender, in proportion, the rest with the last refund."""
    left = sale.points_used - sale.points_returned
    paid = points_in(tenders)
    if paid:
        if paid > left:
            raise InvalidRequest.at("tenders", f"{left} of the points used are left to be given back")
        return paid
    if not left or points_in(sale.tenders):
        return 0
    if sale.all_returned(quantities):
        return left
    part = divide(sale.points_used * total, sale.total or 1, Rounding.DOWN)
    return max(0, min(left, part))


def take_numbers(state: State, command: TakeNumbers, at: At) -> list[Fact]:
    series = state.receipt_series
    first = (state.counters.get(f"receipt_no:{series}") or 0) + 1
    last = first + command.count - 1
    return [
        NumbersReserved(
            register_id=command.register_id,
            series=series,
            first=first,
            last=last,
            first_no=written(series, first),
            last_no=written(series, last),
        )
    ]


DECISIONS: dict[type[Any], Any] = {
    CompleteSale: complete_sale,
    VoidSale: void_sale,
    RefundSale: refund_sale,
    TakeNumbers: take_numbers,
}
