"""`storehub run`: the hub with its doors open, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final

from hub.api.app import build
from hub.api.guard import Doors, RareWarnings, Server, config_for
from hub.app import Hub, keep_highwater, open_hub
from hub.control import ControlDoor
from hub.datadir import DataDir, DataDirError
from hub.notify import Notifier, watchdog_interval_s
from hub.retention import keep_within
from hub.service.box import Facing
from hub.settings import Settings

log = logging.getLogger(__name__)

# A commit that hangs for longer than this starves the watchdog; one that fails does not.
COMMIT_STUCK_S: Final = 20.0
# While the hub starts, systemd is asked again and again for this much more. Blocking steps must stay well below.
START_EXTENSION_S: Final = 60.0


async def serve(settings: Settings, data: DataDir) -> None:
    """Run until SIGTERM or SIGINT. The directory must be locked. Raises DataDirError, StoreError, OSError."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    for name in ("uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).addFilter(RareWarnings())
    listening = listen(settings)
    notifier = Notifier.from_environment()
    starting = asyncio.create_task(_ask_for_time(notifier), name="starting")
    async with open_hub(settings, data, replay=True) as hub:
        box = hub.box
        context = _tls(hub, listening)
        box.facing.base_url = base_url(settings, listening)
        server = Server(config_for(build(box), Doors(), context))
        running = asyncio.create_task(server.serve(sockets=[listening]), name="http")
        background = [
            asyncio.create_task(work, name=name)
            for name, work in (
                ("high-water mark", keep_highwater(hub)),
                ("retention", keep_within(hub)),
                ("watchdog", _feed_watchdog(hub, notifier)),
            )
        ]
        async with ControlDoor(data.control, box):
            await server.listening()
            print(
                f"storehub ready {box.facing.base_url} hub={box.identity.hub_id} store={box.identity.store_id}",
                flush=True,
            )
            starting.cancel()
            notifier.ready(f"serving {box.facing.base_url}")
            beacon = await _announce(hub, listening, context)
            ended = asyncio.create_task(stopping.wait())
            await asyncio.wait([ended, running], return_when=asyncio.FIRST_COMPLETED)
            notifier.stopping()
            if beacon is not None:
                await beacon.stop()
        box.feed.close()
        server.should_exit = True
        await running
        ended.cancel()
        for task in background:
            task.cancel()
        await asyncio.gather(ended, *background, return_exceptions=True)
    with suppress(OSError):
        hub.highwater.write(hub.journal.position)
    notifier.close()


def listen(settings: Settings) -> socket.socket:
    """The listening socket. Raises OSError with the address in its message."""
    host, port = settings.listen_host, settings.port
    try:
        if host == "::" and not socket.has_dualstack_ipv6():
            host = "0.0.0.0"  # noqa: S104 - the hub serves the store's LAN
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server(
            (host, port), family=family, backlog=1024, dualstack_ipv6=host == "::"
        )
    except OSError as error:
        raise OSError(error.errno, f"cannot listen on {host or '*'} port {port}: {error.strerror}") from error


def base_url(settings: Settings, listening: socket.socket) -> str:
    """Where devices reach the hub: the address it was told to listen on, or the machine's first on the LAN."""
    from hub.discovery.interfaces import choose, read_interfaces

    host, port = listening.getsockname()[:2]
    if host in ("::", "0.0.0.0"):  # noqa: S104
        reach = choose(read_interfaces())
        host = next((address for address in reach.addresses if ":" not in address), "127.0.0.1")
    shown = f"[{host}]" if ":" in host else host
    return f"{'http' if settings.http else 'https'}://{shown}:{port}"


def _addresses(listening: socket.socket) -> list[str]:
    from hub.discovery.interfaces import choose, read_interfaces

    return [*choose(read_interfaces()).addresses, listening.getsockname()[0]]


