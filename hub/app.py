"""The composition root: the one place that names concrete classes, and the order in which they start and stop."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from hub import kernel_clock
from hub.clock import BoxClock, boot_id, new_id
from hub.datadir import DataDir
from hub.domain.commands import ApplyMaster, PairDevice
from hub.domain.errors import HubError
from hub.domain.facts import Fact, MasterChange
from hub.domain.state import Meta
from hub.drilling import Driller
from hub.estate import Estate
from hub.examining import Examiner
from hub.ports import StoreError, Upstream
from hub.power.nut import place_of
from hub.power.watch import MachineHealth
from hub.released import marker_of_this_program, offer_view, update_view
from hub.reserve import DiskWatch, Reserve
from hub.service.box import Box
from hub.service.clockwork import ClockWork, before_of
from hub.service.copies import Copies
from hub.service.doorman import Doorman
from hub.service.due import DueWatch
from hub.service.feed import Feed
from hub.service.hub import Core, Identity
from hub.service.lan_load import LanLoad
from hub.service.menu_watch import MenuWatch
from hub.service.pins import Pins
from hub.service.positions import Positions
from hub.service.taken_tokens import TakenTokens
from hub.service.writer import Trouble
from hub.settings import Settings
from hub.store.highwater import HighWater
from hub.store.journal import Journal
from hub.store.keyring import KeyRing
from hub.store.mended import HOLES, Mended, repairs_of
from hub.store.mended import NOTE as REPAIRS
from hub.store.statestore import StateStore
from hub.store.vault import Vault

log = logging.getLogger(__name__)

HIGHWATER_EVERY_S: Final = 1.0
TAKE_BACK_S: Final = 5.0


class Hub:
    """A box that is open: everything but its doors. Made by open_hub()."""

    def __init__(
        self, settings: Settings, data: DataDir, box: Box, journal: Journal, highwater: HighWater
    ) -> None:
        self.settings = settings
        self.data = data
        self.box = box
        self.journal = journal
        self.highwater = highwater


@asynccontextmanager
async def open_hub(settings: Settings, data: DataDir, *, replay: bool) -> AsyncIterator[Hub]:
    """Open journal, state and writer in a directory that is locked; `replay`: and call the cloud, if one is set.

    A damaged journal is repaired first, as far as can be proved (hub/mending.py). A standby, or a box whose place
    another has taken, is opened for reading: its writer accepts nothing. Raises DataDirError or StoreError.
    """
    from hub import mending

    settings = settings.with_store(data.store_settings())
    reserve = Reserve(data.path, settings.reserve_mb * 1024 * 1024)
    reserve.make_room()
    async with AsyncExitStack() as stack:
        mirror = None if settings.mirror_dir is None else Path(settings.mirror_dir)
        report = mending.mended_before(data, mirror)
        try:
            hub = await stack.enter_async_context(_opened(settings, data, report, reserve, replay=replay))
        except StoreError as error:
            # What is damaged inside shows only when it is read. Once: what a repair leaves must open.
            if (
                not error.damaged
                or report is not None
                or (report := mending.mended(data, str(error), mirror, anew=True)) is None
            ):
                raise
            hub = await stack.enter_async_context(_opened(settings, data, report, reserve, replay=replay))
        yield hub


@asynccontextmanager
async def _opened(
    settings: Settings, data: DataDir, repair: Mended | None, reserve: Reserve, *, replay: bool
) -> AsyncIterator[Hub]:
    from hub import mending

    role = data.role
    kept = data.identity(settings.hub_id or mending.lost_identity(data))
    identity = Identity(kept.hub_id, settings.store_id, settings.store_name, kept.box, version("storehub"))
    async with AsyncExitStack() as stack:
        journal = Journal(data.journal)
        await journal.open(patient=replay)
        stack.push_async_callback(journal.close)
        keeper = StateStore(journal)
        boot = boot_id()
        clock = BoxClock(
            zone=settings.timezone,
            day_change=settings.day_change,
            before=await before_of(journal, journal, boot),
            synchronised=kernel_clock.synchronised,
            battery=kernel_clock.battery(),
        )
        feed = Feed(journal)
        highwater = HighWater(data.highwater)
        hooks: list[Callable[[Sequence[tuple[Fact, Meta]]], None]] = []
        upstream: Upstream | None = None

        def on_committed(facts: Sequence[tuple[Fact, Meta]]) -> None:
            for hook in hooks:
                hook(facts)

        copies = Copies(
            position=lambda: journal.position,
            now=lambda: clock.stamp().time,
            wait_for=None if settings.mirror_wait == "off" else settings.mirror_wait,
            otherwise=settings.mirror_gone,
            wait_s=settings.mirror_wait_ms_max / 1000,
        )
        vault = Vault(journal, data.customers_secret)
        core = Core(
            identity=identity,
            journal=journal,
            keeper=keeper,
            clock=clock,
            mint=new_id,
            # Without a cloud there is nothing to tell by: then the terminal has to.
            online=lambda: upstream is None or upstream.online,
            unsent=lambda: journal.position.seq - (0 if upstream is None else upstream.acked_seq),
            on_committed=on_committed,
            copies=None if copies.wait_for is None else copies,
            keys=vault,
        )
        hooks.append(lambda facts: feed.wake())
        if role == "primary":
            await core.start(
                epoch=secrets.token_hex(8),
                boot=boot,
                reason=data.start_reason if repair is None else repair.reason,
                witness=highwater.read(),
                # A command of a person's is told at once that nothing can be written.
                patient=replay,
            )
            if repair is not None:
                core.behind = core.behind or mending.behind_of(repair)
        else:
            await core.attend(_not_the_store(data), boot=boot)
        stack.push_async_callback(core.stop)
        opening = asyncio.create_task(_once_open(core, data, journal, repair), name="once open")
        stack.push_async_callback(_ended, opening)
        if core.writer.opened.is_set():
            await opening
        menu_watch = MenuWatch(core.state, feed)
        hooks.append(lambda facts: menu_watch.look())
        doorman = Doorman(core.state, journal, wall=clock.unix_s, boot_id=boot)
        hooks.append(doorman.committed)
        doorman.on_revoked(lambda device_id: feed.wake())
        doorman.on_taken = TakenTokens(core).take
        await doorman.start()
        if role == "primary" and doorman.guests:
            settling = asyncio.create_task(_settled(core, doorman), name="guests")
            stack.push_async_callback(_ended, settling)
        disk = DiskWatch(reserve, core, journal)
        repairs = repairs_of(await journal.get(REPAIRS))
        if repair is not None and not repair.copy:
            repairs.append(repair)
        if replay:
            watching = asyncio.create_task(disk.run(), name="disk")
            stack.push_async_callback(_ended, watching)
        examiner = Examiner(settings, data.path)
        stack.push_async_callback(examiner.stop)
        box = Box(
            identity=identity,
            core=core,
            doorman=doorman,
            pins=Pins(core.state, bytes.fromhex(kept.store_key)),
            positions=Positions(core, bytes.fromhex(kept.store_key), feed),
            feed=feed,
            upstream=_nobody(journal, clock, core),
            clock=clock,
            keeper=keeper,
            started_at=clock.stamp().time,
            timezone=settings.timezone,
            storage=disk.storage,
            health=MachineHealth(ups=place_of(settings.ups) if settings.ups else None),
            draw=_draw,
            examine=examiner.look,
            bundle=examiner.bundle,
            repaired=lambda: mending.repairs_view(
                repairs,
                core.state.counters.committed.get,
                mending.NO_HOLES if box.refill is None else box.refill.view(),
            ),
            updated=lambda: update_view(marker_of_this_program()),
            offered=lambda: offer_view(data.path, identity.version),
            copies=copies,
            estate=Estate(settings, data, journal, kept),
            role=role,
            term=kept.term,
        )
        drills = box.drills = Driller(settings, data.path, box)
        stack.push_async_callback(drills.stop)
        feeling = asyncio.create_task(box.health.run(), name="power and heat")
        stack.push_async_callback(_ended, feeling)
        if role != "primary":
            yield Hub(settings, data, box, journal, highwater)
            return
        if settings.currency != "JPY" and not core.state.settings.committed.get("currency"):
            currency = MasterChange("setting", "currency", settings.currency)
            with suppress(*(HubError,) if replay else ()):
                await core.desk.order(ApplyMaster("import", (currency,)))
        if replay and settings.cloud_url is not None:
            cloud = _cloud(settings, box, journal, _ring(journal, vault, core))
            upstream = box.upstream = cloud
            await cloud.start()
            stack.push_async_callback(cloud.stop)
        work = ClockWork(core, journal, clock, boot=boot)
        box.unsure_entries = lambda: work.unsure_entries
        tending = asyncio.create_task(work.run(), name="clock")
        stack.push_async_callback(_ended, tending)
        watch = asyncio.create_task(DueWatch(core.state, clock, feed).run(), name="due payments")
        stack.push_async_callback(_ended, watch)
        if await mending.anything_aside(journal):
            back = asyncio.create_task(mending.keep_taking_back(data, core, journal), name="taking back")
            stack.push_async_callback(_ended, back)
            # A table whose check came back is served at once; a long list of them keeps nobody waiting.
            await asyncio.wait([back], timeout=TAKE_BACK_S)
        if await journal.get(HOLES):
            # Here and not above: hardly any start needs it.
            from hub import refilling

            refill = box.refill = await refilling.begin(settings, journal, box)
            if refill is not None and replay:
                filling = asyncio.create_task(refill.run(), name="filling holes")
                stack.push_async_callback(_ended, filling)
        if core.behind is not None:
            feed.announce("resend", {"epoch": core.behind.epoch, "after": core.last_of(core.behind.epoch)})
        yield Hub(settings, data, box, journal, highwater)


async def _once_open(core: Core, data: DataDir, journal: Journal, repair: Mended | None) -> None:
    """What may be forgotten, and must be remembered, when the first entry of this life is on disk."""
    from hub import mending

    await core.writer.opened.wait()
    data.started()
    while repair is not None:
        try:
            await mending.noted(journal, repair)
            return
        except StoreError as error:
            log.warning("the repair could not be noted, trying again: %s", error)
            await asyncio.sleep(HIGHWATER_EVERY_S)


def _not_the_store(data: DataDir) -> Trouble:
    """Why this box accepts nothing."""
    if data.role == "superseded":
        by = data.successor()
        at = datetime.fromisoformat(by.at).timestamp()
        return Trouble("superseded", at, f"box {by.box} has taken over this store")
    return Trouble("standby", time.time(), "this box is a standby: send it to the primary")


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _nobody(journal: Journal, clock: BoxClock, core: Core) -> Upstream:
    from hub.upstream.service import NoUpstream

    return NoUpstream(
        journal=journal,
        clock=clock,
        running_sales_total=lambda: core.state.counters.committed.get("sales_total", 0),
    )


def _ring(journal: Journal, vault: Vault, core: Core) -> KeyRing | None:
    customers = core.customers
    if customers is None:
        return None
    return KeyRing(journal, vault, ended=customers.ended, came=customers.keys_came)


def _cloud(settings: Settings, box: Box, journal: Journal, keys: KeyRing | None) -> Any:
    from hub.upstream.pace import PaceSettings
    from hub.upstream.service import CloudUpstream

    return CloudUpstream(
        url=settings.cloud_url or "",
        token=settings.cloud_token or "",
        hub_id=box.identity.hub_id,
        journal=journal,
        notes=journal,
        office=box.core.desk,
        announcer=box.feed,
        clock=box.clock,
        running_sales_total=lambda: box.core.state.counters.committed.get("sales_total", 0),
        lan_busy=LanLoad(box).busy,
        status_facts=lambda: {
            "version": box.identity.version,
            "box": box.identity.box,
            "storage": box.storage(),
            "clock": {"trusted": box.clock.trusted, "source": box.clock.source},
        },
        superseded=lambda by: box.superseded(by),
        keys=keys,
        pace=PaceSettings(
            yield_to_lan=not settings.replay_full_pace,
            entries_per_s_max=settings.replay_entries_per_s_max or None,
        ),
    )


async def _settled(core: Core, doorman: Doorman) -> None:
    """Who was let in while this box was a standby becomes a device of the store that it is now."""
    await core.writer.opened.wait()
    try:
        for guest in doorman.guests:
            await core.desk.order(PairDevice(guest.device_id, guest.name, guest.role, guest.token_hash))
            await doorman.dismiss(guest.device_id)
    except (HubError, StoreError) as error:
        log.warning("sessions from before the taking over are written down at the next start: %s", error)


def _draw(text: str, form: str) -> bytes:
    from hub.printing.render import render_receipt

    return render_receipt(text, form)


async def keep_highwater(hub: Hub) -> None:
    while True:
        await asyncio.sleep(HIGHWATER_EVERY_S)
        with suppress(OSError):
            hub.highwater.write(hub.journal.position)
