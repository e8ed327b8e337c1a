"""What the facts about lines mean for checks and for what is left."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from hub.domain.check import Check, Line, Move, add_lines, total_of
from hub.domain.evolve_floor import check_at, move_stock
from hub.domain.evolve_options import move_options
from hub.domain.facts_lines import KitchenLine, LinesChanged, LinesFired, LinesHeld, LinesRecalled
from hub.domain.plan import paid_for
from hub.domain.state import Meta, State


def lines_changed(state: State, fact: LinesChanged, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.ORDER)
    quantities = {line.line_id: line.quantity for line in fact.lines}
    pairs = [
        (line, line.with_quantity(quantities[line.line_id]))
        for line in check.lines
        if line.line_id in quantities
    ]
    changed = {line.line_id: line for _, line in pairs}
    sums = add_lines(add_lines(check.sums, (old for old, _ in pairs), -1), changed.values())
    state.checks.put(
        fact.check_id,
        replace(
            check,
            lines=tuple(changed.get(line.line_id, line) for line in check.lines),
            sums=sums,
            total=total_of(sums, state.rounding, check.discounts),
            version=check.version + 1,
            plans=paid_for(check.plans, quantities, meta.time) if check.plans else (),
        ),
    )
    # What is given back comes before what is taken: a count never goes below 0 on the way.
    steps = sorted(
        ((old, old.quantity - new.quantity) for old, new in pairs), key=lambda step: step[1], reverse=True
    )
    move_stock(state, [(line.product_id, back) for line, back in steps])
    move_options(state, ((line.options, back) for line, back in steps))


def lines_fired(state: State, fact: LinesFired, meta: Meta) -> None:
    _hold(state, fact.check_id, fact.lines, held=False)


def lines_held(state: State, fact: LinesHeld, meta: Meta) -> None:
    _hold(state, fact.check_id, fact.lines, held=True)


def _hold(state: State, check_id: str, lines: Iterable[KitchenLine], *, held: bool) -> None:
    check = check_at(state, check_id, Move.SERVE)
    ids = {line.line_id for line in lines}
    _put(
        state, check, tuple(replace(line, held=held) if line.line_id in ids else line for line in check.lines)
    )


def lines_recalled(state: State, fact: LinesRecalled, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.SERVE)
    back = {line.line_id: line.quantity for line in fact.lines}
    _put(
        state,
        check,
        tuple(
            replace(line, served=max(0, line.served - back[line.line_id])) if line.line_id in back else line
            for line in check.lines
        ),
    )


def _put(state: State, check: Check, lines: tuple[Line, ...]) -> None:
    state.checks.put(check.check_id, replace(check, lines=lines, version=check.version + 1))
