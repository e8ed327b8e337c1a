"""What a correction of the clock means: days, drawers and things get the time that they should have had."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from msgspec.structs import replace

from hub.domain.day import Day
from hub.domain.facts_clock import ClockCorrected, Correction, DayShare, DrawerShare, Thing
from hub.domain.figures import NO_FIGURES
from hub.domain.numbering import NumberDay, NumberRange
from hub.domain.permissions import unix_of
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
        _THINGS[thing.kind](state, thing)


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


def shifted(time: str, shift_ms: int) -> str:
    """The same moment so much later, in the same offset."""
    return (datetime.fromisoformat(time) + timedelta(milliseconds=shift_ms)).isoformat(
        timespec="milliseconds"
    )


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


# -- things that carry a time ---------------------------------------------------------------------------------------


def _sale(state: State, thing: Thing) -> None:
    sale = state.sales.get(thing.id)
    if sale is None:
        return
    closed = not _day(state, thing.business_date).open
    state.sales.put(
        thing.id,
        replace(
            sale,
            business_date=thing.business_date,
            accepted_at=shifted(sale.accepted_at, thing.shift_ms),
            late=sale.late or closed,
        ),
    )
    _number(state, thing)


def _refund(state: State, thing: Thing) -> None:
    sale = state.sales.get(thing.id)
    if sale is not None:
        refunds = tuple(
            replace(one, business_date=thing.business_date, at=shifted(one.at, thing.shift_ms))
            if one.refund_id == thing.part
            else one
            for one in sale.refunds
        )
        state.sales.put(thing.id, replace(sale, refunds=refunds))
        _number(state, thing)


def _number(state: State, thing: Thing) -> None:
    _used(state, thing, thing.number)


def _used(state: State, thing: Thing, number: str) -> None:
    use = state.number_uses.get(number) if number else None
    if use is not None:
        at = shifted(use.at, thing.shift_ms)
        state.number_uses.put(number, replace(use, business_date=thing.business_date, at=at))


def _formal(state: State, thing: Thing) -> None:
    """The paper stays as it was handed out: only the list of numbers knows better."""
    _used(state, thing, thing.id)


def _received(state: State, thing: Thing) -> None:
    payment = state.received.get(thing.id)
    if payment is not None:
        at = shifted(payment.at, thing.shift_ms)
        state.received.put(thing.id, replace(payment, business_date=thing.business_date, at=at))
        _number(state, thing)


def _layaway(state: State, thing: Thing) -> None:
    layaway = state.layaways.get(thing.id)
    if layaway is not None:
        opened_at = shifted(layaway.opened_at, thing.shift_ms)
        state.layaways.put(thing.id, replace(layaway, business_date=thing.business_date, opened_at=opened_at))
        _number(state, thing)


def _customer(state: State, thing: Thing) -> None:
    """Points expire from the day on which their owner was really here."""
    customer = state.customers.get(thing.id)
    if customer is not None:
        before = "" if customer.moved_on == thing.was else customer.moved_on
        if before and thing.part == "opening":
            # Whoever was known already was not here because the cloud said something of them.
            return
        used_on = thing.business_date if customer.used_on == thing.was else customer.used_on
        state.customers.put(
            thing.id, replace(customer, moved_on=max(before, thing.business_date), used_on=used_on)
        )


def _check(state: State, thing: Thing) -> None:
    check = state.checks.get(thing.id)
    if check is None:
        return
    # Numbers that guests were called by stay; the day they belong to goes on behind them.
    name = f"check_no:{thing.business_date}"
    state.counters.put(name, max(state.counters.get(name) or 0, check.check_no))
    state.checks.put(
        thing.id,
        replace(
            check,
            business_date=thing.business_date,
            opened_at=shifted(check.opened_at, thing.shift_ms),
            stay_notice_at=check.stay_notice_at and shifted(check.stay_notice_at, thing.shift_ms),
        ),
    )


def _plan(state: State, thing: Thing) -> None:
    """Its guests drink as long as they paid for, whatever the clock said meanwhile."""
    check = state.checks.get(thing.id)
    if check is None:
        return
    by = thing.shift_ms
    plans = tuple(
        replace(
            run,
            started_at=shifted(run.started_at, by),
            last_order_at=shifted(run.last_order_at, by),
            ends_at=shifted(run.ends_at, by),
            notice_at=run.notice_at and shifted(run.notice_at, by),
        )
        if run.plan_id == thing.part
        else run
        for run in check.plans
    )
    state.checks.put(thing.id, replace(check, plans=plans))


def _payment(state: State, thing: Thing) -> None:
    payment = state.payments.get(thing.id)
    if payment is not None:
        state.payments.put(
            thing.id,
            replace(
                payment,
                business_date=thing.business_date,
                due_at=shifted(payment.due_at, thing.shift_ms),
                warn_at=shifted(payment.warn_at, thing.shift_ms),
            ),
        )


def _session(state: State, thing: Thing) -> None:
    session = state.staff_sessions.get(thing.id)
    if session is not None and session.session_id == thing.part:
        expires_at = shifted(session.expires_at, thing.shift_ms)
        state.staff_sessions.put(
            thing.id,
            replace(
                session,
                signed_in_at=shifted(session.signed_in_at, thing.shift_ms),
                expires_at=expires_at,
                expires_unix_s=unix_of(expires_at),
            ),
        )


def _approval(state: State, thing: Thing) -> None:
    approval = state.approvals.get(thing.id)
    if approval is not None:
        expires_at = shifted(approval.expires_at, thing.shift_ms)
        state.approvals.put(
            thing.id,
            replace(
                approval,
                business_date=thing.business_date,
                asked_at=shifted(approval.asked_at, thing.shift_ms),
                expires_at=expires_at,
                expires_unix_s=unix_of(expires_at),
            ),
        )


_THINGS = {
    "sale": _sale,
    "refund": _refund,
    "check": _check,
    "plan": _plan,
    "payment": _payment,
    "session": _session,
    "approval": _approval,
    "received": _received,
    "layaway": _layaway,
    "number": _formal,
    "customer": _customer,
}
