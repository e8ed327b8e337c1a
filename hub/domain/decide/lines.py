"""Changes of lines that are on a check: voids, quantities, and what the kitchen makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub.domain.check import Check, Move, add_lines, total_of
from hub.domain.command import LineQuantity
from hub.domain.commands import ServeLines, VoidLines
from hub.domain.commands_lines import ChangeQuantity, FireLines, HoldLines, RecallLines
from hub.domain.decide.at import At
from hub.domain.decide.floor import target_check
from hub.domain.decide.options import options_left
from hub.domain.decide.orders import AMOUNT_MAX, in_stock
from hub.domain.decide.portions import Portions, children_by_parent, named, portions_of, with_children
from hub.domain.errors import Conflict, InvalidRequest
from hub.domain.facts import Fact, LineCount, LinesServed, LinesVoided, VoidedLine
from hub.domain.facts_lines import (
    ChangedLine,
    KitchenLine,
    LinesChanged,
    LinesFired,
    LinesHeld,
    LinesRecalled,
    RecalledLine,
)
from hub.domain.kitchen import LineMove, movable
from hub.domain.state import State


def void_lines(state: State, command: VoidLines, at: At) -> list[Fact]:
    check = target_check(state, at, Move.VOID)
    portions = with_children(check, portions_of(check, command.lines))
    voided = [line.part(quantity) for line, quantity in portions]
    return [
        LinesVoided(
            check_id=check.check_id,
            check_no=check.check_no,
            lines=tuple(
                VoidedLine(line.line_id, line.product_id, line.name, line.quantity, line.amount)
                for line in voided
            ),
            reason=command.reason,
            check_version=check.version + 1,
            check_total=total_of(add_lines(check.sums, voided, -1), state.rounding, check.discounts),
        )
    ]


def change_quantity(state: State, command: ChangeQuantity, at: At) -> list[Fact]:
    """More portions need room in the stock as an order does; fewer are voided."""
    check = target_check(state, at, Move.VOID)
    check.after(Move.ORDER)
    portions = with_children(check, named(check, command.lines))
    portions = [(line, quantity) for line, quantity in portions if quantity != line.quantity]
    if not portions:
        raise InvalidRequest.at("lines", "every line has that quantity already")
    more = [(line, quantity - line.quantity) for line, quantity in portions if quantity > line.quantity]
    if more:
        _room_for(state, more, portions)
    before = [line for line, _ in portions]
    after = [line.with_quantity(quantity) for line, quantity in portions]
    total = total_of(add_lines(add_lines(check.sums, before, -1), after), state.rounding, check.discounts)
    if total > AMOUNT_MAX:
        raise InvalidRequest.at("lines", f"the check would come to more than {AMOUNT_MAX}")
    return [
        LinesChanged(
            check_id=check.check_id,
            check_no=check.check_no,
            lines=tuple(
                ChangedLine(
                    line.line_id, line.product_id, line.name, old.quantity, line.quantity, line.amount
                )
                for old, line in zip(before, after, strict=True)
            ),
            reason=command.reason,
            check_version=check.version + 1,
            check_total=total,
        )
    ]


def _room_for(state: State, more: Portions, portions: Portions) -> None:
    """Raises SoldOut, or InvalidRequest for a product that is no longer on the menu."""
    wanted: dict[str, int] = {}
    for line, quantity in portions:
        wanted[line.product_id] = wanted.get(line.product_id, 0) + quantity - line.quantity
    options: dict[str, int] = {}
    for line, quantity in portions:
        if quantity < line.quantity and line.options:
            options_left(state, line.options, quantity - line.quantity, options)
    for line, extra in more:
        if line.in_plan:
            raise Conflict(reason=f"{line.name} was ordered in a plan: order more instead.")
        if line.kind == "charge":
            raise Conflict(reason=f"{line.name} is the hub's charge: set the table charge instead.")
        product = state.products.get(line.product_id)
        if product is None:
            raise InvalidRequest.at("lines", f"{line.name} is no longer on the menu: its line cannot grow")
        if wanted[line.product_id] > 0:
            in_stock(product, wanted[line.product_id])
        if line.options:
            options_left(state, line.options, extra, options)


def serve_lines(state: State, command: ServeLines, at: At) -> list[Fact]:
    """A set takes those of its children along that are not served yet; a child may be served by itself."""
    check = target_check(state, at, Move.SERVE)
    counts = _kitchen_counts(check, command.lines, LineMove.SERVE)
    return [
        LinesServed(
            check_id=check.check_id,
            lines=tuple(LineCount(line_id, quantity) for line_id, quantity in counts.items()),
            check_version=check.version + 1,
            check_total=check.total,
        )
    ]


def recall_lines(state: State, command: RecallLines, at: At) -> list[Fact]:
    check = target_check(state, at, Move.SERVE)
    counts = _kitchen_counts(check, command.lines, LineMove.RECALL)
    return [
        LinesRecalled(
            check_id=check.check_id,
            lines=tuple(RecalledLine(line_id, quantity) for line_id, quantity in counts.items()),
            check_version=check.version + 1,
            check_total=check.total,
        )
    ]


def _kitchen_counts(check: Check, wanted: Sequence[LineQuantity], move: LineMove) -> dict[str, int]:
    """How many portions of which lines make the move: those that are named, and what goes with a set."""
    counts: dict[str, int] = {}
    asked = portions_of(check, wanted)
    for index, (line, quantity) in enumerate(asked):
        if line.held:
            raise Conflict(reason=f"{line.name} is held: fire it first.")
        left = movable(line, move)
        if quantity > left:
            still = "still to be served" if move is LineMove.SERVE else "marked as served"
            raise InvalidRequest.at(f"lines[{index}].quantity", f"only {left} are {still}")
        counts[line.line_id] = quantity
    children = children_by_parent(check)
    for line, quantity in asked if children else ():
        after = line.served + (quantity if move is LineMove.SERVE else -quantity)
        for child in children.get(line.line_id, ()):
            goal = after * (child.quantity // line.quantity)
            along = goal - child.served if move is LineMove.SERVE else child.served - goal
            along = min(along, movable(child, move))
            if along > 0 and child.line_id not in counts:
                counts[child.line_id] = along
    return counts


def fire_lines(state: State, command: FireLines, at: At) -> list[Fact]:
    check = target_check(state, at, Move.SERVE)
    course = command.course
    if not command.lines and course is None:
        course = next((line.course for line in check.lines if line.held), None)
    lines = _whole_lines(check, command.lines, course, LineMove.FIRE)
    return [
        LinesFired(
            check_id=check.check_id,
            check_no=check.check_no,
            lines=lines,
            check_version=check.version + 1,
            check_total=check.total,
        )
    ]


def hold_lines(state: State, command: HoldLines, at: At) -> list[Fact]:
    check = target_check(state, at, Move.SERVE)
    if not command.lines and command.course is None:
        raise InvalidRequest.at("lines", "name lines or a course")
    lines = _whole_lines(check, command.lines, command.course, LineMove.HOLD)
    return [
        LinesHeld(
            check_id=check.check_id,
            check_no=check.check_no,
            lines=lines,
            check_version=check.version + 1,
            check_total=check.total,
        )
    ]


def _whole_lines(
    check: Check, refs: Sequence[Any], course: str | None, move: LineMove
) -> tuple[KitchenLine, ...]:
    """The lines that make the move as a whole. A set takes its children along; a course is each line's own."""
    if refs and course is not None:
        raise InvalidRequest.at("course", "name either lines or a course")
    if refs:
        ids = {line.line_id for line, _ in named(check, (LineQuantity(ref.line_id, 1) for ref in refs))}
        chosen = [line for line in check.lines if line.line_id in ids or line.parent_line_id in ids]
    else:
        chosen = [line for line in check.lines if line.course == course]
    moving = [line for line in chosen if movable(line, move) == line.quantity]
    if not moving:
        raise Conflict(
            reason="Nothing of it is held."
            if move is LineMove.FIRE
            else "The kitchen has nothing of it left to do."
        )
    return tuple(
        KitchenLine(line.line_id, line.product_id, line.name, line.quantity, line.course) for line in moving
    )


DECISIONS: dict[type[Any], Any] = {
    VoidLines: void_lines,
    ChangeQuantity: change_quantity,
    ServeLines: serve_lines,
    RecallLines: recall_lines,
    FireLines: fire_lines,
    HoldLines: hold_lines,
}
