"""The vocabulary: what can become an entry. Field names are those of the answers (CONTRACT section 8).

The answer to a write is its last fact plus seq, business_date and accepted_at, so a first answer can always be made
again from the journal. A field is never renamed or given another meaning: old journals are read by this page.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec
from msgspec import Struct

from hub.domain.check import Line, Status
from hub.domain.device import Role
from hub.domain.fact import Fact, OfCheck
from hub.domain.facts_band import BAND_FACTS
from hub.domain.facts_check import CHECK_FACTS, CheckChanged, CheckUnmerged, SharesPlanned
from hub.domain.facts_clock import CLOCK_FACTS
from hub.domain.facts_credit import CREDIT_FACTS
from hub.domain.facts_customer import CUSTOMER_FACTS
from hub.domain.facts_day import DAY_FACTS
from hub.domain.facts_floor import (
    FLOOR_FACTS,
    CheckAborted,
    CheckBilled,
    CheckMerged,
    CheckMoved,
    CheckReopened,
    CheckSplit,
    LineCount,
    LinesServed,
    LinesVoided,
    Renamed,
    StaffCalled,
    VoidedLine,
)
from hub.domain.facts_layaway import LAYAWAY_FACTS
from hub.domain.facts_lines import LINE_FACTS
from hub.domain.facts_plan import PLAN_FACTS, PlanExtended, PlanStarted, PlanStopped, TableChargeSet
from hub.domain.facts_price import PRICE_FACTS, CheckDiscounted, DiscountVoided
from hub.domain.facts_receipt import RECEIPT_FACTS
from hub.domain.facts_sale import SALE_FACTS, NumbersReserved, SaleCompleted, SaleRefunded, SaleVoided
from hub.domain.facts_staff import STAFF_FACTS
from hub.domain.facts_stock import STOCK_FACTS
from hub.domain.menu import Dining


class CheckOpened(Fact, frozen=True, omit_defaults=False):
    """The new check as a whole, so that the answer is a check."""

    TYPE: ClassVar[str] = "check.opened"
    check_id: str
    check_no: int
    table_ids: tuple[str, ...]
    guests: int
    dining: Dining
    name: str = ""
    status: Status = "open"
    version: int = 1
    lines: tuple[Line, ...] = ()
    total: int = 0
    shared: bool = False
    customer_groups: dict[str, int] = msgspec.field(default_factory=dict)
    # When devices say that the party has been there for long; null: the time band has no such notice.
    stay_notice_at: str | None = None

    def subject(self) -> str:
        return f"checks/{self.check_id}"


class OrderPlaced(OfCheck, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "order.placed"
    order_id: str
    check_no: int
    lines: tuple[Line, ...]
    check_total: int
    check_version: int
    ordered_at: str | None = None


class ForeignRecorded(Fact, frozen=True, kw_only=True):
    """A fact of a handheld maker's own (`x.<maker>.<name>`): kept, ordered and replayed, never interpreted."""

    TYPE: ClassVar[str] = "x"
    type: str
    about: str | None
    data: msgspec.Raw

    def subject(self) -> str:
        return self.about or self.type

    def entry_type(self) -> str:
        return f"{self.type}.v1"


