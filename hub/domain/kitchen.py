"""What the kitchen and the floor make of a line, apart from whether it is paid."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from hub.domain.check import Line


class LineState(StrEnum):
    """Of each portion of a line.

    HELD: ordered, but the kitchen waits; FIRE ends it. WAITING: the kitchen makes it; SERVE ends it, or HOLD.
    SERVED: the guest has it; RECALL when that was a mistake.
    """

    HELD = "held"
    WAITING = "waiting"
    SERVED = "served"


class LineMove(StrEnum):
    HOLD = "hold"
    FIRE = "fire"
    SERVE = "serve"
    RECALL = "recall"


# Every move that is not here is refused.
NEXT: Final[dict[tuple[LineState, LineMove], LineState]] = {
    (LineState.HELD, LineMove.FIRE): LineState.WAITING,
    (LineState.WAITING, LineMove.HOLD): LineState.HELD,
    (LineState.WAITING, LineMove.SERVE): LineState.SERVED,
    (LineState.SERVED, LineMove.RECALL): LineState.WAITING,
}


def portions(line: Line) -> dict[LineState, int]:
    """How many portions are in which state. Those of one line are held together."""
    if line.kind != "item":
        return {}  # What only pays for something is not made.
    if line.held:
        return {LineState.HELD: line.quantity}
    counts = {LineState.WAITING: line.quantity - line.served, LineState.SERVED: line.served}
    return {state: count for state, count in counts.items() if count}


def movable(line: Line, move: LineMove) -> int:
    """How many of the line's portions can make the move now."""
    return sum(count for state, count in portions(line).items() if (state, move) in NEXT)


def state_of(line: Line) -> LineState:
    """The line's state for those who look at it: served when all of it is."""
    if line.held:
        return LineState.HELD
    return LineState.SERVED if line.kind != "item" or line.served >= line.quantity else LineState.WAITING