def _tls(hub: Hub, listening: socket.socket) -> ssl.SSLContext | None:
    """The store's CA and this box's certificate, made when missing; fills box.facing. Raises DataDirError."""
    facing = hub.box.facing
    if hub.settings.http:
        facing.tls = False
        facing.pair_uri = lambda code: _pair_uri(facing, code)
        return None
    from hub.tls import AuthorityDamaged, comparison_digits, ensure_ca, ensure_server_certificate, server_context

    try:
        authority = ensure_ca(hub.data.tls, hub.settings.store_name)
        certificate = ensure_server_certificate(
            hub.data.tls,
            authority,
            hub.box.identity.box,
            _specific(_addresses(listening)),
            datetime.now(UTC),
            time_trusted=hub.box.clock.trusted,
        )
    except AuthorityDamaged as error:
        raise DataDirError(str(error)) from error
    facing.fingerprint = authority.fingerprint
    facing.ca_pem = authority.pem()
    facing.digits = comparison_digits(authority.fingerprint)
    facing.pair_uri = lambda code: _pair_uri(facing, code)
    return server_context(certificate)


def _pair_uri(facing: Facing, code: str) -> str:
    from hub.tls import pair_uri

    return pair_uri(facing.base_url, facing.fingerprint, code)


def _specific(addresses: list[str]) -> list[str]:
    return [address for address in addresses if address not in ("::", "0.0.0.0")]  # noqa: S104


async def _announce(hub: Hub, listening: socket.socket, context: ssl.SSLContext | None) -> Any:
    """Announce the hub by mDNS, now that HTTP answers, and keep certificate and announcement at its addresses."""
    if not hub.settings.mdns:
        return None
    from hub.discovery import Beacon, BeaconFacts

    box = hub.box
    host = listening.getsockname()[0]

    async def renewed(addresses: list[str]) -> None:
        if context is not None:
            await asyncio.to_thread(_renew, hub, addresses, context)
        box.facing.base_url = base_url(hub.settings, listening)

    beacon = Beacon("" if host in ("::", "0.0.0.0") else host, on_addresses=renewed)  # noqa: S104
    box.beacon = lambda: beacon.status
    await beacon.start(
        BeaconFacts(
            hub_id=box.identity.hub_id,
            store_id=box.identity.store_id,
            store_name=box.identity.store_name,
            box=box.identity.box,
            port=listening.getsockname()[1],
            tls=box.facing.tls,
            fingerprint=box.facing.fingerprint,
        )
    )
    return beacon


def _renew(hub: Hub, addresses: list[str], context: ssl.SSLContext) -> None:
    from hub.tls import ensure_ca, ensure_server_certificate, reload

    authority = ensure_ca(hub.data.tls, hub.settings.store_name)
    certificate = ensure_server_certificate(
        hub.data.tls,
        authority,
        hub.box.identity.box,
        _specific(addresses),
        datetime.now(UTC),
        time_trusted=hub.box.clock.trusted,
    )
    if certificate.renewed:
        reload(context, certificate)


async def _ask_for_time(notifier: Notifier) -> None:
    """Checking a damaged journal takes as long as it takes; only a loop that hangs makes systemd start again."""
    while True:
        notifier.starting("opening the journal", within_s=START_EXTENSION_S)
        await asyncio.sleep(START_EXTENSION_S / 6)


async def _feed_watchdog(hub: Hub, notifier: Notifier) -> None:
    """Ping systemd while the loop turns and the committer's thread answers. A disk in error still answers."""
    interval = watchdog_interval_s()
    if interval is None:
        return
    while True:
        writer = hub.box.core.writer
        try:
            if writer.trouble is None:
                async with asyncio.timeout(COMMIT_STUCK_S):
                    await hub.journal.alive()
            if writer.stuck_s() < COMMIT_STUCK_S:
                notifier.watchdog()
        except TimeoutError:
            log.error("the committer has not answered for %.0f s", COMMIT_STUCK_S)
        await asyncio.sleep(interval / 3)
