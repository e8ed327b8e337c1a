"""Mistakes put in from outside, each against one of the twelve, to see that the machine finds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Final
from unittest import mock

import msgspec

from hub.domain import check, decide, evolve, evolve_floor
from hub.domain.check import Move
from hub.domain.commands_day import CloseDay
from hub.domain.errors import Conflict
from hub.domain.facts import LinesVoided, ProductChanged
from hub.domain.facts_staff import ApprovalUsed
from hub.domain.state import State

Mistake = Callable[[], AbstractContextManager[Any]]


def _answers_are_forgotten() -> AbstractContextManager[Any]:
    """1: a retry is decided anew."""

    async def nothing(desk: Any, *_: Any) -> None:
        return None

    return mock.patch("hub.service.desk.Desk._first_answer", nothing)


def _keys_are_lost_in_a_restart() -> AbstractContextManager[Any]:
    """1: what was answered is not read back from the journal."""
    return mock.patch("hub.service.requests.Requests.note_entry", return_value=None)


def _anybody_may_sit_anywhere() -> AbstractContextManager[Any]:
    """2."""
    return mock.patch("hub.domain.seats.in_the_way", return_value=None)


def _voids_leave_the_total() -> AbstractContextManager[Any]:
    """3."""
    real = evolve.EVOLUTIONS[LinesVoided]

    def voided(state: State, fact: LinesVoided, meta: Any) -> None:
        before = state.checks.get(fact.check_id)
        real(state, fact, meta)
        after = state.checks.get(fact.check_id)
        if before is not None and after is not None:
            state.checks.put(after.check_id, msgspec.structs.replace(after, total=before.total))

    return mock.patch.dict(evolve.EVOLUTIONS, {LinesVoided: voided})


def _a_check_is_settled_twice() -> AbstractContextManager[Any]:
    """4."""
    return mock.patch.dict(check.NEXT, {("closed", Move.SETTLE): "closed"})


def _voids_give_no_portion_back() -> AbstractContextManager[Any]:
    """5: evolve_floor's own, as orders and voids see it."""
    real = evolve_floor.move_stock

    def only_taken(state: State, portions: Iterable[tuple[str, int]]) -> None:
        real(state, [(product_id, quantity) for product_id, quantity in portions if quantity < 0])

    return mock.patch.object(evolve_floor, "move_stock", only_taken)


def _goods_are_oversold() -> AbstractContextManager[Any]:
    """5, of goods."""
    return mock.patch("hub.domain.decide.stock.oversell_refused", return_value=False)


def _a_number_is_given_twice() -> AbstractContextManager[Any]:
    """7: the counter stands still."""
    return mock.patch("hub.domain.evolve_numbers.handed_out", return_value=None)


def _two_checks_have_one_number() -> AbstractContextManager[Any]:
    """7, of what guests are called by."""
    return mock.patch.object(evolve_floor, "grow", return_value=None)


def _what_failed_stays_in_the_draft() -> AbstractContextManager[Any]:
    """8."""
    return mock.patch("hub.domain.state.State.discard", return_value=None)


def _late_sales_are_todays() -> AbstractContextManager[Any]:
    """9: what a device took yesterday counts today."""

    def now(desk: Any, command: Any) -> Any:
        return desk._clock.stamp()

    return mock.patch("hub.service.desk.Desk._stamp", now)


def _prices_change_on_open_checks() -> AbstractContextManager[Any]:
    """11."""
    real = evolve.EVOLUTIONS[ProductChanged]

    def repriced(state: State, fact: ProductChanged, meta: Any) -> None:
        real(state, fact, meta)
        for key, one in list(state.checks.items()) if fact.price is not None else ():
            lines = tuple(
                msgspec.structs.replace(line, unit_price=fact.price, amount=fact.price * line.quantity)
                if line.product_id == fact.product_id
                else line
                for line in one.lines
            )
            if not one.ended and lines != one.lines:
                state.checks.put(key, msgspec.structs.replace(one, lines=lines))

    return mock.patch.dict(evolve.EVOLUTIONS, {ProductChanged: repriced})


def _a_day_waits_for_the_cloud() -> AbstractContextManager[Any]:
    """12: no closing while something is unsent."""
    real = decide.DECISIONS[CloseDay]

    def only_when_sent(state: State, command: Any, at: Any) -> Any:
        if at.unsent():
            raise Conflict(reason="unsent")
        return real(state, command, at)

    return mock.patch.dict(decide.DECISIONS, {CloseDay: only_when_sent})


def _a_leave_is_good_for_ever() -> AbstractContextManager[Any]:
    """Of approvals: used, and still granted."""
    nothing = mock.Mock(return_value=None)
    return mock.patch.dict(evolve.EVOLUTIONS, {ApprovalUsed: nothing})


MISTAKES: Final[dict[str, Mistake]] = {
    made.__name__.strip("_"): made
    for made in (
        _answers_are_forgotten,
        _keys_are_lost_in_a_restart,
        _anybody_may_sit_anywhere,
        _voids_leave_the_total,
        _a_check_is_settled_twice,
        _voids_give_no_portion_back,
        _goods_are_oversold,
        _a_number_is_given_twice,
        _two_checks_have_one_number,
        _what_failed_stays_in_the_draft,
        _late_sales_are_todays,
        _prices_change_on_open_checks,
        _a_day_waits_for_the_cloud,
        _a_leave_is_good_for_ever,
    )
}
