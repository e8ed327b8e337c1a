"""One store, one cloud that misbehaves, and the replay between them, with seconds made short."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from hub.upstream.address import Lookup, look_up
from hub.upstream.pace import PaceSettings
from hub.upstream.service import CloudUpstream
from hub.upstream.timing import Timing
from tests.support.badcloud import BadCloud, StandIn
from tests.support.memory import MemoryAnnouncer, MemoryClock, MemoryJournal, MemoryNotes, MemoryOffice, Store

# A second of the line in 30 ms.
QUICK = Timing(
    connect_s_max=0.5,
    silence_s_max=0.4,
    attempt_s_max=0.8,
    upload_s_max=1.5,
    waiting_s=0.2,
    probe_s=0.3,
    wait_s_max=0.4,
    wait_s_min=0.02,
    wait_s_first=0.05,
    rejected_wait_s=30.0,
    poll_s=1.0,
    poll_rest_s=0.1,
    poll_failed_rest_s=0.2,
    reconcile_s=0.5,
)
# How long a busy machine may take for what must come about; less than what is waited for after a refusal (30 s).
PATIENT_S = 25.0


class World:
    def __init__(self, stand_in: StandIn, bad: BadCloud, *, store: Store | None = None) -> None:
        self.cloud = stand_in
        self.bad = bad
        self.store = store or Store(MemoryJournal())
        self.journal = self.store.journal
        self.notes = MemoryNotes()
        self.office = MemoryOffice(self.store)
        self.announcer = MemoryAnnouncer()
        self.clock = MemoryClock()
        self.busy = 0.0
        self.hub_id = "h1"
        self.up: CloudUpstream

    def make(
        self,
        *,
        url: str | None = None,
        token: str = "t",
        timing: Timing = QUICK,
        pace: PaceSettings | None = None,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup = look_up,
    ) -> CloudUpstream:
        self.up = CloudUpstream(
            url=url or self.bad.url,
            token=token,
            hub_id=self.hub_id,
            journal=self.journal,
            notes=self.notes,
            office=self.office,
            announcer=self.announcer,
            clock=self.clock,
            running_sales_total=lambda: self.store.sales_total,
            lan_busy=lambda: self.busy,
            status_facts=lambda: {"version": "test"},
            pace=pace or PaceSettings(),
            tls=tls,
            lookup=lookup,
            timing=timing,
        )
        return self.up

    @contextlib.asynccontextmanager
    async def running(self, **settings: Any) -> AsyncIterator[CloudUpstream]:
        up = self.make(**settings)
        await up.start()
        try:
            yield up
        finally:
            began = time.monotonic()
            await up.stop()
            assert time.monotonic() - began < 3.0

    async def link(self) -> tuple[str, str]:
        link = (await self.up.status())["link"]
        return link["state"], link["reason"]

    async def until_link(self, state: str, key: str = "", *, within_s: float = PATIENT_S) -> str:
        """Wait for the state with a reason that begins with key; returns the reason."""
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(
                _within(within_s, lambda: f"{state} {key}: {self.up._monitor.status}")
            )
            while True:
                now, reason = await self.link()
                if now == state and reason.startswith(key):
                    return reason
                await asyncio.sleep(0.005)
        raise AssertionError

    async def until_complete(self, *, within_s: float = PATIENT_S) -> None:
        """Wait until the cloud has every entry, and check that it has each once and in order."""
        await until(lambda: len(self.cloud.chain) == self.journal.position.seq, within_s, self._where)
        self.check_complete()
        await until(lambda: self.up.acked_seq == self.journal.position.seq, within_s, self._where)

    def check_complete(self) -> None:
        assert self.cloud.stored == [entry.raw for entry in self.journal.all]
        assert self.cloud.applied == [(entry.epoch, entry.seq) for entry in self.journal.all]

    async def until_agreed(self, *, within_s: float = PATIENT_S) -> list[dict[str, Any]]:
        async with _within(within_s, lambda: "agreement"):
            while True:
                rows: list[dict[str, Any]] = (await self.up.status())["reconciliation"]
                whole = sum(row["hub"]["entries"] for row in rows) == len(self.cloud.stored)
                if rows and whole and all(row["agrees"] for row in rows):
                    return rows
                await asyncio.sleep(0.01)

    def _where(self) -> str:
        return (
            f"cloud {self.cloud.cursor}, journal {self.journal.position}, {self.up._monitor.status}, "
            f"last {[(r.leaf, r.fault) for r in self.bad.requests[-5:]]}"
        )


@contextlib.asynccontextmanager
async def _within(seconds: float, what: Callable[[], str]) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(seconds):
            yield
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {what()}") from None


async def until(
    condition: Callable[[], bool], within_s: float = PATIENT_S, what: Callable[[], str] = lambda: ""
) -> None:
    async with _within(within_s, what):
        while not condition():
            await asyncio.sleep(0.005)
