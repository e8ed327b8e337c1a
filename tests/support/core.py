"""A hub without doors that can be killed and started again on the same disk, with time in the test's hand."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from hub.domain import entries
from hub.domain.commands import ApplyMaster, Command, PairDevice
from hub.domain.device import Device
from hub.domain.entries import Entry, Stamp
from hub.domain.errors import HubError
from hub.domain.evolve import evolve, fact_of, meta_of
from hub.domain.facts import After, Fact, MasterChange
from hub.domain.report import fold, shares
from hub.domain.report_sums import DayReport
from hub.domain.state import Meta, State
from hub.ports import EpochStart, StoreError
from hub.service.desk import Answer, Desk, Request
from hub.service.hub import Core, Identity
from hub.store.journal import Journal
from hub.store.statestore import StateStore
from tests.support.disk import Disk, DiskJournal, DiskKeeper, Fault

NOON = 1_795_230_000.0
TOKYO = timezone(timedelta(hours=9))
# Thirty products; `last` has few portions, which several devices want.
PORTIONS = 7
MENU: tuple[MasterChange, ...] = (
    MasterChange("category", "c", {"id": "c", "name": "C"}),
    *(
        MasterChange(
            "product", f"p{n}", {"id": f"p{n}", "name": f"P{n}", "category_id": "c", "price": 100 + 10 * n}
        )
        for n in range(30)
    ),
    MasterChange(
        "product",
        "last",
        {
            "id": "last", "name": "Last", "category_id": "c", "price": 700, "stock_tracked": True,
            "remaining": PORTIONS, "tax_class": "reduced",
        },
    ),
    *(
        MasterChange(
            "tax_rate",
            f"{name}@2019-10-01T00:00:00+09:00",
            {"tax_class": name, "rate": rate, "from": "2019-10-01T00:00:00+09:00"},
        )
        for name, rate in (("standard", "0.10"), ("reduced", "0.08"))
    ),
    MasterChange("tender_method", "cash", {"id": "cash", "name": "Cash", "kind": "cash"}),
)  # fmt: skip
IDENTITY = Identity("h1", "s1", "Store", "box", "0")


class TestClock:
    """Wall time and uptime that only the test moves. The business day turns at 05:00 in Tokyo."""

    __test__ = False

    def __init__(self, unix_s: float = NOON) -> None:
        self.unix_s = unix_s
        self.uptime_s = 100.0
        self.trusted = True
        self.heard_s: list[float] = []
        self.supposed_s: list[float] = []

    def stamp(self) -> Stamp:
        when = datetime.fromtimestamp(self.unix_s, UTC).astimezone(TOKYO)
        return Stamp(
            when.isoformat(timespec="milliseconds"),
            self.unix_s,
            (when - timedelta(hours=5)).date().isoformat(),
            int(self.uptime_s * 1000),
            self.trusted,
        )

    def business_date(self, time: str) -> str | None:
        when = datetime.fromisoformat(time).astimezone(TOKYO)
        return (when - timedelta(hours=5)).date().isoformat()

    def monotonic(self) -> float:
        return self.uptime_s

    def heard(self, unix_s: float, source: str) -> None:
        self.heard_s.append(unix_s)

    def supposed(self, unix_s: float) -> None:
        self.supposed_s.append(unix_s)


class FaultyJournal(Journal):
    """The journal over SQLite with the same levers as DiskJournal."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.faults: deque[Fault] = deque()
        self.reopen_faults: deque[bool] = deque()
        self.gate = asyncio.Event()
        self.gate.set()
        self.appends = 0

    async def append(self, group: Sequence[Entry], *, opens: EpochStart | None = None) -> None:
        self.appends += 1
        await self.gate.wait()
        fault = self.faults.popleft() if self.faults else "ok"
        if fault == "kept":
            publish, self.publish = self.publish, lambda group: None  # type: ignore[method-assign]
            try:
                await super().append(group, opens=opens)
            finally:
                self.publish = publish  # type: ignore[method-assign]
        if fault != "ok":
            raise StoreError(f"made to fail: {fault}", full=fault == "full")
        await super().append(group, opens=opens)

    async def reopen(self) -> None:
        if self.reopen_faults and self.reopen_faults.popleft():
            raise StoreError("made to fail: reopen")
        await super().reopen()


async def ask(desk: Desk, request: Request, *, at_once: bool) -> Answer:
    """Ask as the edge does: at once if it can be, with submit() if not."""
    told: asyncio.Future[Answer | HubError] = asyncio.get_running_loop().create_future()
    if not at_once or not desk.at_once(
        request, lambda outcome: None if told.done() else told.set_result(outcome)
    ):
        return await desk.submit(request)
    outcome = await told
    if isinstance(outcome, HubError):
        raise outcome
    return outcome


