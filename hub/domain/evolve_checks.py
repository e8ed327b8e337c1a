"""What the facts of hub/domain/facts_check.py mean."""

from __future__ import annotations

from msgspec.structs import replace

from hub.domain.check import Move, total_of
from hub.domain.evolve_floor import check_at
from hub.domain.facts_check import CheckChanged
from hub.domain.rerating import rerated
from hub.domain.state import Meta, State


def check_changed(state: State, fact: CheckChanged, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.CHANGE)
    lines, sums, total = check.lines, check.sums, check.total
    if fact.rerated:
        lines, sums = rerated(check, {line.line_id: line.tax_rate for line in fact.rerated})
        total = total_of(sums, state.rounding, check.discounts)
    state.checks.put(
        fact.check_id,
        replace(
            check,
            guests=fact.guests,
            customer_groups=fact.customer_groups,
            name=fact.name,
            dining=fact.dining,
            shared=fact.shared,
            lines=lines,
            sums=sums,
            total=total,
            version=check.version + 1,
        ),
    )
