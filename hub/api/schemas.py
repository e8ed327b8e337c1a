"""The shapes of how the box is, for the OpenAPI document, and a list of all that its neighbours have."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from hub.api import (
    schemas_box,
    schemas_checks,
    schemas_customers,
    schemas_day,
    schemas_devices,
    schemas_menu,
    schemas_report,
    schemas_sales,
    schemas_staff,
    schemas_stock,
    schemas_till,
)
from hub.api.schemas_floor import FLOOR_VIEWS
from hub.domain.fact import Fact
from hub.domain.facts import ForeignRecorded
from hub.ports import LinkState
from hub.released import UpdateState


class LinkStatusView(Struct):
    """reason: a key and its words, e.g. 'dns: no address for cloud.example'."""

    state: LinkState
    since: str
    reason: str


class SetAside(Struct):
    """An entry that the cloud refused. amount: what it changes the sales by; null for a technician."""

    epoch: str
    seq: int
    type: str
    subject: str
    business_date: str
    amount: int | None
    reason: str
    at: str
    tries: int
    hash: str


class DaySums(Struct):
    """total: null for a technician. last_seq and hash: the chain's head on that day."""

    entries: int
    sales: int
    total: int | None
    last_seq: int
    hash: str


class Compared(Struct):
    """The last comparison of one business day with the cloud. agrees null: it could not be compared."""

    business_date: str
    agrees: bool | None
    hub: DaySums
    cloud: DaySums | None
    at: str


class MasterStatus(Struct):
    cursor: str
    last_at: str | None
    set_aside: list[dict[str, str]]
    problem: str


class CustomerKeysView(Struct):
    """Keys of customers on their way to the cloud. waiting: that it is not known to have, or to have destroyed.

    held: how many it has; None before it was asked since the start. came_back: fetched from there, as this box had lost
    them.
    """

    waiting: int
    held: int | None
    came_back: int
    problem: str


class HubAbout(Struct):
    """url: where devices reach the hub now; empty while it does not run."""

    id: str
    store_id: str
    name: str
    box: str
    version: str
    started_at: str
    url: str


class JournalStatus(Struct):
    """state: writable, or what keeps it from being written, with the reason."""

    state: str
    since: str
    reason: str


class BeaconView(Struct):
    state: Literal["off", "waiting", "announced", "failed"]
    addresses: list[str]
    reason: str


class UpsView(Struct):
    """state low: nearly empty, the machine is about to be stopped. reason: why it is not known."""

    state: Literal["line", "battery", "low", "unknown"]
    minutes_left: int | None
    charge: int | None
    reason: str


class MachineView(Struct):
    """Of the machine the hub runs on; null where it has no such sensor. power_was_low: since the machine started."""

    power: Literal["ok", "low"] | None
    power_was_low: bool | None
    heat: Literal["ok", "warm", "hot"] | None
    celsius: float | None
    slowed: bool | None
    ups: UpsView | None


class BehindView(Struct):
    """A witness knows of entries that this journal does not have."""

    witness: str
    epoch: str
    seq: int


class Unsent(Struct):
    count: int
    oldest_at: str | None
    sales_total: int | None


class Storage(Struct):
    """state low: what may wait is refused, orders and money are taken. full: nothing can be written."""

    free_bytes: int
    journal_bytes: int
    days_left: int | None
    state: Literal["fine", "low", "full"]
    reserve_bytes: int


class ClockView(Struct):
    """stepped_s: by how much the machine's clock was last moved by hand. unsure_entries: made since the right time was
    last known; their times are corrected, where they have to be, once it is known again."""

    trusted: bool
    source: Literal["ntp", "cloud", "person", "earlier", "rtc", "system", "journal", "hint", "none"]
    time: str
    stepped_s: float
    unsure_entries: int


class UpdateView(Struct):
    """How the last update of the box ended, or where it is; null when there was none."""

    state: UpdateState
    from_version: str
    to_version: str
    at: str
    reason: str
    orders_back_s: float | None


class OfferView(Struct):
    """A later version that the box has seen; `source` is what `storehub update` is to be given."""

    version: str
    source: str
    signed_by: str
    at: str


class CopyRow(Struct):
    """lag_entries: how many of the journal's entries the copy does not have yet."""

    kind: Literal["mirror", "standby"] | None
    state: Literal["none", "following", "late", "gone"]
    seq: int
    lag_entries: int
    since: str | None
    reason: str


class CopyView(CopyRow):
    """The second copy that matters most, and all of them. waits: the one that an acknowledgement waits for."""

    waits: Literal["mirror", "standby"] | None
    otherwise: Literal["answer", "refuse"]
    copies: list[CopyRow]


class PrimaryView(Struct):
    url: str
    box: str


class StandbyView(Struct):
    """Of a standby: how it stands with the primary. lag_entries: how many it lacked at heard_at."""

    state: Literal["starting", "following", "gone", "parted", "disk"]
    since: str
    reason: str
    heard_at: str | None
    seq: int
    lag_entries: int
    primary: PrimaryView


class Promoted(Struct):
    """The entry that the standby had come to, and the box whose place it takes."""

    seq: int
    epoch: str
    primary: str


class SeqsView(Struct):
    """Entries first to last of an epoch; '' where an epoch began somewhere among them."""

    epoch: str
    first: int
    last: int


class RepairView(Struct):
    """What a repair of the journal found and did (docs/repair.md). copy: where the damaged files are."""

    at: str
    why: str
    first: int
    last: int
    corrected: int
    found: int
    given: int
    aside: int
    holes: list[SeqsView]
    lost: list[SeqsView]
    unsure: bool
    tables: Literal["kept", "rebuilt", "without"]
    rows_lost: list[str]
    copy: str


class Tried(Struct):
    """A place that was asked for what is missing: cloud, mirror or standby; `gave`, or why not."""

    source: Literal["cloud", "mirror", "standby"]
    at: str
    said: str


class HolesView(Struct):
    """What is missing in the middle of the journal, and how many entries of it are back since the start."""

    missing: list[SeqsView]
    returned: int
    tried: list[Tried]


class SyncView(Struct):
    role: Literal["primary", "standby", "superseded"]
    mirror: CopyView
    standby: StandbyView | None
    link: LinkStatusView
    epoch: str
    last_seq: int
    acked_seq: int
    unsent: Unsent
    acked_epoch: str
    quarantined: list[SetAside]
    last_ack_at: str | None
    reconciliation: list[Compared]
    storage: Storage
    clock: ClockView
    business_date: str
    hub: HubAbout
    journal: JournalStatus
    beacon: BeaconView
    box: MachineView
    behind: BehindView | None
    repairs: list[RepairView]
    lost: list[SeqsView]
    holes: HolesView
    master: MasterStatus | None
    recovered: int
    unrecovered: list[str]
    customer_keys: CustomerKeysView | None
    problem: str
    update: UpdateView | None
    update_available: OfferView | None


VIEWS: Final[dict[str, type[Struct]]] = {
    view.__name__: view
    for view in (
        SyncView, ClockView, Promoted, *FLOOR_VIEWS,
    )
}  # fmt: skip
for _page in (
    schemas_menu,
    schemas_checks,
    schemas_sales,
    schemas_devices,
    schemas_till,
    schemas_day,
    schemas_report,
    schemas_staff,
    schemas_customers,
    schemas_stock,
    schemas_box,
):
    VIEWS.update(_page.VIEWS)


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
