"""What the facts of plans and the table charge mean for a check."""

from __future__ import annotations

from msgspec.structs import replace

from hub.domain.charges import with_table_charge
from hub.domain.check import Check, Line, Move, add_lines, total_of
from hub.domain.evolve_floor import Misfit, check_at, move_stock
from hub.domain.facts_plan import PlanExtended, PlanStarted, PlanStopped, TableChargeSet
from hub.domain.plan import PlanRun
from hub.domain.state import Meta, State


def plan_started(state: State, fact: PlanStarted, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.ORDER)
    charged = check.charged or fact.lines[-1].kind == "charge"
    put = replace(_with_lines(state, check, fact.lines), plans=(*check.plans, fact.plan), charged=charged)
    state.checks.put(fact.check_id, put)
    move_stock(state, [(line.product_id, -line.quantity) for line in fact.lines])


def _with_lines(state: State, check: Check, lines: tuple[Line, ...]) -> Check:
    sums = add_lines(check.sums, lines)
    return replace(
        check,
        lines=check.lines + lines,
        sums=sums,
        total=total_of(sums, state.rounding, check.discounts),
        version=check.version + 1,
    )


def plan_extended(state: State, fact: PlanExtended, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.ORDER)
    run = _known(check, fact.plan)
    # Added to what it has now: an entry that comes late (recovered) must not take back a later extension.
    plans = _with(check, run.extended(fact.minutes))
    state.checks.put(fact.check_id, replace(_with_lines(state, check, fact.lines), plans=plans))
    move_stock(state, [(line.product_id, -line.quantity) for line in fact.lines])


def plan_stopped(state: State, fact: PlanStopped, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.ORDER)
    plans = _with(check, _known(check, fact.plan).stopped(meta.time, fact.reason))
    state.checks.put(fact.check_id, replace(check, plans=plans, version=check.version + 1))


def _known(check: Check, meant: PlanRun) -> PlanRun:
    run = next((run for run in check.plans if run.plan_id == meant.plan_id), None)
    if run is None:
        raise Misfit(f"plan {meant.plan_id} is not on check {check.check_id}")
    return run


def _with(check: Check, run: PlanRun) -> tuple[PlanRun, ...]:
    return tuple(run if known.plan_id == run.plan_id else known for known in check.plans)


def table_charge_set(state: State, fact: TableChargeSet, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.ORDER)
    lines, sums = with_table_charge(check, fact.line)
    state.checks.put(
        fact.check_id,
        replace(
            check,
            lines=lines,
            sums=sums,
            total=total_of(sums, state.rounding, check.discounts),
            charged=True,
            version=check.version + 1,
        ),
    )
