"""The stock of goods: movements and counts by hand, and what orders and sales take from it and give back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from msgspec.structs import replace

from hub.domain import goods
from hub.domain.check import NEXT, Line, Move
from hub.domain.commands_stock import CountStock, MoveStock
from hub.domain.decide.at import At
from hub.domain.errors import Conflict, InvalidRequest, SoldOut
from hub.domain.facts import (
    CheckAborted,
    Fact,
    LinesVoided,
    OrderPlaced,
    SaleCompleted,
    SaleRefunded,
    SaleVoided,
)
from hub.domain.facts_layaway import LayawayCancelled, LayawayOpened
from hub.domain.facts_lines import LinesChanged
from hub.domain.facts_stock import StockLine, StockMoved
from hub.domain.menu import QUANTITY_MAX, Product
from hub.domain.state import State
from hub.domain.stock import OVERSELL, TAKEN_AT, MovementKind


def move_stock(state: State, command: MoveStock, at: At) -> list[Fact]:
    product = _tracked(state, command.product_id, "product_id")
    if command.quantity == 0:
        raise InvalidRequest.at("quantity", "a movement of nothing is none")
    line = _moved(state, command.product_id, command.quantity)
    _not_below(state, product, line)
    return [
        StockMoved(movement_id=at.mint(), kind=command.kind, lines=(line,), reason=command.reason),
    ]


def count_stock(state: State, command: CountStock, at: At) -> list[Fact]:
    lines: dict[str, StockLine] = {}
    for index, found in enumerate(command.lines):
        path = f"lines[{index}]"
        product = _tracked(state, found.product_id, f"{path}.product_id")
        if found.product_id in lines:
            raise InvalidRequest.at(f"{path}.product_id", "the product is counted twice")
        had = state.stock.get(found.product_id)
        # What was not kept yet was shown as nothing.
        shown = found.shown if found.shown is not None else 0 if had is None else had.quantity
        line = _moved(state, found.product_id, found.quantity - shown)
        _not_below(state, product, line)
        lines[found.product_id] = replace(line, counted=found.quantity)
    return [
        StockMoved(movement_id=at.mint(), kind="count", lines=tuple(lines.values()), reason=command.reason)
    ]


def _tracked(state: State, product_id: str, path: str) -> Product:
    product = state.products.get(product_id)
    if product is None:
        raise InvalidRequest.at(path, f"no such product: {product_id}")
    if not product.stock_tracked:
        raise InvalidRequest.at(path, f"the menu does not track the stock of {product.name}")
    return product


def _moved(state: State, product_id: str, quantity: int) -> StockLine:
    had = state.stock.get(product_id)
    after = quantity + (0 if had is None else had.quantity)
    if abs(after) > QUANTITY_MAX:
        raise InvalidRequest.at("quantity", f"the stock would come to {after}")
    return StockLine(product_id, quantity, after)


def _not_below(state: State, product: Product, line: StockLine) -> None:
    if line.quantity < 0 and line.stock < 0 and oversell_refused(state, product):
        raise Conflict(
            reason=f"{product.name} would come to {line.stock}: it has moved since. Look, and count it again."
        )


def oversell_refused(state: State, product: Product) -> bool:
    return goods.oversell_refused(product, state.settings.get(OVERSELL))


def _taken_at_order(state: State, product: Product) -> bool:
    """A product that cannot be oversold is always taken when it is ordered: at the till it is too late to refuse."""
    return state.settings.get(TAKEN_AT) != "sale" or oversell_refused(state, product)


# -- what other facts move -------------------------------------------------------------------------------------------

# Product id -> what it moves by.
Moves = dict[str, int]


def with_stock(state: State, facts: list[Fact], at: At) -> list[Fact]:
    """The facts, each that moves stock with its movement before it. Raises SoldOut.

    The answering fact stays the last one.
    """
    all_of: list[Fact] = []
    for fact in facts:
        flow = FLOWS.get(type(fact))
        if flow is not None:
            kind, fact, moves, firm = flow(state, fact)
            moves = {key: quantity for key, quantity in moves.items() if quantity}
            if moves:
                all_of.append(_movement(state, kind, fact, moves, firm=firm, at=at))
        all_of.append(fact)
    return all_of


def _movement(
    state: State, kind: MovementKind, fact: Fact, moves: Moves, *, firm: bool, at: At
) -> StockMoved:
    """firm: it may be refused."""
    lines = []
    for product_id, quantity in moves.items():
        had = state.stock.get(product_id)
        before = 0 if had is None else had.quantity
        product = state.products.get(product_id)
        short = firm and quantity < 0 and before + quantity < 0
        if short and product is not None and oversell_refused(state, product):
            raise SoldOut(product_id=product_id, name=product.name, remaining=max(0, before))
        lines.append(StockLine(product_id, quantity, before + quantity))
    return StockMoved(movement_id=at.mint(), kind=kind, lines=tuple(lines), about=fact.subject())


def _kept(state: State, product_id: str) -> bool:
    """Whether the product has a stock, and the menu still tracks it (or no longer knows it)."""
    if state.stock.get(product_id) is None:
        return False
    product = state.products.get(product_id)
    return product is None or product.stock_tracked


def _add(moves: Moves, product_id: str, quantity: int) -> None:
    moves[product_id] = moves.get(product_id, 0) + quantity


# The movement's kind, the fact (perhaps with its lines marked), what it moves, and whether it may be refused.
Flow = tuple[MovementKind, Fact, Moves, bool]


def _ordered(state: State, fact: OrderPlaced) -> Flow:
    moves: Moves = {}
    lines: list[Line] | None = None
    for index, line in enumerate(fact.lines):
        if _kept(state, line.product_id):
            product = state.products.get(line.product_id)
            if product is not None and _taken_at_order(state, product):
                lines = list(fact.lines) if lines is None else lines
                lines[index] = replace(line, stocked=True)
                _add(moves, line.product_id, -line.quantity)
    return "order", fact if lines is None else replace(fact, lines=tuple(lines)), moves, True


def _stocked(state: State, check_id: str | None) -> dict[str, Line]:
    """The lines of the check that have taken from the stock."""
    check = None if check_id is None else state.checks.get(check_id)
    return {} if check is None else {line.line_id: line for line in check.lines if line.stocked}


def _changed(state: State, fact: LinesChanged) -> Flow:
    moves: Moves = {}
    stocked = _stocked(state, fact.check_id)
    for line in fact.lines:
        if line.line_id in stocked and _kept(state, line.product_id):
            _add(moves, line.product_id, line.was - line.quantity)
    return "change", fact, moves, True


def _voided(state: State, fact: LinesVoided) -> Flow:
    moves: Moves = {}
    stocked = _stocked(state, fact.check_id)
    for line in fact.lines:
        if line.line_id in stocked and _kept(state, line.product_id):
            _add(moves, line.product_id, line.quantity)
    return "void", fact, moves, False


def _aborted(state: State, fact: CheckAborted) -> Flow:
    return "abort", fact, _sum(state, _stocked(state, fact.check_id).values()), False


def _sum(state: State, lines: Iterable[Any]) -> Moves:
    moves: Moves = {}
    for line in lines:
        if _kept(state, line.product_id):
            _add(moves, line.product_id, line.quantity)
    return moves


def _sold(state: State, fact: SaleCompleted) -> Flow:
    """All that is sold, less what the check's orders took. Only what is sold over the counter can be refused."""
    moves: Moves = {}
    if fact.layaway_id is not None:
        return "sale", fact, moves, False
    check = None if fact.check_id is None else state.checks.get(fact.check_id)
    if check is not None and (check.status, Move.SETTLE) in NEXT:
        moves = _sum(state, (line for line in check.lines if line.stocked))
    for product_id, quantity in _sum(state, fact.lines).items():
        _add(moves, product_id, -quantity)
    return "sale", fact, moves, fact.check_id is None and fact.taken is None


