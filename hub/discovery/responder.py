"""python-zeroconf, wrapped: one service on the wire. Loads zeroconf, so beacon.py imports it late."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from zeroconf import (  # type: ignore[attr-defined]  # Public but left out of its __all__.
    DNSAddress,
    DNSOutgoing,
    DNSQuestion,
    DNSService,
    NonUniqueNameException,
    RecordUpdate,
    RecordUpdateListener,
    ServiceInfo,
    Zeroconf,
)
from zeroconf.asyncio import AsyncZeroconf

from hub.discovery.facts import SERVICE, BeaconFacts, host_name, instance_name, txt
from hub.discovery.interfaces import Reach

log = logging.getLogger(__name__)

NAMES_MAX: Final = 9
# A repeater between VLANs may play back our own announcement from before a change of address.
OWN_ADDRESSES_REMEMBERED_S: Final = 600.0
_QUERY, _IN, _SRV, _A, _AAAA, _PTR = 0, 1, 33, 1, 28, 12


class NamesTaken(Exception):
    """Every name this box may use is in use by somebody else."""


class _Zeroconf(Zeroconf):
    def generate_service_query(self, info: ServiceInfo) -> DNSOutgoing:
        """Probe so that the answer may come by multicast too.

        zeroconf asks for one by unicast. Of several responders on a machine (avahi beside the hub) the kernel gives
        that to one, always the same until the next boot (RFC 6762, 15.1): another box's name would seem free.
        """
        probe: DNSOutgoing = super().generate_service_query(info)
        probe.add_question(DNSQuestion(info.type, _PTR, _IN))
        return probe


class Responder(RecordUpdateListener):
    """Announces one service until closed.

    `on_rival` is called when another machine uses our name or our host name, which probing can't see when the
    two met only afterwards (a healed partition). Its argument says whether the other one keeps the name.
    """

    def __init__(self, reach: Reach, on_rival: Callable[[bool], None]) -> None:
        self._on_rival = on_rival
        self._number = 1
        self._info: ServiceInfo | None = None
        self._facts: BeaconFacts | None = None
        self._own_addresses: deque[tuple[float, frozenset[str]]] = deque(maxlen=32)
        self._reach = reach
        self._zeroconf = AsyncZeroconf(zc=_Zeroconf(interfaces=reach.zeroconf_interfaces))
        self._zeroconf.zeroconf.async_add_listener(self, None)

    @property
    def name(self) -> str | None:
        return self._info.name.removesuffix(f".{SERVICE}") if self._info else None

    @property
    def host(self) -> str | None:
        return self._info.server if self._info else None

    async def announce(self, facts: BeaconFacts, reach: Reach) -> None:
        """Make the wire say this, by a first announcement or an update."""
        if self._facts is not None and not _same_service(self._facts, facts):
            await self._withdraw()
            self._number = 1
        await self.refresh(reach)
        if self._info is None:
            await self._register(facts, reach)
            return
        info = self._build(facts, reach)
        self._info, self._facts = info, facts
        await (await self._zeroconf.async_update_service(info))

    async def refresh(self, reach: Reach) -> None:
        """Open sockets on interfaces that came, close those of interfaces that went; else no effect."""
        self._reach = reach
        await self._zeroconf.async_update_interfaces(reach.zeroconf_interfaces)

    def look_for_rivals(self) -> None:
        """Ask who has our names. We answer too; anybody else who answers is a rival, and is then reported."""
        info = self._info
        if info is None or info.server is None:
            return
        question = DNSOutgoing(_QUERY)
        for name, kind in ((info.name, _SRV), (info.server, _A), (info.server, _AAAA)):
            question.add_question(DNSQuestion(name, kind, _IN))
        self._zeroconf.zeroconf.async_send(question)

    async def yield_name(self) -> None:
        """Take another name. No goodbye: it would take the rival's announcement out of every cache."""
        facts, info = self._facts, self._info
        if facts is None or info is None:
            return
        self._zeroconf.zeroconf.registry.async_remove(info)
        self._info = None
        self._number += 1
        await self._register(facts, self._reach)

    async def close(self) -> None:
        """Goodbye, three times within half a second, and close the sockets."""
        await self._zeroconf.async_close()

    async def _register(self, facts: BeaconFacts, reach: Reach) -> None:
        for number in range(self._number, NAMES_MAX + 1):
            self._number = number
            info = self._build(facts, reach)
            try:
                # Not allow_name_change: it renames the service but not its host, and browsers would merge
                # the addresses of the two.
                announced = await self._zeroconf.async_register_service(info)
            except NonUniqueNameException:
                log.warning("the name %r is in use by another machine", info.name)
                continue
            self._info, self._facts = info, facts
            await announced
            return
        raise NamesTaken(
            f"{NAMES_MAX} names beginning with {instance_name(facts.store_name, facts.box)!r} are in use"
        )

    async def _withdraw(self) -> None:
        info, self._info = self._info, None
        if info is not None:
            await (await self._zeroconf.async_unregister_service(info))

    def _build(self, facts: BeaconFacts, reach: Reach) -> ServiceInfo:
        self._own_addresses.append((time.monotonic(), frozenset(reach.addresses)))
        return ServiceInfo(
            SERVICE,
            f"{instance_name(facts.store_name, facts.box, self._number)}.{SERVICE}",
            port=facts.port,
            properties=txt(facts),
            server=host_name(facts.box, self._number),
            parsed_addresses=list(reach.addresses),
        )

    def async_update_records(self, _zc: Zeroconf, now: float, records: list[RecordUpdate]) -> None:
        info = self._info
        if info is None or info.server is None:
            return
        theirs: set[str] = set()
        for update in records:
            record = update.new
            if record.is_expired(now):
                continue
            if isinstance(record, DNSService) and record.key == info.key:
                claim = (record.server.lower(), record.port)
                mine = (info.server.lower(), info.port or 0)
                if claim != mine:
                    self._on_rival(claim > mine)
                    return
            elif isinstance(record, DNSAddress) and record.key == info.server.lower():
                theirs.add(str(ipaddress.ip_address(record.address)))
        ours = self._recently_ours()
        if theirs - ours:
            # Both sides see both, so both agree that the greater one keeps the name (as in RFC 6762, 8.2).
            self._on_rival(_rank(theirs) > _rank(set(self._reach.addresses)))

    def _recently_ours(self) -> set[str]:
        horizon = time.monotonic() - OWN_ADDRESSES_REMEMBERED_S
        recent = [addresses for told_at, addresses in self._own_addresses if told_at > horizon]
        return set(self._reach.addresses).union(*recent)


def _same_service(one: BeaconFacts, other: BeaconFacts) -> bool:
    """Whether the second can be announced as an update of the first, under the same names."""
    return (one.store_name, one.box) == (other.store_name, other.box)


def _rank(addresses: set[str]) -> bytes:
    return max((ipaddress.ip_address(address).packed for address in addresses), default=b"")
