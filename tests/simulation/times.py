"""What the right times make of a round's entries, worked out with none of the product's corrections."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hub.domain import entries
from hub.domain.entries import Entry
from hub.domain.evolve_clock import retimed
from tests.support.core import NOON

TOKYO = ZoneInfo("Asia/Tokyo")
# A Date counts whole seconds and travels up to two; and what is right to two seconds is left alone.
NEAR_S = 5.0
SALE = "storehub.sale.completed.v1"


def true_unix_s(envelope: entries.Envelope) -> float:
    """The world's monotonic clock began at 1000 s when it was noon."""
    return NOON + int(envelope.monotonicms) / 1000 - 1000


def true_day(unix_s: float) -> str:
    return (datetime.fromtimestamp(unix_s, UTC).astimezone(TOKYO) - timedelta(hours=5)).date().isoformat()


def time_problems(found: Sequence[Entry], life: Any) -> tuple[list[str], int]:
    """Entries of boots that came to know the time and still have a wrong one, and days that do not add up to theirs."""
    problems: list[str] = []
    read = [entries.read(entry.raw) for entry in found]
    known = {envelope.bootid for envelope in read if envelope.timetrusted}
    days: dict[str, list[Any]] = {}
    moved = 0
    for entry, envelope in zip(found, read, strict=True):
        was = retimed(life.core.state.corrections, envelope.seq)
        moved += was is not None
        says = datetime.fromisoformat(envelope.time).timestamp() + (0 if was is None else was.shift_ms / 1000)
        truth = true_unix_s(envelope)
        day = envelope.businessdate if was is None else was.business_date
        if envelope.bootid in known:
            if abs(says - truth) > NEAR_S:
                problems.append(f"entry {envelope.seq} says {says - truth:.1f} s off the truth")
            if day not in (true_day(truth - NEAR_S), true_day(truth + NEAR_S)):
                problems.append(f"entry {envelope.seq} is of {true_day(truth)}, not of {day}")
        sums = days.setdefault(day, [0, 0, 0, 0, ""])
        sums[0] += 1
        sums[1] += envelope.type == SALE
        sums[3], sums[4] = envelope.seq, entry.hash
    ledger = life.up._keeper.ledger
    for name, day in ledger.days.items():
        if day.partial:
            continue
        mine = days.get(name, [0, 0, 0, 0, ""])
        if (day.entries, day.sales, day.last_seq, day.hash) != (mine[0], mine[1], mine[3], mine[4]):
            problems.append(f"{name} is counted as {day}, its entries say {mine}")
    return problems, moved
