"""What the facts of the floor mean for checks, tables and stock."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from msgspec.structs import replace

from hub.domain.charges import split_service
from hub.domain.check import (
    NEXT,
    Bill,
    Check,
    Line,
    Move,
    add_lines,
    merge_sums,
    pinned,
    split_sums,
    total_of,
)
from hub.domain.evolve_options import move_options
from hub.domain.facts import (
    CheckAborted,
    CheckBilled,
    CheckMerged,
    CheckMoved,
    CheckOpened,
    CheckReopened,
    CheckSplit,
    LinesServed,
    LinesVoided,
    OrderPlaced,
)
from hub.domain.goods import ran_out
from hub.domain.plan import PlanRun, paid_for
from hub.domain.seats import rise, sit
from hub.domain.service import added
from hub.domain.state import Meta, State
from hub.domain.trail import entry_of


class Misfit(Exception):
    """A fact about something that is not there, or not in a state for it: its foundation was lost."""


def check_at(state: State, check_id: str, move: Move) -> Check:
    """The check that a fact moves on. Raises Misfit when there is none or it cannot make that move."""
    check = state.checks.get(check_id)
    if check is None:
        raise Misfit(f"check {check_id} is not there")
    if (check.status, move) not in NEXT:
        raise Misfit(f"check {check_id} is {check.status}: no {move.value}")
    return check


def grow(state: State, name: str, value: int) -> None:
    """Raise a counter. An entry that comes late (recovered) never lowers one."""
    if value > (state.counters.get(name) or 0):
        state.counters.put(name, value)


def check_opened(state: State, fact: CheckOpened, meta: Meta) -> None:
    state.checks.put(
        fact.check_id,
        Check(
            check_id=fact.check_id,
            check_no=fact.check_no,
            business_date=meta.business_date,
            status="open",
            version=1,
            table_ids=fact.table_ids,
            guests=fact.guests,
            dining=fact.dining,
            opened_at=meta.time,
            name=fact.name,
            shared=fact.shared,
            customer_groups=fact.customer_groups,
            stay_notice_at=fact.stay_notice_at,
            trail=(entry_of(meta),),
        ),
    )
    for table_id in fact.table_ids:
        # Only a recovered entry can find somebody there who shares it not: that party came later and stays.
        if fact.shared or state.seated.get(table_id) is None:
            sit(state, table_id, fact.check_id)
    grow(state, f"check_no:{meta.business_date}", fact.check_no)


def order_placed(state: State, fact: OrderPlaced, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.ORDER)
    sums = add_lines(check.sums, fact.lines)
    fits = fact.check_version == check.version + 1
    state.checks.put(
        fact.check_id,
        replace(
            check,
            lines=check.lines + fact.lines,
            sums=sums,
            # A recovered order finds its check gone on without it: what it comes to now is worked out anew.
            total=fact.check_total if fits else total_of(sums, state.rounding, check.discounts),
            version=check.version + 1,
            charged=check.charged or fact.lines[-1].kind == "charge",
            trail=(*check.trail, entry_of(meta)),
        ),
    )
    move_stock(state, [(line.product_id, -line.quantity) for line in fact.lines])
    move_options(state, ((line.options, -line.quantity) for line in fact.lines))


def move_stock(state: State, portions: Iterable[tuple[str, int]]) -> None:
    """Add portions to the products that are counted; never below 0."""
    moved, known = False, state.products.get
    for product_id, quantity in portions:
        product = known(product_id)
        if product is None or product.remaining is None:
            continue
        left = max(0, product.remaining + quantity)
        ran_out(state, before=product.remaining, after=left)
        state.products.put(product_id, replace(product, remaining=left))
        moved = True
    if moved:
        stock_moved(state)


def stock_moved(state: State) -> None:
    """The menu that readers see is another one now."""
    state.counters.put("stock_version", (state.counters.get("stock_version") or 0) + 1)


def without(lines: tuple[Line, ...], taken: dict[str, int]) -> tuple[Line, ...]:
    """The lines less these quantities; a line of which nothing is left is gone."""
    left = []
    for line in lines:
        rest = line.quantity - taken.get(line.line_id, 0)
        if rest == line.quantity:
            left.append(line)
        elif rest > 0:
            left.append(line.with_quantity(rest))
    return tuple(left)


def lines_voided(state: State, fact: LinesVoided, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.VOID)
    taken = {line.line_id: line.quantity for line in fact.lines}
    gone = [
        line.part(min(line.quantity, taken[line.line_id])) for line in check.lines if line.line_id in taken
    ]
    sums = add_lines(check.sums, gone, -1)
    plans = check.plans
    if plans:
        had = {line.line_id: line.quantity for line in check.lines}
        left = {line.line_id: had[line.line_id] - line.quantity for line in gone}
        plans = paid_for(plans, left, meta.time)
    state.checks.put(
        fact.check_id,
        replace(
            check,
            lines=without(check.lines, taken),
            sums=sums,
            total=total_of(sums, state.rounding, check.discounts),
            version=check.version + 1,
            plans=plans,
        ),
    )
    move_stock(state, [(line.product_id, line.quantity) for line in fact.lines])
    move_options(state, ((line.options, line.quantity) for line in gone))


def lines_served(state: State, fact: LinesServed, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.SERVE)
    served = {line.line_id: line.quantity for line in fact.lines}
    lines = tuple(
        replace(line, served=min(line.quantity, line.served + served[line.line_id]))
        if line.line_id in served
        else line
        for line in check.lines
    )
    state.checks.put(fact.check_id, replace(check, lines=lines, version=check.version + 1))


def leave_tables(state: State, check: Check) -> None:
    for table_id in check.table_ids:
        rise(state, table_id, check.check_id)


def take_tables(state: State, check_id: str, table_ids: tuple[str, ...]) -> None:
    for table_id in table_ids:
        sit(state, table_id, check_id)


def change_tables(state: State, check: Check, table_ids: tuple[str, ...]) -> None:
    """From the check's tables to these. At one that it keeps it stays before those who came to it later."""
    for table_id in check.table_ids:
        if table_id not in table_ids:
            rise(state, table_id, check.check_id)
    take_tables(state, check.check_id, table_ids)


