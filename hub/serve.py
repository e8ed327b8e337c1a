"""`storehub run`: the hub with its doors open, until it is told to stop."""

from __future__ import annotations

import asyncio
import errno
import gc
import logging
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from hub import mending
from hub.api.doors import doors_of_this_process
from hub.api.edge import Edge
from hub.api.server import RareWarnings, Server, config_for
from hub.app import Hub, keep_highwater, open_hub
from hub.boxes import Fence, following, mirror_of, taken_over
from hub.control import ControlDoor
from hub.datadir import DataDir
from hub.facing import LanFace, listen
from hub.notify import Notifier, watchdog_interval_s
from hub.ports import StoreError
from hub.retention import keep_within
from hub.service.box import Box
from hub.service.closing import DayCloser
from hub.settings import Settings
from hub.sick import SickDoor
from hub.tls.authority import BUNDLE_FILE

log = logging.getLogger(__name__)

# A commit that hangs for longer than this starves the watchdog; one that fails does not.
COMMIT_STUCK_S: Final = 20.0
# How long a thread waits until the one that has the interpreter gives way. Python's own 5 ms are many orders long: the
# committer would reach the disk when all of them are decided, and not while they are.
SWITCH_S: Final = 0.0003
# Between two tries to open a journal on a disk that cannot be read.
SICK_S: Final = 3.0
DISK_ERRORS: Final = (errno.EIO, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTCONN, errno.ESTALE)


# What may stand before the application: (application, box, what ends the hub) -> application.
Before = Callable[[Edge, Box, Callable[[], None]], Edge]


async def serve(settings: Settings, data: DataDir, before: Before | None = None) -> None:
    """Run until SIGTERM or SIGINT. The directory must be locked. Raises DataDirError, StoreError, OSError.

    A disk that cannot be read is waited for, and a journal that turns out to be damaged is repaired, without an end of
    the process; so is a change of what the box is to the store (a standby the primary, a primary superseded).
    """
    sys.setswitchinterval(SWITCH_S)
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    for name in ("uvicorn.error", "asyncio", "hub.api.edge", "hub.api.writes", "hub.api.events"):
        logging.getLogger(name).addFilter(RareWarnings())
    listening = listen(settings)
    notifier = Notifier.from_environment()
    mirror = None if settings.mirror_dir is None else Path(settings.mirror_dir)
    # Damage that a repair did not help: it is served as it is.
    known: set[str] = set()
    try:
        while not stopping.is_set():
            try:
                await taken_over(data)
                damage = await _open_and_serve(settings, data, before, listening, notifier, stopping, known)
            except (StoreError, OSError) as error:
                if not _may_pass(error):
                    raise
                await _sick(settings, data, listening, notifier, stopping, str(error))
                continue
            if damage:
                notifier.status(f"repairing the journal: {damage}")
                try:
                    helped = await asyncio.to_thread(mending.mended, data, damage, mirror, anew=True)
                except (StoreError, OSError) as error:
                    log.error("the journal cannot be repaired: %s", error)
                    helped = None
                if helped is None:
                    known.add(damage)
    finally:
        listening.close()
        notifier.close()


def _may_pass(error: StoreError | OSError) -> bool:
    """Whether it is the disk, or damage that a person must look at: ending would only make the shop blind."""
    return error.disk or error.damaged if isinstance(error, StoreError) else error.errno in DISK_ERRORS


async def _sick(
    settings: Settings,
    data: DataDir,
    listening: socket.socket,
    notifier: Notifier,
    stopping: asyncio.Event,
    reason: str,
) -> None:
    """Say why nothing works, for a while."""
    log.error("the disk cannot be used, trying again in %.0f s: %s", SICK_S, reason)
    bundle = None if settings.http else data.tls / BUNDLE_FILE
    async with SickDoor(listening, reason, bundle):
        notifier.ready(f"the disk cannot be used: {reason}")
        notifier.watchdog()
        with suppress(TimeoutError):
            async with asyncio.timeout(SICK_S):
                await stopping.wait()


