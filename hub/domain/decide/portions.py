"""Which lines of a check a request names, and what goes along with them."""

from __future__ import annotations

from collections.abc import Iterable

from hub.domain.check import Check, Line
from hub.domain.command import LineQuantity
from hub.domain.errors import InvalidRequest

Portions = list[tuple[Line, int]]


def portions_of(check: Check, wanted: Iterable[LineQuantity]) -> Portions:
    """The lines and how much of each. Raises InvalidRequest when the check does not have as much."""
    found = []
    for index, (line, quantity) in enumerate(named(check, wanted)):
        if quantity > line.quantity:
            raise InvalidRequest.at(f"lines[{index}].quantity", f"the line has {line.quantity}")
        found.append((line, quantity))
    return found


def named(check: Check, wanted: Iterable[LineQuantity]) -> Portions:
    """The lines, each with the quantity that stands in the request."""
    found: Portions = []
    seen: set[str] = set()
    for index, want in enumerate(wanted):
        line = check.line(want.line_id)
        if line is None:
            raise InvalidRequest.at(f"lines[{index}].line_id", f"no such line: {want.line_id}")
        if want.line_id in seen:
            raise InvalidRequest.at(f"lines[{index}].line_id", "the line is named twice")
        seen.add(want.line_id)
        found.append((line, want.quantity))
    return found


def with_children(check: Check, portions: Portions) -> Portions:
    """The same with the children of each set behind it, as many as go with so much of it.

    Raises InvalidRequest for a child that is named: it goes where its set goes.
    """
    children = children_by_parent(check)
    if not children:
        return portions
    found = []
    for index, (line, quantity) in enumerate(portions):
        if line.parent_line_id is not None:
            raise InvalidRequest.at(
                f"lines[{index}].line_id", f"is part of a set: name its line, {line.parent_line_id}"
            )
        found.append((line, quantity))
        found.extend(
            (child, child.quantity // line.quantity * quantity) for child in children.get(line.line_id, ())
        )
    return found


def children_by_parent(check: Check) -> dict[str, list[Line]]:
    children: dict[str, list[Line]] = {}
    for line in check.lines:
        if line.parent_line_id is not None:
            children.setdefault(line.parent_line_id, []).append(line)
    return children
