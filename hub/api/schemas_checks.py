"""The shapes of checks and of their bills, for the OpenAPI document."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from hub.api.schemas_floor import SharesView
from hub.domain.check import Line, Status
from hub.domain.discount import Discount
from hub.domain.kitchen import LineState
from hub.domain.menu import (
    Dining,
)
from hub.domain.reckoning import SaleLine, TaxRow


class PlanView(Struct):
    """A plan on a check in the hub's times, the same on every device. notice_at: when to remind of the last order."""

    plan_id: str
    product_id: str
    name: str
    guests: int
    line_id: str
    started_at: str
    notice_at: str | None
    last_order_at: str
    ends_at: str
    extended_minutes: int
    stopped_at: str | None
    reason: str | None
    product_ids: list[str]
    category_ids: list[str]


class LineView(Line, frozen=True, kw_only=True):
    """status: held until it is fired, waiting for the kitchen, served when all of it is."""

    status: LineState


class CheckView(Struct):
    """due: what the guest pays; of a billed check with the charges and the rounding of its bill."""

    check_id: str
    check_no: int
    business_date: str
    status: Status
    version: int
    table_ids: list[str]
    guests: int
    name: str
    dining: Dining
    opened_at: str
    lines: list[LineView]
    discounts: list[Discount]
    price_list: str
    total: int
    due: int
    charges: list[Line]
    plans: list[PlanView]
    stay_notice_at: str | None
    ended_at: str | None
    sale_id: str | None
    merged_into: str | None
    split_from: str | None
    reason: str | None
    shared: bool
    customer_groups: dict[str, int]
    shares: SharesView | None


class BillView(Struct):
    """What a check comes to when it is paid now. discounts: with the deals that the hub found."""

    check_id: str
    check_version: int
    lines: list[SaleLine]
    subtotal: int
    discount: int
    discounts: list[Discount]
    taxes: list[TaxRow]
    total: int


class CheckList(Struct):
    checks: list[CheckView]
    next_cursor: str | None


VIEWS: Final[dict[str, type[Struct]]] = {view.__name__: view for view in (CheckView, CheckList, BillView)}
