"""What the movements mean for the stock: they are added up, in whatever order they come."""

from __future__ import annotations

from hub.domain.facts_stock import StockMoved
from hub.domain.goods import turned
from hub.domain.state import Meta, State
from hub.domain.stock import Stock, StockMovement, movement_key


def stock_moved(state: State, fact: StockMoved, meta: Meta) -> None:
    for index, line in enumerate(fact.lines):
        had = state.stock.get(line.product_id)
        quantity = line.quantity + (0 if had is None else had.quantity)
        turned(state, line.product_id, before=None if had is None else had.quantity, after=quantity)
        counted_at = meta.time if line.counted is not None else None if had is None else had.counted_at
        level = line.level or ("" if had is None else had.level)
        state.stock.put(line.product_id, Stock(line.product_id, quantity, meta.time, counted_at, level))
        key = movement_key(meta.seq, meta.epoch, index)
        state.stock_moves.put(
            key,
            StockMovement(
                product_id=line.product_id,
                quantity=line.quantity,
                stock=quantity,
                kind=fact.kind,
                movement_id=fact.movement_id,
                key=key,
                seq=meta.seq,
                at=meta.time,
                business_date=meta.business_date,
                device_id=meta.device_id,
                reason=fact.reason,
                about=fact.about,
                counted=line.counted,
            ),
        )


def _place(epoch: str, seq: int) -> str:
    return f"{epoch}-{seq}"


def wait(state: State, fact: StockMoved, epoch: str, seq: int) -> None:
    """A lost movement that goes with the fact in the entry after it: it counts when, and if, that one counts.

    The device may have asked again meanwhile, or the check have ended: then nothing was taken for it.
    """
    state.stock_waiting.put(_place(epoch, seq + 1), fact)


def follower(state: State, epoch: str, seq: int) -> StockMoved | None:
    """The movement that waited for the lost entry at (epoch, seq), which waits no more."""
    fact = state.stock_waiting.get(_place(epoch, seq))
    if fact is not None:
        state.stock_waiting.remove(_place(epoch, seq))
    return fact
