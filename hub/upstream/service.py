"""The replay to the cloud as the hub sees it: start, stop, pause, resume, retry, status."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hub.domain import entries
from hub.domain.errors import NotFound, NotReady
from hub.domain.facts import After
from hub.ports import Announcer, Clock, JournalReader, KeyTransfer, LinkStatus, Notes, Office
from hub.upstream.address import CloudAddress, Lookup, look_up
from hub.upstream.keeper import Keeper
from hub.upstream.link import LinkMonitor
from hub.upstream.outcomes import Signal, Trouble
from hub.upstream.pace import PaceSettings
from hub.upstream.quarantine import Quarantine
from hub.upstream.records import PAUSED, Records
from hub.upstream.timing import Timing

if TYPE_CHECKING:
    from hub.upstream.engine import Engine

log = logging.getLogger(__name__)

STOP_S_MAX: Final = 3.0
# A task that died of a bug is started again after this, doubling up to the second.
REVIVE_S: Final = 1.0
REVIVE_S_MAX: Final = 60.0
# Proxies refuse headers of more than a few KiB.
STATUS_BYTES_MAX: Final = 1500


class CloudUpstream:
    """Implements ports.Upstream. Raises ValueError at once for a URL that must not be used."""

    def __init__(
        self,
        *,
        url: str,
        token: str,
        hub_id: str,
        journal: JournalReader,
        notes: Notes,
        office: Office,
        announcer: Announcer,
        clock: Clock,
        running_sales_total: Callable[[], int],
        lan_busy: Callable[[], float],
        status_facts: Callable[[], dict[str, Any]],
        pace: PaceSettings,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup = look_up,
        timing: Timing | None = None,
        superseded: Callable[[str], None] = lambda box: None,
        keys: KeyTransfer | None = None,
    ) -> None:
        self._keys = keys
        self._address = CloudAddress.of(url)
        if not token:
            raise ValueError("the cloud needs a token: give --cloud-token or STOREHUB_CLOUD_TOKEN")
        self._token = token
        self._hub_id = hub_id
        self._journal = journal
        self._office = office
        self._announcer = announcer
        self._clock = clock
        self._running_sales_total = running_sales_total
        self._lan_busy = lan_busy
        self._status_facts = status_facts
        self._pace = pace
        self._tls = tls
        self._lookup = lookup
        self._timing = timing or Timing()
        self._records = Records(notes)
        self._quarantine = Quarantine(self._records)
        self._keeper = Keeper(
            journal=journal,
            records=self._records,
            is_hole=self._quarantine.is_hole,
            monotonic=clock.monotonic,
        )
        self._monitor = LinkMonitor(
            now=lambda: clock.stamp().time,
            monotonic=clock.monotonic,
            changed=self._link_changed,
            superseded=superseded,
        )
        self._engine: Engine | None = None
        self._workers: list[asyncio.Task[None]] = []
        self._holding: asyncio.Task[None] | None = None
        self._crash = ""
        self._drift = 0
        self._oldest: tuple[int, str] = (0, "")
        # Pausing and resuming take turns, however fast a finger is.
        self._switching = asyncio.Lock()

    @property
    def online(self) -> bool:
        return self._monitor.online

    @property
    def acked_seq(self) -> int:
        """The last entry that the cloud is known to have. Retention keeps everything after it."""
        return self._keeper.acked.seq

    async def status(self) -> dict[str, Any]:
        acked = self._keeper.acked
        link = self._monitor.status
        engine = self._engine
        return {
            "link": msgspec.to_builtins(link),
            "acked_seq": acked.seq,
            "acked_epoch": acked.epoch,
            "unsent": {
                "count": max(0, self._journal.position.seq - acked.seq),
                "oldest_at": await self._oldest_at(),
                "sales_total": self._running_sales_total()
                - self._keeper.ledger.amount
                - self._quarantine.amount,
            },
            "quarantined": self._quarantine.report(),
            "last_ack_at": self._keeper.progress.acked_at,
            "reconciliation": [msgspec.to_builtins(row) for row in self._keeper.progress.rows],
            "master": engine.downlink.report() if engine else None,
            "recovered": engine.history.recovered if engine else 0,
            "unrecovered": engine.history.unrecovered if engine else [],
            "customer_keys": await self._customer_keys(),
            "problem": self._crash,
        }

    async def _customer_keys(self) -> dict[str, Any] | None:
        if self._keys is None:
            return None
        courier = self._engine.courier if self._engine is not None else None
        said = {"held": None, "came_back": 0, "problem": ""} if courier is None else courier.report()
        return {"waiting": await self._keys.waiting(), **said}

    async def pause(self) -> None:
        """Stop calling the cloud until resume(), over restarts too."""
        async with self._switching:
            self._end_hold()
            await self._records.save(PAUSED, True)
            self._monitor.signal(Signal.PAUSE, "paused: by hand")
            await self._stop_workers()

    async def hold(self, seconds: float) -> None:
        async with self._switching:
            if not self._monitor.online or self._holding is not None:
                raise NotReady(reason=f"the link is {self._monitor.state}", retry_after_s=30)
            await self._stop_workers()
            # Not noted: a hub that is started again in the middle knows nothing of it.
            self._monitor.signal(Signal.UNREACHABLE, f"drill: rehearsed for {seconds:.0f} s")
            self._holding = asyncio.create_task(self._release(seconds), name="upstream-drill")

    async def _release(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        async with self._switching:
            self._holding = None
            self._start_workers()

    def _end_hold(self) -> None:
        holding, self._holding = self._holding, None
        if holding is not None:
            holding.cancel()

    async def resume(self) -> None:
        async with self._switching:
            self._end_hold()
            await self._records.save(PAUSED, False)
            self._monitor.signal(Signal.RESUME, "starting: resumed by hand")
            self._start_workers()

    async def retry(self, seq: int | None) -> None:
        self._quarantine.want(seq)
        if self._engine is not None:
            self._engine.reconciler.soon()
            self._engine.replicator.nudge()

    async def entries(self, before: After, first: int, last: int) -> list[bytes]:
        if self._engine is None or not self._monitor.online:
            raise NotReady(reason=f"{self._monitor.state}: the cloud is not being called", retry_after_s=30)
        try:
            return await self._engine.entries(before, first, last)
        except Trouble as trouble:
            raise NotReady(reason=trouble.reason, retry_after_s=30) from trouble

    async def start(self) -> None:
        """Read what was remembered and begin in the background; returns without having called anybody."""
        await self._quarantine.load()
        await self._keeper.load()
        if await self._records.load(PAUSED, bool):
            self._monitor.signal(Signal.PAUSE, "paused: by hand")
        else:
            self._start_workers()

    async def stop(self) -> None:
        """Break off calls that are under way, save, and return within 3 s."""
        self._end_hold()
        try:
            async with asyncio.timeout(STOP_S_MAX):
                await self._stop_workers()
                if self._engine is not None:
                    await self._engine.close()
                await self._keeper.save(now=True)
        except TimeoutError:
            log.warning("the replay did not stop in %.0f s; what it knows will be found again", STOP_S_MAX)

    def _start_workers(self) -> None:
        if not self._workers:
            self._workers = [
                asyncio.create_task(self._supervised("replicator"), name="upstream-replicator"),
                asyncio.create_task(self._supervised("downlink"), name="upstream-downlink"),
            ]
            if self._keys is not None:
                self._workers.append(
                    asyncio.create_task(self._supervised("courier"), name="upstream-courier")
                )

    async def _stop_workers(self) -> None:
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

    async def _supervised(self, name: str) -> None:
        """A bug must not end the replay in silence: tell it, and go on after a while."""
        rest = REVIVE_S
        while True:
            began = self._clock.monotonic()
            try:
                engine = await self._made()
                run: Callable[[], Awaitable[None]] = getattr(engine, name).run
                await run()
            except Exception as error:
                log.exception("the %s broke off and is started again", name)
                self._crash = f"{name}: {error!r}"[:300]
            if self._clock.monotonic() - began > REVIVE_S_MAX:
                rest = REVIVE_S
            await asyncio.sleep(rest)
            self._crash = ""
            rest = min(rest * 2, REVIVE_S_MAX)

    async def _made(self) -> Engine:
        """The engine, made once. Its imports and certificates are read in a thread: devices are being served."""
        if self._engine is None:
            tls = await asyncio.to_thread(_prepare, self._address, self._tls)
            # The two workers come here together; whoever is first makes it.
            if self._engine is None:
                from hub.upstream.engine import Engine

                engine = Engine(
                    address=self._address,
                    token=self._token,
                    hub_id=self._hub_id,
                    journal=self._journal,
                    office=self._office,
                    announcer=self._announcer,
                    clock=self._clock,
                    monitor=self._monitor,
                    records=self._records,
                    keeper=self._keeper,
                    quarantine=self._quarantine,
                    pace=self._pace,
                    lan_busy=self._lan_busy,
                    status=self._status_header,
                    settle=self._settle,
                    tls=tls,
                    lookup=self._lookup,
                    timing=self._timing,
                    keys=self._keys,
                )
                self._engine = engine
                await engine.load()
        return self._engine

    def _link_changed(self, status: LinkStatus) -> None:
        self._announcer.announce("link", msgspec.to_builtins(status))

    def _settle(self) -> None:
        """Everything is at the cloud, so nothing is unsent: a difference that stays is one in the counting.

        A ledger that did not begin with the first entry has one, and entries that came back but no longer fit.
        """
        ledger = self._keeper.ledger
        drift = self._running_sales_total() - self._quarantine.amount - ledger.amount
        if drift and (not ledger.whole or drift == self._drift):
            ledger.amount += drift
        self._drift = drift

    async def _oldest_at(self) -> str | None:
        """When the oldest unsent entry was accepted."""
        seq = self._keeper.acked.seq + 1
        if seq > self._journal.position.seq:
            return None
        if self._oldest[0] != seq:
            entry = await self._journal.at(seq)
            self._oldest = (seq, entries.read(entry.raw).time if entry else "")
        return self._oldest[1] or None

    def _status_header(self) -> str:
        """Storehub-Status: one line of plain ASCII."""
        facts: dict[str, Any] = {
            **self._status_facts(),
            "unsent": max(0, self._journal.position.seq - self._keeper.acked.seq),
            "quarantined": len(self._quarantine),
            "link": [list(move) for move in self._monitor.history],
        }
        text = _compact(facts)
        while len(text) > STATUS_BYTES_MAX and len(facts["link"]) > 1:
            facts["link"] = facts["link"][1:]
            text = _compact(facts)
        return (
            text
            if len(text) <= STATUS_BYTES_MAX
            else _compact({"unsent": facts["unsent"], "link": facts["link"]})
        )


class NoUpstream:
    """A hub without a cloud: everything works, nothing is sent."""

    def __init__(
        self, *, journal: JournalReader, clock: Clock, running_sales_total: Callable[[], int]
    ) -> None:
        self._journal = journal
        self._running_sales_total = running_sales_total
        self._link = LinkStatus("offline", clock.stamp().time, "not-configured: no cloud is configured")

    @property
    def online(self) -> bool:
        return False

    @property
    def acked_seq(self) -> int:
        return 0

    async def start(self) -> None:
        """There is nothing to start."""

    async def stop(self) -> None:
        """There is nothing to stop."""

    async def status(self) -> dict[str, Any]:
        first = await self._journal.at(self._journal.first_seq)
        return {
            "link": msgspec.to_builtins(self._link),
            "acked_seq": 0,
            "acked_epoch": "",
            "unsent": {
                "count": self._journal.position.seq,
                "oldest_at": entries.read(first.raw).time if first else None,
                "sales_total": self._running_sales_total(),
            },
            "quarantined": [],
            "last_ack_at": None,
            "reconciliation": [],
            "master": None,
            "recovered": 0,
            "unrecovered": [],
            "customer_keys": None,
            "problem": "",
        }

    async def pause(self) -> None:
        """Nothing is sent anyway."""

    async def resume(self) -> None:
        """There is nothing to resume."""

    async def hold(self, seconds: float) -> None:
        raise NotReady(reason="no cloud is configured", retry_after_s=30)

    async def entries(self, before: After, first: int, last: int) -> list[bytes]:
        raise NotReady(reason="no cloud is configured", retry_after_s=30)

    async def retry(self, seq: int | None) -> None:
        if seq is not None:
            raise NotFound(kind="quarantined entry", id=str(seq))


def _prepare(address: CloudAddress, tls: ssl.SSLContext | None) -> ssl.SSLContext | None:
    from hub.upstream.engine import trust_of

    return tls or trust_of(address)


def _compact(facts: dict[str, Any]) -> str:
    return json.dumps(facts, separators=(",", ":"), ensure_ascii=True, default=str)