def check_moved(state: State, fact: CheckMoved, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.MOVE)
    change_tables(state, check, fact.table_ids)
    state.checks.put(
        fact.check_id,
        replace(
            check,
            table_ids=fact.table_ids,
            shared=check.shared if fact.shared is None else fact.shared,
            version=check.version + 1,
        ),
    )


def check_merged(state: State, fact: CheckMerged, meta: Meta) -> None:
    check = pinned(check_at(state, fact.check_id, Move.TAKE_IN))
    other = pinned(check_at(state, fact.merged_check_id, Move.JOIN))
    sums = merge_sums(check.sums, other.sums, state.rounding)
    names = {renamed.line_id: renamed.new_line_id for renamed in fact.renamed}
    came = tuple(
        replace(
            line,
            line_id=names.get(line.line_id, line.line_id),
            parent_line_id=line.parent_line_id and names.get(line.parent_line_id, line.parent_line_id),
            # Its tax was chosen by where its own check eats.
            dining=line.dining or (other.dining if other.dining != check.dining else None),
            came=(*line.came, other.check_id),
        )
        for line in other.lines
    )
    leave_tables(state, other)
    take_tables(state, fact.check_id, fact.table_ids)
    state.checks.put(
        fact.check_id,
        replace(
            check,
            lines=check.lines + came,
            sums=sums,
            total=total_of(sums, state.rounding, ()),
            table_ids=fact.table_ids,
            guests=fact.guests,
            customer_groups=fact.customer_groups,
            version=check.version + 1,
            plans=(*check.plans, *(_renamed(run, names) for run in other.plans)),
            charged=check.charged or other.charged,
            service=added(check.service, other.service),
            # One bill again, which is rounded once.
            service_tax=0,
        ),
    )
    state.checks.put(
        fact.merged_check_id,
        replace(
            other,
            status="merged",
            merged_into=fact.check_id,
            gave=other.sums,
            shares=None,
            brought=tuple(table for table in other.table_ids if table not in check.table_ids),
            lines=(),
            sums=(),
            total=0,
            plans=(),
            ended_at=meta.time,
            version=other.version + 1,
        ),
    )


def _renamed(run: PlanRun, names: dict[str, str]) -> PlanRun:
    return replace(run, line_id=names[run.line_id]) if run.line_id in names else run


def check_split(state: State, fact: CheckSplit, meta: Meta) -> None:
    check = pinned(check_at(state, fact.check_id, Move.SPLIT))
    stay, leave = split_sums(check.sums, fact.new_lines, state.rounding)
    taken = {line.line_id: line.quantity for line in fact.lines}
    rest = replace(
        check,
        lines=without(check.lines, taken),
        sums=stay,
        total=total_of(stay, state.rounding, ()),
        version=check.version + 1,
    )
    new = Check(
        check_id=fact.new_check_id,
        check_no=fact.new_check_no,
        business_date=meta.business_date,
        status="open",
        version=fact.new_check_version,
        table_ids=(),
        guests=0,
        dining=check.dining,
        opened_at=meta.time,
        lines=fact.new_lines,
        sums=leave,
        total=total_of(leave, state.rounding, ()),
        name=check.name,
        split_from=fact.check_id,
        price_list=check.price_list,
    )
    rate = state.tax.rate("standard", "eat_in", datetime.fromisoformat(meta.time).timestamp())
    rest, new = split_service(check, rest, new, rate, state.rounding)
    state.checks.put(fact.check_id, rest)
    state.checks.put(fact.new_check_id, new)
    grow(state, f"check_no:{meta.business_date}", fact.new_check_no)


def check_billed(state: State, fact: CheckBilled, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.BILL)
    state.checks.put(
        fact.check_id, replace(check, status="billed", version=check.version + 1, bill=_bill(check, fact))
    )


def _bill(check: Check, fact: CheckBilled) -> Bill | None:
    deals = tuple(one for one in fact.discounts if one.deal_id is not None)
    plain = fact.round_to == 1 and not fact.charges and not deals
    if fact.due is None or (plain and fact.due == check.total):
        return None
    return Bill(total=fact.due, charges=fact.charges, round_to=fact.round_to, deals=deals)


def check_reopened(state: State, fact: CheckReopened, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.REOPEN)
    state.checks.put(fact.check_id, replace(check, status="open", version=check.version + 1, bill=None))


def check_aborted(state: State, fact: CheckAborted, meta: Meta) -> None:
    check = check_at(state, fact.check_id, Move.ABORT)
    leave_tables(state, check)
    state.checks.put(
        fact.check_id,
        replace(check, status="aborted", reason=fact.reason, ended_at=meta.time, version=check.version + 1),
    )
    move_stock(state, [(line.product_id, line.quantity) for line in check.lines])
    move_options(state, ((line.options, line.quantity) for line in check.lines))
