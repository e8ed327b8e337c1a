"""How the box faces the LAN: its address, its certificate, its announcement, and keeping all three right."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from hub.app import Hub
from hub.datadir import DataDirError
from hub.discovery.interfaces import choose, read_interfaces
from hub.settings import Settings

if TYPE_CHECKING:
    from hub.tls import ServerCertificate

log = logging.getLogger(__name__)

# What a socket that listens everywhere says of itself.
EVERYWHERE: Final = ("::", "0.0.0.0")  # noqa: S104 - the hub serves the store's LAN
# A certificate that nears its end, or was made while the clock was wrong, is made anew without a restart.
RENEW_EVERY_S: Final = 12 * 3600.0


def listen(settings: Settings) -> socket.socket:
    """The listening socket. Raises OSError with the address in its message."""
    host, port = settings.listen_host, settings.port
    if host == "::" and not socket.has_dualstack_ipv6():
        host = "0.0.0.0"  # noqa: S104
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024, dualstack_ipv6=host == "::")
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {host} port {port}: {error.strerror}") from error


class LanFace:
    """Address, TLS and mDNS of an open hub; fills box.facing."""

    def __init__(self, hub: Hub, listening: socket.socket) -> None:
        self._hub = hub
        self._host: str = listening.getsockname()[0]
        self._port: int = listening.getsockname()[1]
        self._only = hub.settings.only_interfaces
        self._lock = asyncio.Lock()
        self.context: ssl.SSLContext | None = None
        self._served: ServerCertificate | None = None

    def prepare(self) -> None:
        """Make what is missing, before the first connection. Raises DataDirError."""
        facing = self._hub.box.facing
        found = self._addresses()
        facing.base_url = self._url(found)
        facing.tls = not self._hub.settings.http
        facing.pair_uri = self._pair_uri
        facing.certificate = self._certificate
        if facing.tls:
            self._certify(found)

    @contextlib.asynccontextmanager
    async def announced(self) -> AsyncIterator[None]:
        """From here HTTP answers: tell the LAN, follow the machine's addresses, renew what ends; goodbye on leaving."""
        renewing = asyncio.create_task(self._renew_now_and_then(), name="certificate")
        try:
            # A box whose place another has taken says nothing: devices must find the other.
            if self._hub.settings.mdns and self._hub.box.role != "superseded":
                async with self._beacon():
                    yield
            else:
                async with self._watch():
                    yield
        finally:
            renewing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await renewing

    @contextlib.asynccontextmanager
    async def _watch(self) -> AsyncIterator[None]:
        from hub.discovery import AddressWatch

        watch = AddressWatch(self._host, only=self._only)
        watch.listen(lambda reach: self._moved(reach.addresses))
        await watch.start()
        try:
            yield
        finally:
            await watch.stop()

    @contextlib.asynccontextmanager
    async def _beacon(self) -> AsyncIterator[None]:
        from hub.discovery import Beacon, BeaconFacts

        box = self._hub.box
        beacon = Beacon(self._host, only=self._only, on_addresses=self._moved)
        box.beacon = lambda: beacon.status
        await beacon.start(
            BeaconFacts(
                hub_id=box.identity.hub_id,
                store_id=box.identity.store_id,
                store_name=box.identity.store_name,
                box=box.identity.box,
                port=self._port,
                tls=box.facing.tls,
                fingerprint=box.facing.fingerprint,
                role=box.role,
            )
        )
        try:
            yield
        finally:
            await beacon.stop()

    def _addresses(self) -> tuple[str, ...]:
        return choose(read_interfaces(), self._host, only=self._only).addresses

    async def _moved(self, addresses: Iterable[str]) -> None:
        found = tuple(addresses)
        self._hub.box.facing.base_url = self._url(found)
        await self._renew(found)

    async def _renew_now_and_then(self) -> None:
        """At its time, and as soon as the box has heard the right time: a certificate made in 1970 is no use."""
        trusted = self._hub.box.clock.trusted
        waited = 0.0
        while True:
            await asyncio.sleep(30.0)
            waited += 30.0
            became, trusted = self._hub.box.clock.trusted and not trusted, self._hub.box.clock.trusted
            if became or waited >= RENEW_EVERY_S:
                waited = 0.0
                await self._renew(self._addresses())

    async def _renew(self, addresses: tuple[str, ...]) -> None:
        if self.context is None:
            return
        async with self._lock:
            try:
                await asyncio.to_thread(self._certify, addresses)
            except (DataDirError, OSError) as error:
                log.error("the certificate could not be renewed: %s", error)

    async def _certificate(self, renew: bool) -> dict[str, Any]:
        """For the command line. Raises nothing: a renewal that failed is in the log and leaves the one that was."""
        before = self._served
        if renew:
            await self._renew(choose(read_interfaces(), self._host).addresses)
        served = self._served
        if served is None:
            return {"tls": False, "names": [], "not_before": None, "not_after": None, "renewed": False}
        return {
            "tls": True,
            "names": list(served.names),
            "not_before": served.not_before.isoformat(),
            "not_after": served.not_after.isoformat(),
            "renewed": renew and served.renewed and served is not before,
        }

    def _certify(self, addresses: Iterable[str]) -> None:
        """The store's CA and this box's certificate for these addresses, made when missing. Raises DataDirError."""
        from hub import tls

        hub, facing = self._hub, self._hub.box.facing
        try:
            authority = tls.ensure_ca(hub.data.tls, hub.settings.store_name)
            certificate = tls.ensure_server_certificate(
                hub.data.tls,
                authority,
                hub.box.identity.box,
                [*addresses, *([] if self._host in EVERYWHERE else [self._host])],
                datetime.now(UTC),
                time_trusted=hub.box.clock.trusted,
            )
        except tls.AuthorityDamaged as error:
            raise DataDirError(str(error)) from error
        facing.fingerprint = authority.fingerprint
        facing.ca_pem = authority.pem()
        facing.digits = tls.comparison_digits(authority.fingerprint)
        self._served = certificate
        if self.context is None:
            self.context = tls.server_context(certificate)
        elif certificate.renewed:
            tls.reload(self.context, certificate)
            log.info("the certificate is new, good until %s", certificate.not_after.isoformat())

    def _url(self, addresses: Iterable[str]) -> str:
        """Where devices reach the hub: the address it was told to listen on, or the machine's first on the LAN."""
        host = self._host
        if host in EVERYWHERE:
            # IPv4 first, as every scanner and browser takes it; a LAN without it has its IPv6 addresses.
            found = [*addresses]
            host = next((address for address in found if ":" not in address), (found or ["127.0.0.1"])[0])
        shown = f"[{host}]" if ":" in host else host
        return f"{'http' if self._hub.settings.http else 'https'}://{shown}:{self._port}"

    def _pair_uri(self, code: str) -> str:
        from hub.tls import pair_uri

        facing = self._hub.box.facing
        return pair_uri(facing.base_url, facing.fingerprint, code)
