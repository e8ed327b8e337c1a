"""What readers see of registers and business days, as plain JSON values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from hub.domain.day import Day
from hub.domain.facts_day import DrawerSum, OpenCheckLeft
from hub.domain.figures import Tally
from hub.domain.register import Count, RegisterDay, Settlement


def register_view(register: RegisterDay) -> dict[str, Any]:
    return {
        "register_id": register.register_id,
        "business_date": register.business_date,
        "status": register.status,
        "float": register.float_,
        "cash_in": register.cash_in,
        "cash_out": register.cash_out,
        "cash_sales": register.cash_sales,
        "expected": register.expected,
        "openings": register.openings,
        "counts": register.counts,
        "last_count": None if register.last_count is None else count_view(register.last_count),
        "tenders": msgspec.to_builtins(register.tenders),
        "settlements": [settlement_view(one) for one in register.settlements],
    }


def count_view(count: Count) -> dict[str, Any]:
    return {**msgspec.to_builtins(count), "over_short": count.counted - count.expected}


def settlement_view(settled: Settlement) -> dict[str, Any]:
    return {
        "number": settled.number,
        "at": settled.at,
        "seq": settled.seq,
        "float": settled.float_,
        "cash_in": settled.cash_in,
        "cash_out": settled.cash_out,
        "expected": settled.expected,
        "counted": settled.counted,
        "over_short": settled.counted - settled.expected,
        "expected_now": settled.expected_now,
        "over_short_now": settled.counted - settled.expected_now,
        "tenders": msgspec.to_builtins(settled.tenders),
        "late": msgspec.to_builtins(settled.late),
        "unsent": settled.unsent,
    }


def drawer_sum(registers: Iterable[RegisterDay]) -> DrawerSum:
    """All settlements of a day: the store's 精算, with what came late."""
    settled = [one for register in registers for one in register.settlements]
    expected, counted = sum(one.expected_now for one in settled), sum(one.counted for one in settled)
    return DrawerSum(expected, counted, counted - expected)


def unsettled(registers: Iterable[RegisterDay]) -> tuple[str, ...]:
    return tuple(register.register_id for register in registers if register.status == "open")


def day_view(
    day: Day,
    registers: Sequence[RegisterDay],
    left: Sequence[OpenCheckLeft],
    *,
    unsent: int,
    reconciliation: dict[str, Any] | None,
) -> dict[str, Any]:
    return {
        "business_date": day.business_date,
        "status": day.status,
        "revision": day.revision,
        "closed_at": day.closed_at,
        "closed_by": day.closed_by,
        "figures": msgspec.to_builtins(day.figures),
        "frozen": msgspec.to_builtins(day.frozen),
        "difference": _difference(day),
        "late": msgspec.to_builtins(day.late),
        "drawers": msgspec.to_builtins(drawer_sum(registers)),
        "unsettled": list(unsettled(registers)),
        "open_checks": msgspec.to_builtins(left),
        "unsent": unsent,
        "unsent_at_closing": day.unsent,
        "reconciliation": reconciliation,
        "registers": [register_view(register) for register in registers],
    }


def _difference(day: Day) -> dict[str, Any] | None:
    if day.frozen is None:
        return None
    now, then = day.figures, day.frozen

    def less(one: Tally, other: Tally) -> dict[str, int]:
        return {"count": one.count - other.count, "total": one.total - other.total}

    return {
        "sales": less(now.sales, then.sales),
        "voids": less(now.voids, then.voids),
        "refunds": less(now.refunds, then.refunds),
        "net": now.net - then.net,
    }


def day_row(day: Day) -> dict[str, Any]:
    return {
        "business_date": day.business_date,
        "status": day.status,
        "revision": day.revision,
        "closed_at": day.closed_at,
        "net": day.figures.net,
        "late": msgspec.to_builtins(day.late),
    }
