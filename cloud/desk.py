"""Between the event loop and the database: jobs in threads, who was heard from, who waits for master data."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from time import time
from typing import Final, TypeVar

from cloud import hubs, master
from cloud.chain import verify
from cloud.codec import decode_lines
from cloud.errors import CloudError, Overloaded, StoreUnavailable, Unauthenticated
from cloud.hubs import Caller
from cloud.model import Batch, Epoch, StoreId
from cloud.store.ports import Database, Session

T = TypeVar("T")
log = logging.getLogger(__name__)

# Jobs under way or waiting, over all hubs; whoever comes then is told to come again.
_JOBS_MAX: Final = 64
# Batches unpacked at the same time. Two: one is verified while another one is being committed.
_UNPACKERS: Final = 2
# What was heard is written down this often, not at every call: it costs a commit.
_NOTE_EVERY_S: Final = 5.0
_MASTER_LOOK_EVERY_S: Final = 0.5


class Desk:
    """Runs use cases. Use as an async context manager; leaving it finishes what was begun."""

    def __init__(self, database: Database, *, refused_types: frozenset[str] = frozenset()) -> None:
        self.refused_types = refused_types
        self._database = database
        self._writers = ThreadPoolExecutor(database.writers, "write")
        self._readers = ThreadPoolExecutor(database.readers, "read")
        self._unpackers = ThreadPoolExecutor(_UNPACKERS, "unpack")
        self._jobs = 0
        self._heard: dict[int, tuple[float, str | None]] = {}
        self._waiting: dict[StoreId, int] = {}
        self._heads: dict[StoreId, str] = {}
        self._looked = asyncio.Condition()
        self._closing = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Desk:
        self._tasks = [asyncio.create_task(self._note_heard()), asyncio.create_task(self._look_for_master())]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop_waiting()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._save_heard()
        for pool in (self._unpackers, self._readers, self._writers):
            await asyncio.to_thread(pool.shutdown)

    async def write(self, job: Callable[[Session], T]) -> T:
        """Return the job's value once it is on stable storage."""
        value = await self._run(self._writers, lambda: self._database.write(job))
        # Behind the answer, in its turn among the waiting jobs.
        self._writers.submit(self._tidy)
        return value

    async def read(self, job: Callable[[Session], T]) -> T:
        return await self._run(self._readers, lambda: self._database.read(job))

    async def unpack(self, raw: bytes, encoding: str, epoch: Epoch, first_seq: int) -> Batch:
        """Decode and verify a batch of entries."""

        def job() -> Batch:
            return verify(epoch, first_seq, decode_lines(raw, encoding), refused_types=self.refused_types)

        return await self._run(self._unpackers, job)

    async def caller(self, authorization: str, status: str | None) -> Caller:
        """Return who calls, note that it was heard from, and let a new token take its predecessors' place."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated("send Authorization: Bearer <hub token>")
        caller = await self.read(lambda session: hubs.authenticate(session, token.strip()))
        if caller.first_call:
            await self.write(lambda session: hubs.take_over(session, caller, time()))
        kept = hubs.compact_status(status) if status else None
        if kept is None and caller.hub_num in self._heard:
            kept = self._heard[caller.hub_num][1]
        self._heard[caller.hub_num] = (time(), kept)
        return caller

    async def overview(self) -> list[dict[str, object]]:
        await self._save_heard()
        return await self.read(lambda session: hubs.overview(session, time()))

    async def master_since(self, store_id: StoreId, cursor: str, wait_s: float) -> master.Changes:
        """Return the changes after `cursor`, waiting up to wait_s for the first one."""
        changes = await self.read(lambda session: master.since(session, store_id, cursor))
        if changes.items or changes.full or wait_s <= 0 or self._closing.is_set():
            return changes
        self._waiting[store_id] = self._waiting.get(store_id, 0) + 1
        try:
            async with asyncio.timeout(wait_s), self._looked:
                await self._looked.wait_for(
                    lambda: self._closing.is_set() or self._heads.get(store_id, cursor) != cursor
                )
        except TimeoutError:
            return changes
        finally:
            self._waiting[store_id] -= 1
            if not self._waiting[store_id]:
                del self._waiting[store_id]
                self._heads.pop(store_id, None)
        return await self.read(lambda session: master.since(session, store_id, cursor))

    async def stop_waiting(self) -> None:
        """Answer all who wait for master data now: the service is about to stop."""
        self._closing.set()
        async with self._looked:
            self._looked.notify_all()

    async def _run(self, pool: ThreadPoolExecutor, job: Callable[[], T]) -> T:
        if self._jobs >= _JOBS_MAX:
            raise Overloaded("too much is under way")
        self._jobs += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, job)
        finally:
            self._jobs -= 1

    def _tidy(self) -> None:
        try:
            self._database.tidy()
        except CloudError as error:
            log.warning("upkeep of the database failed, to be tried again: %s", error)

    async def _note_heard(self) -> None:
        while True:
            await asyncio.sleep(_NOTE_EVERY_S)
            await self._save_heard()

    async def _save_heard(self) -> None:
        heard, self._heard = self._heard, {}
        if not heard:
            return

        def job(session: Session) -> None:
            for hub_num, (heard_at, status) in sorted(heard.items()):
                session.run("heard", hub=hub_num, heard_at=heard_at, status=status)

        try:
            await self.write(job)
        except (StoreUnavailable, Overloaded) as error:
            log.warning("could not note down who was heard from: %s", error)
            self._heard = heard | self._heard

    async def _look_for_master(self) -> None:
        """One look serves all who wait in this process, whichever process made the change."""
        while True:
            await asyncio.sleep(_MASTER_LOOK_EVERY_S)
            if not self._waiting:
                continue
            try:
                heads = await self.read(partial(master.heads, store_ids=list(self._waiting)))
            except (StoreUnavailable, Overloaded) as error:
                log.warning("could not look for new master data: %s", error)
                continue
            async with self._looked:
                self._heads = heads
                self._looked.notify_all()