class HubKit:
    """One store's hub through its lives. `journal`, `keeper` and `core` are those of the present one."""

    def __init__(self, place: Disk | Path, *, after: HubKit | None = None) -> None:
        """after: the box that this one replaces; epochs and ids go on."""
        self._place = place
        self._ids = count(1) if after is None else after._ids
        self._epochs = count(1) if after is None else after._epochs
        self.clock: Any = TestClock()
        self.boot = "b"
        self.online = True
        self.unsent: Callable[[], int] = int
        self.committed: list[tuple[Fact, Meta]] = []
        self.journal: Any
        self.keeper: Any
        self.core: Core
        self.alive = False
        # Whether requests are taken as those whose body is all there, or as those that have a task.
        self.at_once = False

    def mint(self) -> str:
        return f"id-{next(self._ids):06d}"

    async def start(
        self,
        *,
        witness: After | None = None,
        prepare: Callable[[Any], None] = lambda journal: None,
        **more: Any,
    ) -> Core:
        if isinstance(self._place, Disk):
            self.journal = DiskJournal(self._place)
            self.keeper = DiskKeeper(self.journal)
        else:
            self.journal = FaultyJournal(self._place)
            self.keeper = StateStore(self.journal)
        await self.journal.open()
        self.alive = True
        prepare(self.journal)
        self.core = Core(
            identity=IDENTITY,
            journal=self.journal,
            keeper=self.keeper,
            clock=self.clock,
            mint=self.mint,
            online=lambda: self.online,
            unsent=lambda: self.unsent(),
            on_committed=self.committed.extend,
        )
        await self.core.start(epoch=f"{next(self._epochs):016x}", boot=self.boot, witness=witness, **more)
        return self.core

    async def fresh(self) -> Core:
        """Start for the first time, with a menu."""
        core = await self.start()
        await core.desk.order(ApplyMaster("import", MENU))
        return core

    async def stop(self) -> None:
        await self.core.stop()
        await self.journal.close()
        self.alive = False

    async def kill(self) -> None:
        """Gone at once: nothing is finished, answered or saved."""
        tasks = [
            task for task in asyncio.all_tasks() if task.get_name() in ("writer", "saver", "request filter")
        ]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.journal.close()
        self.alive = False

    async def again(self, **more: Any) -> Core:
        """Killed, and started again."""
        await self.kill()
        return await self.start(**more)

    def submit(
        self,
        key: str,
        command: Command,
        *,
        device: str = "d1",
        role: Any = "manager",
        target: str = "",
        path: str = "/v1/x",
        version: int | None = None,
    ) -> Any:
        """The coroutine of an answer."""
        who = Device(device, device, role, "", "")
        return ask(
            self.core.desk,
            Request(who, key, "POST", path, command, target, version),
            at_once=self.at_once,
        )

    async def says(self, key: str, command: Command, **more: Any) -> dict[str, Any]:
        answer: Answer = await self.submit(key, command, **more)
        return msgspec.json.decode(answer.body)

    async def pair(self, device: str) -> None:
        await self.core.desk.order(
            PairDevice(device_id=device, name=device, role="handheld", token_hash=device)
        )

    async def entries(self) -> list[Entry]:
        found: list[Entry] = []
        seq = self.journal.first_seq - 1
        while page := await self.journal.after(seq, count_max=500, bytes_max=1 << 30):
            found += page
            seq = page[-1].seq
        return found


class Truth:
    """State and reports as they follow from the journal's bytes alone, from its first entry on."""

    def __init__(self, found: Sequence[Entry]) -> None:
        self.state = State()
        self.reports: dict[str, DayReport] = {}
        for entry in found:
            envelope = entries.read(entry.raw)
            fact = fact_of(envelope.type, bytes(envelope.data))
            if fact is None:
                continue
            meta = meta_of(envelope)
            evolve(self.state, fact, meta)
            for shown in shares(fact, meta):
                day = shown[1].business_date
                fold(self.reports.setdefault(day, DayReport(business_date=day)), *shown)
            self.state.seal()
            self.state.settle()


async def check(kit: HubKit, removed: Sequence[Entry] = ()) -> Truth:
    """Assert that chain, epochs, shelves and reports of the running hub are what its journal says.

    removed: the entries that were before its first one.
    """
    found = await kit.entries()
    before = removed[-1] if removed else None
    for entry in found:
        envelope = entries.read(entry.raw)
        assert entry.hash == entries.hash_of(entry.raw)
        assert (envelope.seq, envelope.epoch, envelope.id) == (
            entry.seq, entry.epoch, f"{entry.epoch}-{entry.seq}",
        )  # fmt: skip
        if before is not None:
            assert envelope.prevhash == before.hash, f"the chain breaks at {entry.seq}"
            assert entry.seq == before.seq + 1, f"a gap before {entry.seq}"
        before = entry
    truth = Truth([*removed, *found])
    for shelf in truth.state.shelves():
        mine = getattr(kit.core.state, shelf.name)
        assert mine.committed.keys() <= shelf.committed.keys(), shelf.name
        for key, value in shelf.committed.items():
            if key not in mine.committed:
                await kit.keeper.fetch(kit.core.state, shelf.name, [key])
            assert mine.committed.get(key) == value, (shelf.name, key)
    for date, report in truth.reports.items():
        assert await kit.core.reports.of(date, kit.keeper.report) == report, date
    return truth


@contextlib.asynccontextmanager
async def hub_on(place: Disk | Path) -> Any:
    """A hub with a menu, ended whatever happens."""
    kit = HubKit(place)
    try:
        await kit.fresh()
        yield kit
    finally:
        if kit.alive:
            await kit.kill()


async def until(condition: Callable[[], bool], within_s: float = 5.0) -> None:
    async with asyncio.timeout(within_s):
        while not condition():
            await asyncio.sleep(0)
