"""Defects put in from outside, to see that they are found."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock


def _one_boot_for_all() -> AbstractContextManager[Any]:
    """Monotonic times of other boots are taken for this one's."""
    from hub.service.clockwork import ClockWork

    async def place(work: ClockWork, boots: list[Any], first: int, offset_s: float) -> None:
        for boot in boots:
            boot.offset_s = offset_s

    return mock.patch.object(ClockWork, "_place", place)


def _moves_no_days() -> AbstractContextManager[Any]:
    """Corrections are listed, and the state does not apply them."""
    return mock.patch("hub.domain.evolve_clock._join", return_value=None)


def _forgets_reports() -> AbstractContextManager[Any]:
    """The day reports do not apply them."""
    return mock.patch("hub.domain.report.halves", return_value=())


def _forgets_other_boots() -> AbstractContextManager[Any]:
    """Only the entries of this boot are looked at."""
    from hub.domain.entries import read
    from hub.service.clockwork import ClockWork

    entries = ClockWork._entries

    async def mine(work: ClockWork, first: int, upto: int) -> Any:
        async for raw in entries(work, first, upto):
            if read(raw).bootid == work._boot:
                yield raw

    return mock.patch.object(ClockWork, "_entries", mine)


def _leaves_numbers() -> AbstractContextManager[Any]:
    """Receipt numbers stay on the list of the day that seemed to be."""
    return mock.patch("hub.domain.evolve_clock._move_numbers", return_value=None)


def _forgets_visits() -> AbstractContextManager[Any]:
    """Points expire counted from the day that seemed to be."""
    return mock.patch.dict("hub.domain.evolve_things.THINGS", {"customer": lambda state, thing: None})


def _leaves_ends() -> AbstractContextManager[Any]:
    """What ended at a wrong time is said to have ended then."""
    ends = ("check_end", "void", "payment_end", "layaway_end", "account")
    return mock.patch.dict("hub.domain.evolve_things.THINGS", dict.fromkeys(ends, lambda state, thing: None))


def _leaves_used_points() -> AbstractContextManager[Any]:
    """Points that were used count on the day that seemed to be."""
    from hub.domain.customer import Customer

    with_used = Customer.with_used

    def only_more(customer: Customer, day: str, points: int) -> Any:
        return with_used(customer, day, max(0, points))

    return mock.patch.object(Customer, "with_used", only_more)


def _corrects_once() -> AbstractContextManager[Any]:
    """What a correction said is never corrected again."""
    from hub.domain.retiming import Retiming

    add = Retiming.add

    def once(work: Retiming, envelope: Any, **more: Any) -> None:
        if not more["was_shift_ms"]:
            add(work, envelope, **more)

    return mock.patch.object(Retiming, "add", once)


MISTAKES: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "one-boot-for-all": _one_boot_for_all,
    "moves-no-days": _moves_no_days,
    "forgets-reports": _forgets_reports,
    "forgets-other-boots": _forgets_other_boots,
    "leaves-numbers": _leaves_numbers,
    "forgets-visits": _forgets_visits,
    "leaves-ends": _leaves_ends,
    "leaves-used-points": _leaves_used_points,
    "corrects-once": _corrects_once,
}
