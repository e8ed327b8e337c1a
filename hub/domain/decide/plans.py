"""Starting, extending and stopping plans; the table charge as people set it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from hub.domain.charges import TABLE_CHARGE, with_table_charge
from hub.domain.check import Check, Line, Move, add_lines, total_of
from hub.domain.command import LineIn
from hub.domain.commands_plan import ExtendPlan, SetTableCharge, StartPlan, StopPlan
from hub.domain.decide.at import At
from hub.domain.decide.floor import target_check
from hub.domain.decide.orders import AMOUNT_MAX, price_lines
from hub.domain.decide.timed import plus_table_charge, table_charge, timed
from hub.domain.errors import Conflict, InvalidRequest, PlanNotRunning
from hub.domain.facts import Fact, PlanExtended, PlanStarted, PlanStopped, TableChargeSet
from hub.domain.menu import ProductKind
from hub.domain.plan import PlanMove, PlanRun, started
from hub.domain.state import State


def start_plan(state: State, command: StartPlan, at: At) -> list[Fact]:
    check = target_check(state, at, Move.ORDER)
    product = state.products.get(command.product_id)
    if product is None or product.kind != "plan" or product.plan is None:
        raise InvalidRequest.at("product_id", f"no such plan: {command.product_id}")
    guests = command.guests or check.guests
    if not guests:
        raise InvalidRequest.at("guests", "say for how many guests: the check does not know")
    plan_id = at.mint()
    wanted = LineIn(product.id, guests, options=command.options)
    lines = _paying(state, check, wanted, at, order_id=plan_id, kind="plan")
    line_id = lines[0].line_id
    lines = plus_table_charge(state, check, lines, at, plan_id)
    return [
        PlanStarted(
            check_id=check.check_id,
            check_no=check.check_no,
            plan=started(
                product,
                product.plan,
                plan_id=plan_id,
                line_id=line_id,
                guests=guests,
                time=at.stamp.time,
            ),
            lines=lines,
            check_total=_total_with(state, check, lines),
            check_version=check.version + 1,
        )
    ]


def _paying(
    state: State, check: Check, wanted: LineIn, at: At, *, order_id: str, kind: ProductKind
) -> tuple[Line, ...]:
    """The line that pays for a plan or its extension, at the price of the time band."""
    priced = price_lines(
        state, (wanted,), at, order_id=order_id, dining=check.dining, taken=check.lines, kinds=(kind,)
    )
    return tuple(replace(line, kind="plan") for line in timed(state, priced, at, dining=check.dining))


def _total_with(state: State, check: Check, lines: tuple[Line, ...]) -> int:
    total = total_of(add_lines(check.sums, lines), state.rounding, check.discounts)
    if total > AMOUNT_MAX:
        raise InvalidRequest.at("", f"the check would come to more than {AMOUNT_MAX}")
    return total


def _run(check: Check, plan_id: str | None, move: PlanMove, at: At) -> PlanRun:
    """The plan that is meant. Raises PlanNotRunning when the move is not allowed as it stands now."""
    if plan_id is None:
        runs = [run for run in check.plans if run.allows(move, at.stamp.time)]
        if len(runs) > 1:
            raise InvalidRequest.at("plan_id", "the check has more than one plan: name one")
        if not runs:
            raise PlanNotRunning(name=check.plans[-1].name if check.plans else "plan")
        return runs[0]
    run = next((run for run in check.plans if run.plan_id == plan_id), None)
    if run is None:
        raise InvalidRequest.at("plan_id", f"no such plan on the check: {plan_id}")
    if not run.allows(move, at.stamp.time):
        raise PlanNotRunning(name=run.name)
    return run


def extend_plan(state: State, command: ExtendPlan, at: At) -> list[Fact]:
    check = target_check(state, at, Move.ORDER)
    run = _run(check, command.plan_id, PlanMove.EXTEND, at)
    if run.terms.extension_product_id is None:
        raise Conflict(reason=f"{run.name} cannot be extended: its terms name no extension.")
    wanted = LineIn(run.terms.extension_product_id, run.guests * command.times)
    lines = _paying(state, check, wanted, at, order_id=at.mint(), kind="plan_extension")
    minutes = run.terms.extension_minutes * command.times
    return [
        PlanExtended(
            check_id=check.check_id,
            check_no=check.check_no,
            plan=run.extended(minutes),
            minutes=minutes,
            lines=lines,
            check_total=_total_with(state, check, lines),
            check_version=check.version + 1,
        )
    ]


def stop_plan(state: State, command: StopPlan, at: At) -> list[Fact]:
    check = target_check(state, at, Move.ORDER)
    run = _run(check, command.plan_id, PlanMove.STOP, at)
    return [
        PlanStopped(
            check_id=check.check_id,
            check_no=check.check_no,
            plan=run.stopped(at.stamp.time, command.reason),
            reason=command.reason,
            check_total=check.total,
            check_version=check.version + 1,
        )
    ]


def set_table_charge(state: State, command: SetTableCharge, at: At) -> list[Fact]:
    check = target_check(state, at, Move.ORDER)
    guests = check.guests if command.guests is None else command.guests
    line = _charge_line(state, check, command, at)
    now = line.with_quantity(guests)
    total = total_of(with_table_charge(check, now)[1], state.rounding, check.discounts)
    if total > AMOUNT_MAX:
        raise InvalidRequest.at("guests", f"the check would come to more than {AMOUNT_MAX}")
    return [
        TableChargeSet(
            check_id=check.check_id,
            check_no=check.check_no,
            line=now,
            before=line.quantity,
            check_total=total,
            check_version=check.version + 1,
        )
    ]


def _charge_line(state: State, check: Check, command: SetTableCharge, at: At) -> Line:
    """The table charge as it is on the check; one for no guest, at the price of now, where there is none."""
    found = [line for line in check.lines if line.product_id == TABLE_CHARGE and line.kind == "charge"]
    if command.line_id is not None:
        found = [line for line in found if line.line_id == command.line_id]
        if not found:
            raise InvalidRequest.at("line_id", f"no table charge of the check: {command.line_id}")
    if len(found) > 1:
        raise InvalidRequest.at("line_id", "the check has more than one table charge: name one")
    if found:
        return found[0]
    bands = state.bands
    band = None if bands is None else bands.at(at.stamp.time)
    if band is None or not band.table_charge:
        raise Conflict(reason="No table charge is set for this time of day.")
    return table_charge(state, band, at, line_id=f"{at.mint()}-charge", guests=0)


DECISIONS: dict[type[Any], Callable[[State, Any, At], list[Fact]]] = {
    StartPlan: start_plan,
    ExtendPlan: extend_plan,
    StopPlan: stop_plan,
    SetTableCharge: set_table_charge,
}
