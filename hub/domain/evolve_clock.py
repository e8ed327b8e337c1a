"""What a correction of the clock means: days, drawers and things get the time that they should have had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from hub.domain.day import Day
from hub.domain.evolve_things import THINGS
from hub.domain.facts_clock import ClockCorrected, Correction, DayShare, DrawerShare
from hub.domain.figures import NO_FIGURES
from hub.domain.numbering import NumberDay, NumberRange
from hub.domain.register import RegisterDay, Settlement, register_key
from hub.domain.report_moves import combined, figures_of, late_of, left_late, tenders
from hub.domain.shelf import Shelf
from hub.domain.state import Meta, State


def clock_corrected(state: State, fact: ClockCorrected, meta: Meta) -> None:
    for number, correction in enumerate(fact.corrections):
        state.corrections.put(f"{meta.seq:012d}-{number:04d}", correction)
    for share in fact.days:
        if share.from_ != share.to:
            _leave(state, share)
            _join(state, share)
            for drawer in share.drawers:
                _move_drawer(state, share, drawer)
            _move_numbers(state, share)
            _forget_empty(state, share.from_)
    for thing in fact.things:
        THINGS[thing.kind](state, thing)


@dataclass(slots=True, frozen=True)
class Retimed:
    """What is known of the time of an entry beyond what it says of itself."""

    business_date: str
    shift_ms: int
    exact: bool


def retimed(corrections: Shelf[Correction], seq: int) -> Retimed | None:
    """The newest correction of an entry; None for one that was right. Sees what is decided, too."""
    found = None
    for key, one in corrections.items():
        if one.first_seq <= seq <= one.last_seq and (found is None or key > found[0]):
            found = (key, one)
    return None if found is None else Retimed(found[1].new_business_date, found[1].shift_ms, found[1].exact)


def _day(state: State, date: str) -> Day:
    return state.days.get(date) or Day(business_date=date)


def _leave(state: State, share: DayShare) -> None:
    day = _day(state, share.from_)
    moved = late_of(share.report)
    late = day.late if day.revision == 0 else left_late(day.late, moved)
    figures = combined(day.figures, figures_of(share.report), -1)
    changed = replace(day, figures=figures, late=late)
    state.days.put(share.from_, _amended(changed) if moved.count else changed)


def _join(state: State, share: DayShare) -> None:
    """A day that was closed before its sales were known to be its own gets them late, and says so."""
    day = _day(state, share.to)
    moved = late_of(share.report)
    late = day.late
    if day.revision:
        late = replace(late, count=late.count + moved.count, total=late.total + moved.total)
    changed = replace(day, figures=combined(day.figures, figures_of(share.report), 1), late=late)
    state.days.put(share.to, _amended(changed) if moved.count else changed)


def _amended(day: Day) -> Day:
    return day if day.status == "open" else replace(day, status="amended")


def _forget_empty(state: State, date: str) -> None:
    """A day that never was: nothing had happened on it but what was of another."""
    day = state.days.get(date)
    if day is not None and day == Day(business_date=date, figures=NO_FIGURES):
        state.days.remove(date)


def _move_drawer(state: State, share: DayShare, moved: DrawerShare) -> None:
    old, new = _register(state, share.from_, moved), _register(state, share.to, moved)
    gone = tuple(one for one in old.settlements if one.seq in moved.settled)
    old = replace(
        old,
        float_=old.float_ - moved.float_,
        cash_in=old.cash_in - moved.cash_in,
        cash_out=old.cash_out - moved.cash_out,
        openings=max(0, old.openings - moved.openings),
        counts=max(0, old.counts - moved.counts),
        tenders=tenders(old.tenders, moved.tenders, -1),
        settlements=tuple(one for one in old.settlements if one.seq not in moved.settled),
    )
    new = replace(
        new,
        float_=new.float_ + moved.float_,
        cash_in=new.cash_in + moved.cash_in,
        cash_out=new.cash_out + moved.cash_out,
        openings=new.openings + moved.openings,
        counts=new.counts + moved.counts,
        tenders=tenders(new.tenders, moved.tenders, 1),
        settlements=_in_order((*new.settlements, *gone)),
    )
    _keep(state, share.from_, old)
    _keep(state, share.to, new)


def _move_numbers(state: State, share: DayShare) -> None:
    """The list of a day names what was handed out on it. The numbers stay: they stand on papers."""
    old = state.number_days.get(share.from_) or NumberDay(share.from_)
    moved: list[NumberRange] = []
    for part in share.numbers:
        old, gone = old.without(part)
        moved += gone
    if not moved:
        return
    new = state.number_days.get(share.to) or NumberDay(share.to)
    state.number_days.put(share.to, new.joined(moved))
    if old.ranges:
        state.number_days.put(share.from_, old)
    else:
        state.number_days.remove(share.from_)


def _in_order(settlements: tuple[Settlement, ...]) -> tuple[Settlement, ...]:
    return tuple(sorted(settlements, key=lambda one: one.seq))


def _register(state: State, date: str, moved: DrawerShare) -> RegisterDay:
    found = state.registers.get(register_key(date, moved.register_id))
    return found or RegisterDay(
        register_id=moved.register_id, business_date=date, day_closed=not _day(state, date).open
    )


def _keep(state: State, date: str, register: RegisterDay) -> None:
    key = register_key(date, register.register_id)
    day = _day(state, date)
    others = tuple(one for one in day.registers if one != register.register_id)
    running = register.float_ or register.cash_in or register.cash_out or register.tenders or register.counts
    if not running and not register.settlements and not register.openings:
        state.registers.remove(key)
        state.days.put(date, replace(day, registers=others))
        return
    state.registers.put(key, replace(register, status="open" if running else _at_rest(register)))
    if register.register_id not in day.registers:
        state.days.put(date, replace(day, registers=(*day.registers, register.register_id)))


def _at_rest(register: RegisterDay) -> Any:
    return "settled" if register.settlements else "closed"
