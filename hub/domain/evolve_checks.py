"""What the facts of hub/domain/facts_check.py mean."""

from __future__ import annotations

from msgspec.structs import replace

from hub.domain.check import Move, SharePlan, pinned, total_of
from hub.domain.evolve_floor import Misfit, change_tables, check_at, take_tables
from hub.domain.facts_check import CheckChanged, CheckUnmerged, SharesPlanned
from hub.domain.merging import part
from hub.domain.rerating import rerated
from hub.domain.service import added
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


def check_unmerged(state: State, fact: CheckUnmerged, meta: Meta) -> None:
    check = pinned(check_at(state, fact.check_id, Move.GIVE_BACK))
    merged = check_at(state, fact.unmerged_check_id, Move.COME_BACK)
    if merged.merged_into != check.check_id:
        raise Misfit(f"check {merged.check_id} is not in {check.check_id}")
    parted = part(check, merged, state.rounding)
    # A plan goes where the line that pays for it goes.
    ids = {line.line_id for line in parted.back}
    change_tables(state, check, fact.table_ids)
    take_tables(state, merged.check_id, fact.unmerged_table_ids)
    state.checks.put(
        check.check_id,
        replace(
            check,
            lines=parted.stay,
            sums=parted.stay_sums,
            total=total_of(parted.stay_sums, state.rounding, ()),
            table_ids=fact.table_ids,
            guests=fact.guests,
            customer_groups=fact.customer_groups,
            version=check.version + 1,
            plans=tuple(run for run in check.plans if run.line_id not in ids),
            service=added(check.service, merged.service, -1),
            service_tax=0,
        ),
    )
    state.checks.put(
        merged.check_id,
        replace(
            merged,
            status="open",
            merged_into=None,
            ended_at=None,
            gave=(),
            brought=(),
            lines=parted.back,
            sums=parted.back_sums,
            total=total_of(parted.back_sums, state.rounding, ()),
            table_ids=fact.unmerged_table_ids,
            version=merged.version + 1,
            plans=tuple(run for run in check.plans if run.line_id in ids),
        ),
    )


def shares_planned(state: State, fact: SharesPlanned, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.SHARE)
    plan = SharePlan(fact.amounts, fact.parts) if fact.shares else None
    state.checks.put(fact.check_id, replace(check, shares=plan, version=check.version + 1))
