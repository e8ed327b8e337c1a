"""What the movements mean for the stock: they are added up, in whatever order they come."""

from __future__ import annotations

from hub.domain.facts_stock import StockMoved
from hub.domain.state import Meta, State
from hub.domain.stock import Stock, StockMovement, movement_key


def stock_moved(state: State, fact: StockMoved, meta: Meta) -> None:
    for index, line in enumerate(fact.lines):
        had = state.stock.get(line.product_id)
        quantity = line.quantity + (0 if had is None else had.quantity)
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
