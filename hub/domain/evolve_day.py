"""What the facts of drawer and day mean, and what money that moves means for them."""

from __future__ import annotations

from msgspec.structs import replace

from hub.domain.day import NEXT as DAY_NEXT
from hub.domain.day import Day, DayMove
from hub.domain.evolve_floor import Misfit
from hub.domain.facts_day import DayClosed, DrawerMoved, RegisterCounted, RegisterSettled
from hub.domain.facts_sale import SaleCompleted, SaleRefunded, SaleVoided
from hub.domain.figures import Figures, add_taxes, add_tenders, less_tenders
from hub.domain.register import (
    NEXT,
    Count,
    RegisterDay,
    RegisterMove,
    Settlement,
    register_key,
    tender_totals,
)
from hub.domain.sale import Tender
from hub.domain.state import Meta, State


def sold(state: State, fact: SaleCompleted, meta: Meta) -> None:
    day = _day(state, meta.business_date)
    figures = day.figures
    after = replace(figures, sales=figures.sales.plus(fact.total), net=figures.net + fact.total)
    _keep(state, day, _with(after, fact, 1), fact.total)
    took(state, fact.register_id, fact.tenders, 1, meta, at=fact.taken.at if fact.taken else None)


def voided(state: State, fact: SaleVoided, meta: Meta, register_id: str) -> None:
    day = _day(state, meta.business_date)
    figures = day.figures
    after = replace(figures, voids=figures.voids.plus(fact.total), net=figures.net - fact.total)
    _keep(state, day, _with(after, fact, -1), -fact.total)
    took(state, register_id, fact.tenders, -1, meta)


def refunded(state: State, fact: SaleRefunded, meta: Meta, register_id: str) -> None:
    day = _day(state, meta.business_date)
    figures = day.figures
    after = replace(figures, refunds=figures.refunds.plus(fact.total), net=figures.net - fact.total)
    _keep(state, day, _with(after, fact, -1), -fact.total)
    took(state, register_id, fact.tenders, -1, meta)


def _with(figures: Figures, fact: SaleCompleted | SaleVoided | SaleRefunded, sign: int) -> Figures:
    return replace(
        figures,
        taxes=add_taxes(figures.taxes, fact.taxes, sign),
        tenders=add_tenders(figures.tenders, fact.tenders, sign),
    )


def retendered(state: State, tenders: tuple[Tender, ...], sign: int, meta: Meta, register_id: str) -> None:
    """A sale turned out to be paid otherwise than was said: its tenders change, and nothing else of the day."""
    if tenders:
        day = _day(state, meta.business_date)
        figures = replace(day.figures, tenders=add_tenders(day.figures.tenders, tenders, sign))
        _keep(state, day, figures, 0)
        took(state, register_id, tenders, sign, meta)


def took(
    state: State,
    register_id: str,
    tenders: tuple[Tender, ...],
    sign: int,
    meta: Meta,
    *,
    at: str | None = None,
) -> None:
    """Tenders were taken at a register (sign 1) or given back (-1). at: when, for what was done without the hub."""
    register = _register(state, meta.business_date, register_id)
    before = at
    if at is None and register.settlements:
        last = register.settlements[-1]
        # What follows the settlement is later, whatever the clock said; what was lost and came back may not be.
        lost = meta.held_by and (meta.epoch != last.epoch or meta.seq < last.seq)
        before = meta.time if lost else None
    _put(state, register.traded(tenders, sign, before=before))


def _day(state: State, date: str) -> Day:
    return state.days.get(date) or Day(business_date=date)


def _keep(state: State, day: Day, figures: Figures, amount: int) -> None:
    late = day.late if day.revision == 0 else day.late.plus(amount)
    status = DAY_NEXT[day.status, DayMove.TRADE]
    state.days.put(day.business_date, replace(day, status=status, figures=figures, late=late))


def _register(state: State, date: str, register_id: str) -> RegisterDay:
    """The register on that day; the day knows of it from then on."""
    found = state.registers.get(register_key(date, register_id))
    if found is not None:
        return found
    day = _day(state, date)
    if register_id not in day.registers:
        state.days.put(date, replace(day, registers=(*day.registers, register_id)))
    return RegisterDay(register_id=register_id, business_date=date, day_closed=not day.open)


def _put(state: State, register: RegisterDay) -> None:
    state.registers.put(register_key(register.business_date, register.register_id), register)


def _moving(
    state: State, fact: DrawerMoved | RegisterCounted | RegisterSettled, move: RegisterMove
) -> RegisterDay:
    register = _register(state, fact.date, fact.register_id)
    if (register.status, move) not in NEXT:
        raise Misfit(f"register {fact.register_id} is {register.status}: no {move.value}")
    return register


def drawer_moved(state: State, fact: DrawerMoved, meta: Meta) -> None:
    move = RegisterMove(fact.kind)
    _put(state, _moving(state, fact, move).moved(move, fact.amount))


def register_counted(state: State, fact: RegisterCounted, meta: Meta) -> None:
    register = _moving(state, fact, RegisterMove.COUNT).moved(RegisterMove.COUNT)
    _put(state, replace(register, last_count=Count(meta.time, fact.expected, fact.counted)))


def register_settled(state: State, fact: RegisterSettled, meta: Meta) -> None:
    """What was settled leaves the present run: nothing, unless an entry came late."""
    register = _moving(state, fact, RegisterMove.SETTLE)
    settled = Settlement(
        number=fact.number,
        at=meta.time,
        epoch=meta.epoch,
        seq=meta.seq,
        float_=fact.float_,
        cash_in=fact.cash_in,
        cash_out=fact.cash_out,
        expected=fact.expected,
        counted=fact.counted,
        tenders=fact.tenders,
        unsent=fact.unsent,
    )
    _put(
        state,
        replace(
            register.moved(RegisterMove.SETTLE),
            float_=register.float_ - fact.float_,
            cash_in=register.cash_in - fact.cash_in,
            cash_out=register.cash_out - fact.cash_out,
            openings=max(0, register.openings - fact.openings),
            tenders=less_tenders(register.tenders, tender_totals(fact.tenders)),
            settlements=(*register.settlements, settled),
        ),
    )


def day_closed(state: State, fact: DayClosed, meta: Meta) -> None:
    day = _day(state, fact.date)
    if (day.status, DayMove.CLOSE) not in DAY_NEXT:
        raise Misfit(f"{fact.date} is closed already")
    state.days.put(
        fact.date,
        replace(
            day,
            status=DAY_NEXT[day.status, DayMove.CLOSE],
            frozen=fact.totals,
            revision=fact.revision,
            closed_at=meta.time,
            closed_by=fact.by,
            unsent=fact.unsent,
        ),
    )
    for register_id in fact.registers:
        register = state.registers.get(register_key(fact.date, register_id))
        if register is not None:
            _put(state, replace(register, day_closed=True))
