"""What the doors of the hub (HTTP, the local socket) need to know of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from hub.clock import BoxClock
from hub.ports import BeaconStatus, Drills, Estate, Refill, Standby, StateKeeper, Upstream
from hub.power.watch import MachineHealth
from hub.service.copies import Copies
from hub.service.doorman import Doorman
from hub.service.feed import Feed
from hub.service.hub import Core, Identity
from hub.service.pins import Pins
from hub.service.positions import Positions


@dataclass(slots=True)
class Facing:
    """How the box is reached: told to devices, never decided by them."""

    base_url: str = ""
    tls: bool = True
    fingerprint: str = ""
    ca_pem: bytes = b""
    # The six digits that a person compares when a code is typed instead of scanned.
    digits: str = ""
    pair_uri: Callable[[str], str] = lambda code: ""
    # What is served with, as the command line shows it; True: renewed first, if it has to be.
    certificate: Callable[[bool], Awaitable[dict[str, Any]]] | None = None


@dataclass(slots=True)
class Box:
    identity: Identity
    core: Core
    doorman: Doorman
    pins: Pins
    positions: Positions
    feed: Feed
    upstream: Upstream
    clock: BoxClock
    keeper: StateKeeper
    started_at: str
    timezone: str
    storage: Callable[[], dict[str, Any]]
    # A receipt's text as a picture: (text, media type) -> bytes. Slow: call it in a thread.
    draw: Callable[[str, str], bytes]
    # The doctor's newest examination, given the time; begins one when it is old (hub.examining).
    examine: Callable[[str], Awaitable[dict[str, Any]]]
    # The support bundle, a .tar.gz. Raises NotReady.
    bundle: Callable[[], Awaitable[bytes]]
    copies: Copies
    estate: Estate
    # What repairs of the journal did, and what is not here: `repairs`, `lost` and `holes` of GET /v1/sync.
    repaired: Callable[[], dict[str, Any]]
    # What this box is to the store, and since which taking-over.
    role: Literal["primary", "standby", "superseded"] = "primary"
    term: int = 1
    # Addresses of standbys that have asked since the start.
    peers: set[str] = field(default_factory=set)
    # Of a standby: how it stands with the primary, and the act of taking over. None on any other box.
    standby: Standby | None = None
    # The cloud hears from that box in this one's place.
    superseded: Callable[[str], None] = lambda by: None
    # Set by whoever opens the box: it looks at the box itself.
    drills: Drills = field(init=False)
    # What is missing in the middle of the journal; None: nothing was when the box was opened.
    refill: Refill | None = None
    facing: Facing = field(default_factory=Facing)
    # Voltage, heat and the UPS.
    health: MachineHealth = field(default_factory=MachineHealth)
    # How the last update ended, as GET /v1/sync shows it.
    updated: Callable[[], dict[str, Any] | None] = lambda: None
    offered: Callable[[], dict[str, Any] | None] = lambda: None
    # Entries whose time is corrected, where it has to be, once the right time is known.
    unsure_entries: Callable[[], int] = int
    beacon: Callable[[], BeaconStatus] = lambda: BeaconStatus("off")
    # Requests of devices in the last moments: the replay gives way to them.
    lan_requests: int = 0