async def _open_and_serve(
    settings: Settings,
    data: DataDir,
    before: Before | None,
    listening: socket.socket,
    notifier: Notifier,
    stopping: asyncio.Event,
    known: set[str],
) -> str:
    """Serve until told to stop, or until something read is damaged: then what was seen."""
    async with open_hub(settings, data, replay=True) as hub:
        hub.journal.known_damage = known
        box = hub.box
        changed = asyncio.Event()
        if box.role == "standby":
            box.standby = following(hub, changed.set)
        face = LanFace(hub, listening)
        face.prepare()
        app = edge = Edge(box)
        if before is not None:
            app = before(edge, box, stopping.set)
        server = Server(config_for(app, doors_of_this_process(tls=face.context is not None), face.context))
        running = asyncio.create_task(server.serve(sockets=[listening.dup()]), name="http")
        background = [
            asyncio.create_task(keep_highwater(hub), name="high-water mark"),
            asyncio.create_task(keep_within(hub), name="retention"),
            asyncio.create_task(_feed_watchdog(hub, notifier), name="watchdog"),
        ]
        if (mirror := mirror_of(hub)) is not None:
            background.append(asyncio.create_task(mirror.run(), name="mirror"))
        if box.role == "primary":
            fence = Fence(hub, changed.set)
            box.superseded = fence.told_by_cloud
            background.append(asyncio.create_task(fence.run(), name="fence"))
        if hub.settings.day_close == "auto" and box.role == "primary":
            background.append(asyncio.create_task(_closer(hub).run(), name="closing of the day"))
        # What stands now stays: the collector need not look through it again and again.
        gc.collect()
        gc.freeze()
        # Hardly anything here is cyclic, and an evening's open checks are many objects: look rarely.
        gc.set_threshold(20_000, 50, 100)
        async with ControlDoor(data.control, box):
            # From here on orders are taken; what else is asked waits for FastAPI.
            await server.listening()
            preparing = asyncio.create_task(_prepare(edge), name="ordinary routes")
            async with face.announced():
                await preparing
                identity = box.identity
                print(
                    f"storehub ready {box.facing.base_url} hub={identity.hub_id} store={identity.store_id}",
                    flush=True,
                )
                notifier.ready(f"serving {box.facing.base_url}")
                if box.standby is not None:
                    background.append(asyncio.create_task(box.standby.run(), name="following"))
                ends = [
                    asyncio.create_task(event.wait()) for event in (stopping, hub.journal.damaged, changed)
                ]
                await asyncio.wait([*ends, running], return_when=asyncio.FIRST_COMPLETED)
                if stopping.is_set() or running.done():
                    notifier.stopping()
        box.feed.close()
        server.should_exit = True
        await running
        for task in (*ends, *background):
            task.cancel()
        await asyncio.gather(*ends, *background, return_exceptions=True)
    with suppress(OSError):
        hub.highwater.write(hub.journal.position)
    if changed.is_set():
        log.warning("this box is %s from now on", data.role)
    elif not stopping.is_set() and not hub.journal.damage:
        stopping.set()
    return "" if stopping.is_set() else hub.journal.damage


async def _prepare(edge: Edge) -> None:
    # Nothing of what is imported is garbage: see hub/cli/run.py.
    gc.disable()
    try:
        await edge.prepare()
    finally:
        gc.freeze()
        gc.enable()


def _closer(hub: Hub) -> DayCloser:
    core, minutes = hub.box.core, hub.settings.day_close_wait_minutes
    return DayCloser(core.state, core.clock, core.desk, wait_minutes=minutes)


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
            if hub.box.core.alive and writer.stuck_s() < COMMIT_STUCK_S:
                notifier.watchdog()
        except TimeoutError:
            log.error("the committer has not answered for %.0f s", COMMIT_STUCK_S)
        await asyncio.sleep(interval / 3)
