"""The shapes of what is read, for the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from hub.domain.check import Line, Status
from hub.domain.device import Role
from hub.domain.fact import Fact
from hub.domain.facts import ForeignRecorded
from hub.domain.menu import (
    Availability,
    Category,
    Dining,
    OptionGroup,
    Staff,
    Table,
    TaxClass,
    TaxRate,
    TenderMethod,
)


class ProductView(Struct):
    id: str
    code: str
    name: str
    kana: str
    category_id: str
    price: int
    tax_class: TaxClass
    tax_included: bool
    option_group_ids: list[str]
    open_price: bool
    stock_tracked: bool
    availability: Availability
    remaining: int | None = None


class MenuView(Struct):
    """remaining is there only for products whose portions are counted."""

    version: str
    currency: str
    categories: list[Category]
    products: list[ProductView]
    option_groups: list[OptionGroup]
    tax_rates: list[TaxRate]
    tables: list[Table]
    tender_methods: list[TenderMethod]
    staff: list[Staff]


class CheckView(Struct):
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
    lines: list[Line]
    total: int
    ended_at: str | None
    sale_id: str | None
    merged_into: str | None
    split_from: str | None
    reason: str | None


class CheckList(Struct):
    checks: list[CheckView]
    next_cursor: str | None


class SaleView(Struct):
    """The sale.completed fact as it stands now: with its status, refunds and voids."""

    sale_id: str
    receipt_no: str
    check_id: str | None
    business_date: str
    seq: int
    accepted_at: str
    status: Literal["completed", "voided", "refunded"]
    lines: list[dict[str, Any]]
    subtotal: int
    discount: int
    taxes: list[dict[str, Any]]
    total: int
    tenders: list[dict[str, Any]]
    change: int


class SaleList(Struct):
    sales: list[SaleView]
    next_cursor: str | None


class Count(Struct):
    count: int


class CountTotal(Struct):
    count: int
    total: int


class DayView(Struct):
    business_date: str
    closed: bool
    orders: Count
    sales: CountTotal
    voids: CountTotal
    refunds: CountTotal
    taxes: list[dict[str, Any]]
    tenders: list[dict[str, Any]]
    products: list[dict[str, Any]]
    hours: list[dict[str, Any]]
    devices: list[dict[str, Any]]


class LinkView(Struct):
    state: Literal["online", "degraded", "offline", "captive_portal", "refused", "paused"]


class WellKnown(Struct):
    v: int
    id: str
    store: str
    name: str
    path: str
    tls: int
    fp: str
    box: str
    role: Literal["primary", "standby"]
    api_versions: list[str]
    version: str
    time: str
    timezone: str
    currency: str
    link: LinkView


class LinkStatusView(Struct):
    state: Literal["online", "degraded", "offline", "captive_portal", "refused", "paused"]
    since: str
    reason: str


class Unsent(Struct):
    count: int
    oldest_at: str | None
    sales_total: int | None


class Storage(Struct):
    free_bytes: int
    journal_bytes: int
    days_left: int | None


class ClockView(Struct):
    trusted: bool
    source: str


class SyncView(Struct):
    link: LinkStatusView
    epoch: str
    last_seq: int
    acked_seq: int
    unsent: Unsent
    quarantined: list[dict[str, Any]]
    last_ack_at: str | None
    reconciliation: list[dict[str, Any]]
    storage: Storage
    clock: ClockView


class DeviceView(Struct):
    device_id: str
    name: str
    role: Role
    table_id: str | None
    paired_at: str
    last_seen_at: str | None
    revoked_at: str | None
    online: bool


class DeviceList(Struct):
    devices: list[DeviceView]


class Paired(Struct):
    device_id: str
    token: str
    role: Role
    hub: dict[str, Any]


class Health(Struct):
    status: Literal["ok"]


VIEWS: Final[dict[str, type[Struct]]] = {
    view.__name__: view
    for view in (
        MenuView, CheckView, CheckList, SaleView, SaleList, DayView, WellKnown, SyncView, DeviceList, Paired, Health,
    )
}  # fmt: skip


def answer_schema(fact: type[Fact], known: dict[str, Any], ref_template: str) -> dict[str, Any]:
    """The answer to a write: its fact, and where and when that was accepted."""
    accepted = {
        "type": "object",
        "required": ["seq", "business_date", "accepted_at"],
        "properties": {
            "seq": {"type": "integer", "description": "the seq of the entry"},
            "business_date": {"type": "string", "format": "date"},
            "accepted_at": {"type": "string", "format": "date-time"},
        },
    }
    if fact is ForeignRecorded:
        return accepted
    _, components = msgspec.json.schema_components([fact], ref_template=ref_template)
    known.update(components)
    return {"allOf": [{"$ref": ref_template.format(name=fact.__name__)}, accepted]}