def _sale_voided(state: State, fact: SaleVoided) -> Flow:
    # Goods of a layaway wait again for the one they were set aside for.
    lines = () if fact.layaway_id is not None else fact.lines
    return "sale_void", fact, _sum(state, lines), False


def _refunded(state: State, fact: SaleRefunded) -> Flow:
    return "refund", fact, _sum(state, fact.lines), False


def _set_aside(state: State, fact: LayawayOpened) -> Flow:
    moves = {product_id: -quantity for product_id, quantity in _sum(state, fact.lines).items()}
    return "aside", fact, moves, True


def _put_back(state: State, fact: LayawayCancelled) -> Flow:
    layaway = state.layaways.get(fact.layaway_id)
    return "aside_end", fact, _sum(state, () if layaway is None else layaway.lines), False


FLOWS: Final[dict[type[Fact], Callable[[State, Any], Flow]]] = {
    OrderPlaced: _ordered,
    LinesChanged: _changed,
    LinesVoided: _voided,
    CheckAborted: _aborted,
    SaleCompleted: _sold,
    SaleVoided: _sale_voided,
    SaleRefunded: _refunded,
    LayawayOpened: _set_aside,
    LayawayCancelled: _put_back,
}

DECISIONS: dict[type[Any], Any] = {MoveStock: move_stock, CountStock: count_stock}
