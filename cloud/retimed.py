"""Business days after corrections of a box's clock: its entries stay as they are, totals apply what it found out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cloud.model import Correction, Hub
from cloud.store import keys
from cloud.store.ports import Session


class Stretch(NamedTuple):
    """Keys of which all entries are of the day, or (None) those that say so themselves."""

    low: int
    high: int
    of_the_day: bool | None


def keep(session: Session, hub: Hub, corrections: Iterable[Correction]) -> None:
    """Remember what entries that are on the chain now say of earlier ones."""
    for part, one in enumerate(corrections):
        session.run(
            "add_correction", key=keys.key(hub, one.seq), part=part, low=keys.key(hub, one.first_seq),
            high=keys.key(hub, one.last_seq), old_day=one.old_day, new_day=one.new_day,
        )  # fmt: skip


def stretches(session: Session, day: int, low: int, high: int) -> list[Stretch]:
    """How to count a day from low to high: later corrections stand over earlier ones."""
    found = [Stretch(low, high, None)]
    for first, last, new_day in session.rows("corrections_of_day", day=day, low=low, high=high):
        found = [part for one in found for part in _without(one, first, last)]
        found.append(Stretch(first, last, new_day == day))
    return sorted(one for one in found if one.of_the_day is not False)


def _without(one: Stretch, low: int, high: int) -> Iterator[Stretch]:
    """What is left of a stretch beside low to high."""
    if one.high < low or one.low > high:
        yield one
        return
    if one.low < low:
        yield one._replace(high=low - 1)
    if one.high > high:
        yield one._replace(low=high + 1)
