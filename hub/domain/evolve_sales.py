"""What the facts of the till mean for sales, checks, stock, points and numbers."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hub.domain import evolve_credit, evolve_customers, evolve_day, evolve_layaway
from hub.domain.check import NEXT as CHECK_NEXT
from hub.domain.check import Bill, Check, Move
from hub.domain.evolve_floor import Misfit, leave_tables, move_stock
from hub.domain.evolve_numbers import handed_out, number_used, number_voided
from hub.domain.evolve_options import move_options
from hub.domain.evolve_price import use_coupons
from hub.domain.facts import NumbersReserved, SaleCompleted, SaleRefunded, SaleVoided
from hub.domain.formal import withdrawn
from hub.domain.numbers import NumberBlock, RegisterNumbers, parsed
from hub.domain.sale import Refund, RefundedLine, Sale
from hub.domain.state import Meta, State


def sale_completed(state: State, fact: SaleCompleted, meta: Meta) -> None:
    state.sales.put(
        fact.sale_id,
        Sale(
            sale_id=fact.sale_id,
            receipt_no=fact.receipt_no,
            check_id=fact.check_id,
            business_date=meta.business_date,
            seq=meta.seq,
            accepted_at=meta.time,
            device_id=meta.device_id,
            register_id=fact.register_id,
            lines=fact.lines,
            subtotal=fact.subtotal,
            discount=fact.discount,
            taxes=fact.taxes,
            total=fact.total,
            tenders=fact.tenders,
            change=fact.change,
            discounts=fact.discounts,
            customer_id=fact.customer_id,
            points_used=fact.points_used,
            adjustment=fact.adjustment,
            taken=fact.taken,
            flags=fact.flags,
            layaway_id=fact.layaway_id,
            formal=fact.formal,
            guests=fact.guests,
            late=fact.late,
            points_granted=fact.points_granted,
        ),
    )
    portions: dict[str, int] = {}
    for line in fact.lines:
        portions[line.product_id] = portions.get(line.product_id, 0) - line.quantity
    units = [(line.options, -line.quantity) for line in fact.lines if line.options]
    check = None if fact.check_id is None else state.checks.get(fact.check_id)
    if check is not None and (check.status, Move.SETTLE) in CHECK_NEXT:
        # Its orders took these portions already.
        for had in check.lines:
            portions[had.product_id] = portions.get(had.product_id, 0) + had.quantity
            units.append((had.options, had.quantity))
        leave_tables(state, check)
        state.checks.put(
            check.check_id,
            replace(
                check,
                status="closed",
                sale_id=fact.sale_id,
                ended_at=meta.time,
                version=check.version + 1,
                bill=_paid(check, fact.total),
            ),
        )
    use_coupons(state, fact.discounts, fact.sale_id)
    move_stock(state, portions.items())
    move_options(state, units)
    number_used(state, fact.receipt_no, "sale", fact.sale_id, meta, register_id=fact.register_id)
    if fact.taken is not None:
        _use_block(state, fact.receipt_no)
    evolve_customers.sold(state, fact, meta)
    _count(state, fact.total, sales=1)
    evolve_credit.charge(state, fact.tenders, 1, "charge", fact.sale_id, fact.receipt_no, meta)
    evolve_day.sold(state, fact, meta)


def _paid(check: Check, total: int) -> Bill | None:
    """What the check shows as its bill from now on: what was paid."""
    if total == check.due:
        return check.bill
    return Bill(total) if check.bill is None else replace(check.bill, total=total)


def _count(state: State, amount: int, *, sales: int = 0) -> None:
    state.counters.put("sales_total", (state.counters.get("sales_total") or 0) + amount)
    if sales:
        state.counters.put("sales_count", (state.counters.get("sales_count") or 0) + sales)


def _use_block(state: State, receipt_no: str) -> None:
    number = parsed(receipt_no)
    if number is None:
        return
    for register_id, numbers in state.numbers.items():
        if numbers.block_of(*number) is not None:
            state.numbers.put(register_id, numbers.with_used(*number))
            return


def sale_of(state: State, sale_id: str) -> Sale:
    """Raises Misfit."""
    sale = state.sales.get(sale_id)
    if sale is None:
        raise Misfit(f"sale {sale_id} is not there")
    return sale


def _give_back(state: State, sale: Sale, lines: Sequence[RefundedLine]) -> None:
    """The stock gets back what was sold, with the options that were chosen."""
    move_stock(state, [(line.product_id, line.quantity) for line in lines])
    options = {line.line_id: line.options for line in sale.lines if line.options}
    if options:
        move_options(state, ((options.get(line.line_id, ()), line.quantity) for line in lines))


def sale_voided(state: State, fact: SaleVoided, meta: Meta) -> None:
    sale = sale_of(state, fact.sale_id)
    state.sales.put(
        fact.sale_id,
        replace(
            sale,
            status="voided",
            voided_at=meta.time,
            reason=fact.reason,
            points_returned=sale.points_returned + fact.points_returned,
            points_revoked=sale.points_revoked + fact.points_revoked,
            # Their papers are void with the sale.
            formal=withdrawn(sale.formal),
        ),
    )
    number_voided(state, sale)
    use_coupons(state, sale.discounts, sale.sale_id, back=True)
    _give_back(state, sale, fact.lines)
    evolve_customers.undone(state, sale, meta, fact)
    _count(state, -fact.total)
    evolve_credit.charge(state, fact.tenders, -1, "void", fact.sale_id, fact.receipt_no, meta)
    evolve_credit.cancel_payments(state, sale, meta)
    evolve_layaway.sale_voided(state, fact.layaway_id)
    evolve_day.voided(state, fact, meta, fact.register_id or sale.register_id)


def sale_refunded(state: State, fact: SaleRefunded, meta: Meta) -> None:
    sale = sale_of(state, fact.sale_id)
    returned = dict(sale.returned)
    for line in fact.lines:
        returned[line.line_id] = returned.get(line.line_id, 0) + line.quantity
    sale = replace(
        sale,
        returned=returned,
        refunds=(
            *sale.refunds,
            Refund(
                fact.refund_id,
                fact.refund_no,
                fact.total,
                meta.time,
                meta.business_date,
                fact.reason,
                fact.lines,
                fact.taxes,
            ),
        ),
        points_returned=sale.points_returned + fact.points_returned,
        points_revoked=sale.points_revoked + fact.points_revoked,
    )
    state.sales.put(fact.sale_id, replace(sale, status="refunded") if sale.all_returned({}) else sale)
    _give_back(state, sale, fact.lines)
    evolve_customers.undone(state, sale, meta, fact)
    number_used(state, fact.refund_no, "refund", fact.sale_id, meta)
    _count(state, -fact.total)
    evolve_credit.charge(state, fact.tenders, -1, "refund", fact.sale_id, fact.refund_no, meta)
    evolve_day.refunded(state, fact, meta, fact.register_id or sale.register_id)


def numbers_reserved(state: State, fact: NumbersReserved, meta: Meta) -> None:
    numbers = state.numbers.get(fact.register_id) or RegisterNumbers(fact.register_id)
    state.numbers.put(fact.register_id, numbers.with_block(NumberBlock(fact.series, fact.first, fact.last)))
    handed_out(state, fact.series, fact.first, fact.last, meta, register_id=fact.register_id)
