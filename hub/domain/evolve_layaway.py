"""What the facts of layaways mean for stock, numbers and drawer."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hub.domain import evolve_day
from hub.domain.check import Line
from hub.domain.evolve_floor import Misfit, move_stock
from hub.domain.evolve_numbers import number_used
from hub.domain.evolve_options import move_options
from hub.domain.facts_layaway import LayawayCancelled, LayawayCompleted, LayawayOpened
from hub.domain.formal import withdrawn
from hub.domain.layaway import NEXT, Layaway, LayawayMove
from hub.domain.state import Meta, State


def set_aside(state: State, lines: Sequence[Line], sign: int) -> None:
    """The one place where layaways touch the stock: goods leave it for someone (-1) or come back (1)."""
    move_stock(state, [(line.product_id, sign * line.quantity) for line in lines])
    move_options(state, ((line.options, sign * line.quantity) for line in lines if line.options))


def layaway_opened(state: State, fact: LayawayOpened, meta: Meta) -> None:
    state.layaways.put(
        fact.layaway_id,
        Layaway(
            layaway_id=fact.layaway_id,
            business_date=meta.business_date,
            opened_at=meta.time,
            lines=fact.lines,
            total=fact.total,
            deposit=fact.deposit,
            tenders=fact.tenders,
            register_id=fact.register_id,
            dining=fact.dining,
            discounts=fact.discounts,
            deposit_no=fact.deposit_no,
            customer_id=fact.customer_id,
            name=fact.name,
            until=fact.until,
            note=fact.note,
        ),
    )
    set_aside(state, fact.lines, -1)
    if fact.deposit_no is not None:
        number_used(state, fact.deposit_no, "deposit", fact.layaway_id, meta, register_id=fact.register_id)
    if fact.tenders:
        evolve_day.took(state, fact.register_id, fact.tenders, 1, meta)


def _moved(state: State, layaway_id: str, move: LayawayMove) -> Layaway:
    layaway = state.layaways.get(layaway_id)
    if layaway is None or (layaway.status, move) not in NEXT:
        raise Misfit(f"layaway {layaway_id} cannot {move.value}")
    return replace(layaway, status=NEXT[layaway.status, move])


def layaway_completed(state: State, fact: LayawayCompleted, meta: Meta) -> None:
    layaway = _moved(state, fact.layaway_id, LayawayMove.COMPLETE)
    state.layaways.put(
        fact.layaway_id,
        replace(
            layaway,
            sale_id=fact.sale_id,
            receipt_no=fact.receipt_no,
            ended_at=meta.time,
            # The others stand with the sale from now on.
            formal=tuple(receipt for receipt in layaway.formal if receipt.status != "issued"),
        ),
    )
    # Its sale takes them.
    set_aside(state, layaway.lines, 1)


def layaway_cancelled(state: State, fact: LayawayCancelled, meta: Meta) -> None:
    layaway = _moved(state, fact.layaway_id, LayawayMove.CANCEL)
    state.layaways.put(
        fact.layaway_id,
        replace(layaway, ended_at=meta.time, reason=fact.reason, formal=withdrawn(layaway.formal)),
    )
    set_aside(state, layaway.lines, 1)
    if fact.tenders:
        evolve_day.took(state, fact.register_id, fact.tenders, -1, meta)


def sale_voided(state: State, layaway_id: str | None) -> None:
    """The sale of a layaway counts as not made: the goods, which it has given back, wait again."""
    layaway = None if layaway_id is None else state.layaways.get(layaway_id)
    if layaway is not None and (layaway.status, LayawayMove.REOPEN) in NEXT:
        state.layaways.put(
            layaway.layaway_id,
            replace(
                layaway,
                status=NEXT[layaway.status, LayawayMove.REOPEN],
                sale_id=None,
                receipt_no=None,
                ended_at=None,
            ),
        )
        set_aside(state, layaway.lines, -1)
