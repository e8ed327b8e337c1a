"""A plan (飲み放題/食べ放題): the timed right to order its items at 0, and how it stands at a moment.

All times are the hub's: a device shows them and never decides by its own clock.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct
from msgspec.structs import replace

from hub.domain.menu import PlanTerms, Product

# running: its items are ordered at 0; the clock ends it at the last order.
# closing: after the last order (ラストオーダー), guests still drink up; the clock or an extension ends it.
# ended: the time is over; only a stop follows, after which the items cost what they cost.
# stopped: ended by staff, or with the voided line that paid for it. Nothing follows.
Phase = Literal["running", "closing", "ended", "stopped"]


class PlanMove(StrEnum):
    """LAST_ORDER and END are made by the hub's clock, the others by people."""

    ORDER = "order"
    EXTEND = "extend"
    STOP = "stop"
    LAST_ORDER = "last_order"
    END = "end"


# Every move that is not here is refused. An order after the last one is refused, not sold at its price behind the
# guests' backs: whoever wants it so stops the plan first.
NEXT: Final[dict[tuple[Phase, PlanMove], Phase]] = {
    ("running", PlanMove.ORDER): "running",
    ("running", PlanMove.EXTEND): "running",
    ("running", PlanMove.STOP): "stopped",
    ("running", PlanMove.LAST_ORDER): "closing",
    ("closing", PlanMove.EXTEND): "running",
    ("closing", PlanMove.STOP): "stopped",
    ("closing", PlanMove.END): "ended",
    ("ended", PlanMove.STOP): "stopped",
}


class PlanRun(Struct, frozen=True, omit_defaults=True, gc=False):
    """A plan on a check. Its terms were copied when it started: a later menu does not change them.

    line_id: the priced line that pays for it. notice_at: when devices remind of the last order.
    """

    plan_id: str
    product_id: str
    name: str
    guests: int
    line_id: str
    started_at: str
    last_order_at: str
    ends_at: str
    terms: PlanTerms
    notice_at: str | None = None
    extended_minutes: int = 0
    stopped_at: str | None = None
    reason: str | None = None

    def phase(self, time: str) -> Phase:
        """How it stands at this time of the hub's (RFC 3339)."""
        if self.stopped_at is not None:
            return "stopped"
        now = datetime.fromisoformat(time)
        if now >= datetime.fromisoformat(self.ends_at):
            return "ended"
        return "closing" if now >= datetime.fromisoformat(self.last_order_at) else "running"

    def allows(self, move: PlanMove, time: str) -> bool:
        return (self.phase(time), move) in NEXT

    def covers(self, product: Product) -> bool:
        return product.id in self.terms.product_ids or product.category_id in self.terms.category_ids

    def extended(self, minutes: int) -> PlanRun:
        return replace(
            self,
            last_order_at=later(self.last_order_at, minutes),
            ends_at=later(self.ends_at, minutes),
            notice_at=None if self.notice_at is None else later(self.notice_at, minutes),
            extended_minutes=self.extended_minutes + minutes,
        )

    def stopped(self, time: str, reason: str) -> PlanRun:
        return replace(self, stopped_at=time, reason=reason)


def started(
    product: Product, terms: PlanTerms, *, plan_id: str, line_id: str, guests: int, time: str
) -> PlanRun:
    """The plan from this time of the hub's on."""
    last_order = terms.minutes - terms.last_order_minutes
    notice = max(0, last_order - terms.notice_minutes) if terms.notice_minutes else None
    return PlanRun(
        plan_id=plan_id,
        product_id=product.id,
        name=product.name,
        guests=guests,
        line_id=line_id,
        started_at=time,
        last_order_at=later(time, last_order),
        ends_at=later(time, terms.minutes),
        terms=terms,
        notice_at=None if notice is None else later(time, notice),
    )


def later(time: str, minutes: int) -> str:
    """So many minutes of real time later, in the same offset: 30 minutes are 30 minutes on the night clocks change."""
    return (datetime.fromisoformat(time) + timedelta(minutes=minutes)).isoformat(timespec="milliseconds")


def covering(plans: Iterable[PlanRun], product: Product, time: str) -> PlanRun | None:
    """The plan that the product is ordered on; when all that have it are past their last order, the latest of them."""
    found = None
    for run in plans:
        if run.stopped_at is None and run.covers(product):
            if run.allows(PlanMove.ORDER, time):
                return run
            if found is None or datetime.fromisoformat(run.ends_at) > datetime.fromisoformat(found.ends_at):
                found = run
    return found


def paid_for(plans: tuple[PlanRun, ...], quantities: dict[str, int], time: str) -> tuple[PlanRun, ...]:
    """The plans when quantities of lines have become these, by line id: each is for as many guests as pay for it.

    Without the line that pays for it a plan stops.
    """
    return tuple(
        run
        if run.line_id not in quantities or run.stopped_at is not None
        else replace(run, guests=quantities[run.line_id])
        if quantities[run.line_id]
        else run.stopped(time, "voided")
        for run in plans
    )
