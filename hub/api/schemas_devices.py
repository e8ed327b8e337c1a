"""The shapes of what a hub says of itself to anyone, and of its devices, for the OpenAPI document."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from hub.domain.device import Role
from hub.ports import LinkState


class LinkView(Struct):
    state: LinkState


class HubFacts(Struct):
    """What anyone on the LAN may know; the names are those of the mDNS record."""

    v: int
    id: str
    store: str
    name: str
    path: str
    tls: Literal[0, 1]
    fp: str
    box: str
    role: Literal["primary", "standby"]


class WellKnown(HubFacts):
    """term: each box that takes the store over has a higher one. proof: that it is so, for a box of the same store."""

    term: int
    proof: str | None
    api_versions: list[str]
    version: str
    time: str
    timezone: str
    currency: str
    link: LinkView


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


class Rotated(Struct):
    device_id: str
    token: str


class Paired(Struct):
    device_id: str
    token: str
    role: Role
    hub: HubFacts


class Health(Struct):
    status: Literal["ok"]


VIEWS: Final[dict[str, type[Struct]]] = {
    view.__name__: view for view in (WellKnown, DeviceList, Paired, Rotated, Health)
}
