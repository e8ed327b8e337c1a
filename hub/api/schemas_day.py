"""The shapes of registers and days, for the OpenAPI document."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct, field

from hub.domain.day import DayStatus
from hub.domain.facts_day import DrawerSum, OpenCheckLeft
from hub.domain.figures import Figures, Tally, TenderTotal
from hub.domain.register import RegisterStatus, SettledTender


class SettlementView(Struct, kw_only=True):
    """expected_now and over_short_now: with the tenders of that time that the hub heard of afterwards (late)."""

    number: int
    at: str
    seq: int
    float_: int = field(name="float")
    cash_in: int
    cash_out: int
    expected: int
    counted: int
    over_short: int
    expected_now: int
    over_short_now: int
    tenders: list[SettledTender]
    late: list[TenderTotal]
    unsent: int


class CountView(Struct):
    """点検: cash expected and counted, the float included."""

    at: str
    expected: int
    counted: int
    over_short: int


class RegisterView(Struct, kw_only=True):
    """The drawer on one business day. Amounts are of the present run; expected: the cash that should be in it now."""

    register_id: str
    business_date: str
    status: RegisterStatus
    float_: int = field(name="float")
    cash_in: int
    cash_out: int
    cash_sales: int
    expected: int
    openings: int
    counts: int
    last_count: CountView | None
    tenders: list[TenderTotal]
    settlements: list[SettlementView]


class RegisterList(Struct):
    business_date: str
    registers: list[RegisterView]


class DayDifference(Struct):
    """What the figures are now, less what they were when they were frozen."""

    sales: Tally
    voids: Tally
    refunds: Tally
    net: int


class DayReconciliation(Struct):
    """The last comparison with the cloud: null when there was none or it could not be made."""

    agrees: bool | None
    at: str


class BusinessDayView(Struct, kw_only=True):
    """figures: as of now. frozen: those of the newest day.closed entry; difference: what changed since.

    unsent_at_closing: entries that the cloud had not acknowledged then; unsent: now.
    """

    business_date: str
    status: DayStatus
    revision: int
    closed_at: str | None
    closed_by: Literal["hand", "auto"] | None
    figures: Figures
    frozen: Figures | None
    difference: DayDifference | None
    late: Tally
    drawers: DrawerSum
    unsettled: list[str]
    open_checks: list[OpenCheckLeft]
    unsent: int
    unsent_at_closing: int
    reconciliation: DayReconciliation | None
    registers: list[RegisterView]


class DayRow(Struct):
    business_date: str
    status: DayStatus
    revision: int
    closed_at: str | None
    net: int
    late: Tally


class DayList(Struct):
    days: list[DayRow]


VIEWS: Final[dict[str, type[Struct]]] = {
    view.__name__: view for view in (RegisterView, RegisterList, BusinessDayView, DayList)
}