class DevicePaired(Fact, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "device.paired"
    device_id: str
    name: str
    role: Role
    token_hash: str
    table_id: str | None = None

    def subject(self) -> str:
        return f"devices/{self.device_id}"


class TokenOffered(Fact, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "device.token_offered"
    device_id: str
    token_hash: str

    def subject(self) -> str:
        return f"devices/{self.device_id}"


class TokenTaken(Fact, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "device.token_taken"
    device_id: str
    token_hash: str

    def subject(self) -> str:
        return f"devices/{self.device_id}"


class DeviceRevoked(Fact, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "device.revoked"
    device_id: str
    reason: str = ""

    def subject(self) -> str:
        return f"devices/{self.device_id}"


MasterKind = Literal[
    "category", "product", "option_group", "tax_rate", "table", "tender_method", "staff", "customer",
    "time_band", "stock", "deal", "coupon",
    "device_revoked", "setting",
]  # fmt: skip


class MasterChange(Struct, frozen=True):
    """One thing of the master data; value None: it is gone."""

    kind: MasterKind
    id: str
    value: Any
    version: str = ""


class MasterDecision(Struct, frozen=True):
    """Both sides had changed the same field since they last agreed; `kept` tells whose value stands."""

    product_id: str
    field: str
    ours: int
    theirs: int
    kept: Literal["cloud", "store"]


class MasterApplied(Fact, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "master.applied"
    source: Literal["cloud", "import"]
    changes: tuple[MasterChange, ...]
    cursor: str | None = None
    menu_version: int = 0
    decided: tuple[MasterDecision, ...] = ()

    def subject(self) -> str:
        return "master"


class ProductChanged(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """A change made in the store. Only what changed is there; remaining_counted False: no longer counted."""

    TYPE: ClassVar[str] = "product.changed"
    product_id: str
    availability: Literal["orderable", "sold_out"] | None = None
    remaining: int | None = None
    remaining_counted: bool = True
    price: int | None = None
    menu_version: int = 0

    def subject(self) -> str:
        return f"products/{self.product_id}"


class After(Struct, frozen=True):
    """A position and the hash of the entry there; seq 0 and 64 zeros before the first."""

    epoch: str
    seq: int
    hash: str


class HubStarted(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """Opens an epoch. `after` is the entry that it follows on this disk."""

    TYPE: ClassVar[str] = "hub.started"
    version: str
    box: str
    after: After
    receipt_series: str
    reason: Annotated[str, msgspec.Meta(description="start, restore, replace, promote, loss, repair")] = (
        "start"
    )
    # Check numbers of this business day go on after this one: those before it may be on lost checks.
    check_no_after: int = 0

    def subject(self) -> str:
        return "hub"


class EntryRecovered(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """An entry this disk had lost, back from the cloud, a mirror or a device: its exact bytes as text.

    counted False: the device had asked again with the same key in the meantime, and that answer stands.
    late: its business day had been closed.
    """

    TYPE: ClassVar[str] = "entry.recovered"
    epoch: str
    seq: int
    hash: str
    entry: str
    source: Literal["cloud", "mirror", "device", "disk"] = "cloud"
    counted: bool = True
    late: bool = False

    def subject(self) -> str:
        return f"entries/{self.epoch}-{self.seq}"


class EntryCorrected(Fact, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "entry.corrected"
    epoch: str
    seq: int
    correction: Any
    reason: str

    def subject(self) -> str:
        return f"entries/{self.epoch}-{self.seq}"


CORE_FACTS: Final[tuple[type[Fact], ...]] = (
    CheckOpened, OrderPlaced, DevicePaired, TokenOffered, TokenTaken, DeviceRevoked, MasterApplied, ProductChanged,
    HubStarted, EntryRecovered, EntryCorrected, *FLOOR_FACTS, *SALE_FACTS, *RECEIPT_FACTS,
    *CREDIT_FACTS, *LAYAWAY_FACTS, *CHECK_FACTS,
    *LINE_FACTS,
    *PRICE_FACTS,
    *BAND_FACTS,
    *DAY_FACTS,
    *STAFF_FACTS,
    *STOCK_FACTS,
    *PLAN_FACTS,
    *CUSTOMER_FACTS,
    *CLOCK_FACTS,
)  # fmt: skip

__all__ = [
    "CHECK_FACTS",
    "CORE_FACTS",
    "FLOOR_FACTS",
    "PLAN_FACTS",
    "PRICE_FACTS",
    "SALE_FACTS",
    "After",
    "CheckAborted",
    "CheckBilled",
    "CheckChanged",
    "CheckDiscounted",
    "CheckMerged",
    "CheckMoved",
    "CheckOpened",
    "CheckReopened",
    "CheckSplit",
    "CheckUnmerged",
    "DevicePaired",
    "DeviceRevoked",
    "DiscountVoided",
    "EntryCorrected",
    "EntryRecovered",
    "Fact",
    "ForeignRecorded",
    "HubStarted",
    "LineCount",
    "LinesServed",
    "LinesVoided",
    "MasterApplied",
    "MasterChange",
    "MasterDecision",
    "MasterKind",
    "NumbersReserved",
    "OrderPlaced",
    "PlanExtended",
    "PlanStarted",
    "PlanStopped",
    "ProductChanged",
    "Renamed",
    "SaleCompleted",
    "SaleRefunded",
    "SaleVoided",
    "SharesPlanned",
    "StaffCalled",
    "TableChargeSet",
    "VoidedLine",
]
