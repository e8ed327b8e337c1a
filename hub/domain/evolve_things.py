"""Things that carry a time of an entry that turned out to have had a wrong one: each gets the right one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec.structs import replace

from hub.domain.band import BY_HAND, ByHand
from hub.domain.facts_clock import Thing, ThingKind
from hub.domain.permissions import unix_of
from hub.domain.state import State


def shifted(time: str, shift_ms: int) -> str:
    """The same moment so much later, in the same offset."""
    return (datetime.fromisoformat(time) + timedelta(milliseconds=shift_ms)).isoformat(
        timespec="milliseconds"
    )


def _sale(state: State, thing: Thing) -> None:
    sale = state.sales.get(thing.id)
    if sale is None:
        return
    closed = state.late_on(thing.business_date)
    state.sales.put(
        thing.id,
        replace(
            sale,
            business_date=thing.business_date,
            accepted_at=shifted(sale.accepted_at, thing.shift_ms),
            late=sale.late or closed,
        ),
    )
    _used(state, thing, thing.number)


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
        _used(state, thing, thing.number)


def _layaway(state: State, thing: Thing) -> None:
    layaway = state.layaways.get(thing.id)
    if layaway is not None:
        opened_at = shifted(layaway.opened_at, thing.shift_ms)
        state.layaways.put(thing.id, replace(layaway, business_date=thing.business_date, opened_at=opened_at))
        _used(state, thing, thing.number)


def _customer(state: State, thing: Thing) -> None:
    """Points expire from the day on which their owner was really here."""
    customer = state.customers.get(thing.id)
    if customer is not None:
        before = "" if customer.moved_on == thing.was else customer.moved_on
        if before and thing.part == "opening":
            # Whoever was known already was not here because the cloud said something of them.
            return
        customer = replace(customer, uses=customer.with_used(thing.was, -thing.points))
        uses = customer.with_used(thing.business_date, thing.points)
        state.customers.put(thing.id, replace(customer, moved_on=max(before, thing.business_date), uses=uses))


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
                deferred_at=shifted(payment.deferred_at, thing.shift_ms),
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


def _plan_end(state: State, thing: Thing) -> None:
    check = state.checks.get(thing.id)
    if check is not None:
        plans = tuple(
            replace(run, stopped_at=shifted(run.stopped_at, thing.shift_ms))
            if run.plan_id == thing.part and run.stopped_at and _was(run.stopped_at, thing)
            else run
            for run in check.plans
        )
        state.checks.put(thing.id, replace(check, plans=plans))


def _settlement(state: State, thing: Thing) -> None:
    """A drawer is settled several times a day: one that was corrected may have the time that the next one had."""
    register = state.registers.get(thing.id)
    if register is not None:
        settlements = tuple(
            replace(one, at=shifted(one.at, thing.shift_ms))
            # The first versions named no entry.
            if thing.part in ("", str(one.seq)) and _was(one.at, thing)
            else one
            for one in register.settlements
        )
        state.registers.put(thing.id, replace(register, settlements=settlements))


def _band(state: State, thing: Thing) -> None:
    """It rules until the clock's next turn after the moment at which somebody let it rule."""
    said, bands = ByHand.read(state.settings.get(BY_HAND)), state.bands
    if said is not None and bands is not None and _was(said.since, thing):
        since = shifted(said.since, thing.shift_ms)
        moved = replace(said, since=since, until=bands.clock_turns_at(since))
        state.settings.put(BY_HAND, msgspec.json.encode(moved).decode())
        state.counters.put("menu_version", state.menu_version + 1)


# Two ends of one thing are told apart by their times: those that a clock cannot tell apart are one.
_SAME: Final = timedelta(seconds=2)


def _was(time: str, thing: Thing) -> bool:
    return abs(datetime.fromisoformat(time) - datetime.fromisoformat(thing.at)) <= _SAME


def _ended(shelf: str, name: str, on: str = "", by: str = "") -> Callable[[State, Thing], None]:
    """What to do when the time in that field was wrong, and the business date in `on`.

    by: the field with the seq of the entry that set it, if there is one. The first versions named and kept none.
    """

    def move(state: State, thing: Thing) -> None:
        found = getattr(state, shelf).get(thing.id)
        time = None if found is None else getattr(found, name)
        seq = getattr(found, by) if time and by else 0
        if time and _was(time, thing) and not (seq and thing.part and thing.part != str(seq)):
            days = {on: thing.business_date} if on else {}
            moved = replace(found, **{name: shifted(time, thing.shift_ms)}, **days)
            getattr(state, shelf).put(thing.id, moved)

    return move


THINGS: Final[dict[ThingKind, Callable[[State, Thing], None]]] = {
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
    "check_end": _ended("checks", "ended_at"),
    "void": _ended("sales", "voided_at"),
    "payment_end": _ended("payments", "ended_at", "ended_on"),
    "layaway_end": _ended("layaways", "ended_at"),
    "account": _ended("accounts", "last_at", by="last_seq"),
    "plan_end": _plan_end,
    "approval_end": _ended("approvals", "decided_at"),
    "approval_use": _ended("approvals", "used_at"),
    "device": _ended("devices", "paired_at"),
    "device_end": _ended("devices", "revoked_at"),
    "settlement": _settlement,
    "band": _band,
}
