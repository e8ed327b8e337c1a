"""Finding hubs on the LAN: for the demo, the client, tests. What mDNS says is a hint; check the hub id.

Loads zeroconf: import it where it is used.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Final

from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from hub.discovery.facts import SERVICE
from hub.discovery.interfaces import VIRTUAL, choose, read_interfaces

# Anybody on the LAN may announce anything; nobody has more hubs than this in one shop.
HUBS_MAX: Final = 64
RESOLVE_S_MAX: Final = 3.0


@dataclass(frozen=True, slots=True)
class FoundHub:
    name: str
    hub_id: str
    store_id: str
    box: str
    role: str
    tls: bool
    fingerprint: str
    path: str
    host: str
    port: int
    addresses: tuple[str, ...]

    @property
    def base_urls(self) -> tuple[str, ...]:
        """One URL an address, IPv4 first; an address, unlike the host name, needs no mDNS in the resolver."""
        scheme = "https" if self.tls else "http"
        hosts = (f"[{address}]" if ":" in address else address for address in self.addresses)
        return tuple(f"{scheme}://{host}:{self.port}" for host in hosts)


async def find_hubs(
    timeout_s: float,
    hub_id: str | None = None,
    *,
    wanted: Callable[[FoundHub], Awaitable[bool]] | None = None,
    ignored_interfaces: Iterable[str] = VIRTUAL,
) -> list[FoundHub]:
    """The hubs that answer within the time, by name; with a hub id, that store's boxes, until the serving one answers.

    wanted: asked of each that says to be the serving one, because a stranger may say so; the first that is ends the
    search.
    Looks on the loopback too, for a hub on this machine. OSError when mDNS can't be spoken here at all.
    """
    reach = choose(read_interfaces(), ignored=ignored_interfaces)
    wire = AsyncZeroconf(interfaces=["127.0.0.1", *reach.zeroconf_interfaces])
    found: dict[str, FoundHub] = {}
    seen: asyncio.Queue[tuple[str, ServiceStateChange]] = asyncio.Queue(maxsize=HUBS_MAX * 4)

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if not seen.full():
            seen.put_nowait((name, state_change))

    async def resolve(name: str) -> None:
        info = AsyncServiceInfo(SERVICE, name)
        if await info.async_request(wire.zeroconf, RESOLVE_S_MAX * 1000):
            hub = _understood(info)
            if hub is not None:
                found[name] = hub
                # Its standby announces itself too, and may be the first to answer.
                if hub.hub_id == hub_id and hub.role == "primary" and (wanted is None or await wanted(hub)):
                    arrived.set()

    async def follow(group: asyncio.TaskGroup) -> None:
        while True:
            name, change = await seen.get()
            if change is ServiceStateChange.Removed:
                found.pop(name, None)
            elif name in found or len(found) < HUBS_MAX:
                resolving.add(group.create_task(resolve(name)))

    arrived = asyncio.Event()
    resolving: set[asyncio.Task[None]] = set()
    browser = AsyncServiceBrowser(wire.zeroconf, SERVICE, handlers=[changed])
    try:
        async with asyncio.timeout(timeout_s), asyncio.TaskGroup() as group:
            follower = group.create_task(follow(group))
            await arrived.wait()
            follower.cancel()
            for task in resolving:
                task.cancel()
    except TimeoutError:
        pass  # The time is up: what was found is the answer.
    finally:
        await browser.async_cancel()
        await wire.async_close()
    hubs = [hub for hub in found.values() if hub_id is None or hub.hub_id == hub_id]
    return sorted(hubs, key=lambda hub: hub.name)


def _understood(info: AsyncServiceInfo) -> FoundHub | None:
    """The announcement, or None when it isn't one of ours: version 1, with an id, a port and an address."""
    said = {key: value or "" for key, value in info.decoded_properties.items()}
    addresses = tuple(sorted(set(info.parsed_addresses()), key=lambda address: (":" in address, address)))
    if said.get("v") != "1" or not said.get("id") or not info.port or not addresses:
        return None
    return FoundHub(
        name=info.name.removesuffix(f".{SERVICE}"),
        hub_id=said["id"],
        store_id=said.get("store", ""),
        box=said.get("box", ""),
        role=said.get("role", "primary"),
        tls=said.get("tls") != "0",
        fingerprint=said.get("fp", ""),
        path=said.get("path", "/v1"),
        host=info.server or "",
        port=info.port,
        addresses=addresses,
    )
