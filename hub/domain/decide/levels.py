"""Levels of stock in master data: each is a movement, or nothing. None overwrites what the store counted and sold."""

from __future__ import annotations

from typing import Final

import msgspec

from hub.domain.commands import ApplyMaster
from hub.domain.decide.at import At
from hub.domain.errors import InvalidRequest
from hub.domain.facts import Fact, MasterChange
from hub.domain.facts_stock import StockLine, StockMoved
from hub.domain.menu import QUANTITY_MAX, StockLevel
from hub.domain.state import State
from hub.domain.stock import MovementKind

# As many as an entry of master data holds changes.
LINES_MAX: Final = 200


def levels_moved(state: State, command: ApplyMaster, at: At) -> list[Fact]:
    """The movements of the levels among the changes. Raises InvalidRequest.

    The first level of a product opens its stock. After that a level moves by what the sender knows more than it knew
    (`quantity - was`), each word once; one that does not say what it knew moves nothing.
    """
    tracked = {
        change.id: bool(change.value and change.value.get("stock_tracked"))
        for change in command.changes
        if change.kind == "product"
    }
    lines: dict[MovementKind, list[StockLine]] = {}
    seen: set[str] = set()
    for index, change in enumerate(command.changes):
        if change.kind != "stock" or change.value is None:
            continue
        path = f"changes[{index}]"
        level = _level(change, path)
        product = state.products.get(level.id)
        if not tracked.get(level.id, product is not None and product.stock_tracked):
            raise InvalidRequest.at(f"{path}.id", f"the menu does not track the stock of {level.id}")
        if level.id in seen:
            raise InvalidRequest.at(f"{path}.id", f"two levels of {level.id}")
        seen.add(level.id)
        word = f"{change.version}:{level.quantity}:{level.was}"
        had = state.stock.get(level.id)
        if had is None:
            line = StockLine(level.id, level.quantity, level.quantity, level=word)
            lines.setdefault("opening", []).append(line)
        elif level.was is not None and word != had.level:
            moved = level.quantity - level.was
            if abs(had.quantity + moved) > QUANTITY_MAX:
                raise InvalidRequest.at(f"{path}.value", f"the stock would come to {had.quantity + moved}")
            lines.setdefault("cloud", []).append(StockLine(level.id, moved, had.quantity + moved, level=word))
    return [
        StockMoved(movement_id=at.mint(), kind=kind, lines=tuple(found[start : start + LINES_MAX]))
        for kind, found in lines.items()
        for start in range(0, len(found), LINES_MAX)
    ]


def _level(change: MasterChange, path: str) -> StockLevel:
    try:
        level = msgspec.convert(change.value, StockLevel)
    except msgspec.ValidationError as error:
        raise InvalidRequest.at(f"{path}.value", str(error)) from error
    if level.id != change.id:
        raise InvalidRequest.at(f"{path}.id", f"is not the id of its value: {change.id}")
    return level
