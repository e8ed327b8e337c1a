"""decide(state, command, at) -> facts, or a refusal. Pure: time, ids and the caller are handed in.

A decision looks at everything first and then returns all of its facts, so a refusal leaves nothing half done.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hub.domain.cards import refuse_card_numbers
from hub.domain.commands import Command
from hub.domain.decide import (
    bands,
    checkin,
    checks,
    clock,
    credit,
    customers,
    days,
    devices,
    floor,
    layaways,
    lines,
    menu,
    options,
    orders,
    plans,
    points,
    price,
    receipts,
    recovery,
    registers,
    sales,
    staff,
    stock,
)
from hub.domain.decide.at import At
from hub.domain.decide.permission import permitted
from hub.domain.facts import Fact
from hub.domain.state import State

Decision = Callable[[State, Any, At], list[Fact]]

DECISIONS: Final[dict[type[Command], Decision]] = {
    **orders.DECISIONS,
    **checkin.DECISIONS,
    **floor.DECISIONS,
    **checks.DECISIONS,
    **lines.DECISIONS,
    **options.DECISIONS,
    **plans.DECISIONS,
    **sales.DECISIONS,
    **receipts.DECISIONS,
    **credit.DECISIONS,
    **layaways.DECISIONS,
    **price.DECISIONS,
    **bands.DECISIONS,
    **registers.DECISIONS,
    **days.DECISIONS,
    **menu.DECISIONS,
    **devices.DECISIONS,
    **recovery.DECISIONS,
    **clock.DECISIONS,
    **staff.DECISIONS,
    **stock.DECISIONS,
    **customers.DECISIONS,
    **points.DECISIONS,
}


def decide(state: State, command: Command, at: At) -> list[Fact]:
    """The facts that the command makes, last the one that answers it. Raises HubError when it is refused."""
    refuse_card_numbers(command)
    used = permitted(state, command, at)
    facts = DECISIONS[type(command)](state, command, at)
    if not state.stock.empty:
        facts = stock.with_stock(state, facts, at)
    return facts if used is None or not facts else [used, *facts]
