"""The cloud beside plain lists: every move that a hub, its restarts, its losses and its repairs can make."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from cloudchains import DAY, NO_HASH, ORDER, SALE, START, Entry, Journal
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from cloud import branches, hubs, transfer
from cloud import entries as use
from cloud.chain import verify
from cloud.errors import CloudError, CursorConflict
from cloud.model import Cursor
from cloud.store.ports import Database
from cloud.store.urls import open_database
from tests.cloud.conftest import new_pg_database

_hub_numbers = itertools.count(1)
OTHER_DAY = "2026-08-02"


@dataclass
class ListCloud:
    """What the cloud is to be, written with lists and no thought of speed."""

    chain: list[Entry] = field(default_factory=list)
    holes: set[int] = field(default_factory=set)
    left: list[Entry] = field(default_factory=list)
    epochs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def end(self) -> dict[str, Any]:
        return self.chain[-1].position if self.chain else START

    def open(self, epoch: str, after: dict[str, Any]) -> bool:
        known = dict(self.epochs).get(epoch)
        if known is not None and known != after:
            return False
        at = after["seq"]
        if known is not None and len(self.chain) > at and self.chain[at].epoch == epoch:
            return True
        of_epoch = [e.seq for e in self.chain if e.epoch == after["epoch"]]
        if self._has(after):
            self._cut(at)
        elif of_epoch and of_epoch[-1] < at:
            self._cut(of_epoch[-1])
        elif of_epoch or at <= len(self.chain):
            return False
        self.epochs = [pair for pair in self.epochs if pair[0] != epoch] + [(epoch, after)]
        return True

    def post(self, batch: list[Entry]) -> bool:
        epoch = batch[0].epoch
        if epoch not in dict(self.epochs):
            return False
        for entry in batch:
            if entry.seq <= len(self.chain):
                if self.chain[entry.seq - 1] != entry:
                    return False
            elif not self.takes(entry):
                return False
            else:
                self.chain.append(entry)
                self.left = [old for old in self.left if old != entry]
        return True

    def takes(self, entry: Entry) -> bool:
        return self.follows(entry) and f'"prevhash": "{self.end["hash"]}"'.encode() in entry.body

    def follows(self, entry: Entry) -> bool:
        after = dict(self.epochs).get(entry.epoch)
        if entry.seq != len(self.chain) + 1 or after is None:
            return False
        if self.end["epoch"] != entry.epoch:
            latest = [epoch for epoch, other in self.epochs if other == after][-1]
            if after != self.end or latest != entry.epoch:
                return False
        ends = [other["seq"] for _, other in self.epochs if other["epoch"] == entry.epoch and other["seq"]]
        return not ends or entry.seq <= ends[-1]

    def _has(self, at: dict[str, Any]) -> bool:
        return at["seq"] == 0 or at in [entry.position for entry in self.chain]

    def _cut(self, at: int) -> None:
        self.left += [e for e in self.chain[at:] if e.seq not in self.holes and e not in self.left]
        self.holes = {seq for seq in self.holes if seq <= at}
        del self.chain[at:]

    @property
    def there(self) -> list[Entry]:
        """The chain without its holes."""
        return [entry for entry in self.chain if entry.seq not in self.holes]


class HubAndCloud(RuleBasedStateMachine):
    database: Database

    @initialize()
    def begin(self) -> None:
        name = f"hub-{next(_hub_numbers)}"
        self.hub_id, _ = self.database.write(lambda s: hubs.add(s, name, name, 0.0))  # type: ignore[arg-type]
        self.model = ListCloud()
        self.journal = Journal()
        self.kept: list[Journal] = []
        self.epoch = ""
        self.starts = 0
        self.acknowledged: set[bytes] = set()
        self.restart()

    @rule()
    def restart(self) -> None:
        self.starts += 1
        self.epoch = f"e{self.starts}"
        self.journal.add(self.epoch, type="storehub.hub.started.v1", start=self.starts)

    @rule(
        count=st.integers(1, 4), type=st.sampled_from([ORDER, SALE, "storehub.sale.refunded.v1"]),
        total=st.integers(0, 9000), day=st.sampled_from([DAY, OTHER_DAY]),
    )  # fmt: skip
    def work(self, count: int, type: str, total: int, day: str) -> None:
        for _ in range(count):
            self.journal.add(self.epoch, type, total=total, day=day, start=self.starts)

    @rule()
    def back_up(self) -> None:
        self.kept.append(self.journal.cut(len(self.journal.entries)))

    @rule(share=st.floats(0, 1))
    def lose_the_end(self, share: float) -> None:
        self.back_up()
        self.journal = self.journal.cut(int(share * len(self.journal.entries)))
        self.restart()

    @precondition(lambda self: self.kept)
    @rule(which=st.integers(0, 99))
    def restore(self, which: int) -> None:
        kept = self.kept[which % len(self.kept)]
        self.journal = kept.cut(len(kept.entries))
        self.restart()

    @rule(oldest_first=st.booleans(), count=st.integers(1, 3))
    def announce(self, oldest_first: bool, count: int) -> None:
        starts = self._epoch_starts()
        for epoch, after in starts[-count:] if oldest_first else reversed(starts[-count:]):
            self._open(epoch, after)

    @rule(which=st.integers(0, 99), first=st.integers(0, 60), count=st.integers(1, 8))
    def post_anything(self, which: int, first: int, count: int) -> None:
        """From today's journal, or a request of an older one that was delayed on its way."""
        entries = [self.journal, *self.kept][which % (len(self.kept) + 1)].entries
        first %= len(entries)
        self._post([e for e in entries[first : first + count] if e.epoch == entries[first].epoch])

    @precondition(lambda self: self.kept)
    @rule(which=st.integers(0, 99), back=st.integers(1, 3))
    def announce_late(self, which: int, back: int) -> None:
        starts = self._epoch_starts(self.kept[which % len(self.kept)])
        self._open(*starts[-min(back, len(starts))])

    @precondition(lambda self: self.kept)
    @rule(which=st.integers(0, 99), overlap=st.integers(0, 2))
    def post_late(self, which: int, overlap: int) -> None:
        entries = self.kept[which % len(self.kept)].entries
        rest = entries[max(0, len(self.model.chain) - overlap) :]
        if rest:
            self._post([e for e in rest if e.epoch == rest[0].epoch])

    @rule(count=st.integers(1, 8), overlap=st.integers(0, 3))
    def post_next(self, count: int, overlap: int) -> None:
        first = max(0, self._cursor()["seq"] - overlap)
        rest = self.journal.entries[first:]
        if rest:
            self._post([e for e in rest[:count] if e.epoch == rest[0].epoch])

    @rule(offset=st.integers(-1, 1))
    def set_aside(self, offset: int) -> None:
        at = len(self.model.chain) + offset
        if not 0 <= at < len(self.journal.entries):
            return
        entry = self.journal.entries[at]
        had = entry.seq <= len(self.model.chain) and self.model.chain[entry.seq - 1] == entry
        expected = had or self.model.follows(entry)
        digest = bytes.fromhex(entry.hash)
        result = self._try(
            lambda s: use.quarantine(s, self.hub_id, entry.epoch, entry.seq, digest, "why", 1.0)  # type: ignore[arg-type]
        )
        assert (not isinstance(result, CloudError)) == expected, result
        if expected and not had:
            self.model.chain.append(entry)
            self.model.holes.add(entry.seq)
        self._check_end(result)

    @rule(which=st.integers(0, 9))
    def fill(self, which: int) -> None:
        open_holes = [e for e in self.model.chain if e.seq in self.model.holes]
        if not open_holes:
            return
        entry = open_holes[which % len(open_holes)]
        before = self.model.chain[entry.seq - 2].hash if entry.seq > 1 else NO_HASH
        fits = f'"prevhash": "{before}"'.encode() in entry.body
        result = self._try(
            lambda s: use.fill(s, self.hub_id, entry.epoch, entry.seq, [entry.body], frozenset(), 1.0)  # type: ignore[arg-type]
        )
        assert (not isinstance(result, CloudError)) == fits, result
        if fits:
            self.model.holes.discard(entry.seq)
            self.model.left = [old for old in self.model.left if old != entry]
            self.acknowledged.add(entry.body)

    @rule()
    def drain(self) -> None:
        """What a hub does on every reconnect ends with the cloud having its journal, whatever was before."""
        for epoch, after in self._epoch_starts():
            self._open(epoch, after)
        while (at := self._cursor())["seq"] < len(self.journal.entries):
            rest = self.journal.entries[at["seq"] :]
            batch = [e for e in rest[:5] if e.epoch == rest[0].epoch]
            self._post(batch)
            assert self._cursor() == batch[-1].position
        assert self._cursor() == self.journal.end
        assert self.model.chain == self.journal.entries

    @invariant()
    def same_as_the_lists(self) -> None:
        if not hasattr(self, "model"):
            return
        assert self._cursor() == self.model.end
        there = [e.body for e in self.model.there]
        assert list(transfer.export(self.database, self.hub_id)) == there
        orphans = self._page(orphans=True)
        assert sorted(orphans) == sorted(e.body for e in self.model.left)
        assert self.acknowledged <= {*there, *orphans}
        for day in (DAY, OTHER_DAY):
            self._check_totals(day, len(self.model.chain))
            self._check_totals(day, len(self.model.chain) // 2)

    def _check_totals(self, day: str, upto: int) -> None:
        of_day = [e for e in self.model.there if e.seq <= upto and e.day == day]
        sign = {SALE: 1, "storehub.sale.refunded.v1": -1}
        at = (self.model.chain[upto - 1].epoch, upto) if upto else ("", 0)
        found = self.database.read(lambda s: use.totals(s, self.hub_id, int(day.replace("-", "")), at))  # type: ignore[arg-type]
        assert found.as_dict() == {
            "entries": len(of_day),
            "sales": sum(e.type == SALE for e in of_day),
            "total": sum(sign.get(e.type, 0) * e.total for e in of_day),
            "last_seq": of_day[-1].seq if of_day else 0,
            "hash": of_day[-1].hash if of_day else NO_HASH,
        }

    def _epoch_starts(self, journal: Journal | None = None) -> list[tuple[str, dict[str, Any]]]:
        starts, before = [], START
        for entry in (journal or self.journal).entries:
            if entry.epoch != before["epoch"]:
                starts.append((entry.epoch, before))
            before = entry.position
        return starts

    def _open(self, epoch: str, after: dict[str, Any]) -> None:
        cursor = Cursor(after["epoch"], after["seq"], after["hash"])
        result = self._try(lambda s: branches.open_epoch(s, self.hub_id, epoch, cursor, 1.0))  # type: ignore[arg-type]
        assert (not isinstance(result, CloudError)) == self.model.open(epoch, after), result
        self._check_end(result)

    def _post(self, batch: list[Entry]) -> None:
        verified = verify(batch[0].epoch, batch[0].seq, [entry.body for entry in batch])  # type: ignore[arg-type]
        result = self._try(lambda s: use.append(s, self.hub_id, verified, 1.0))
        assert (not isinstance(result, CloudError)) == self.model.post(batch), result
        self._check_end(result)
        self.acknowledged |= {e.body for e in self.model.there}

    def _check_end(self, result: Cursor | CloudError) -> None:
        cursor = result.cursor if isinstance(result, CursorConflict) else result
        assert isinstance(cursor, Cursor)
        assert cursor.as_dict() == self.model.end

    def _try(self, job: Callable[[Any], Any]) -> Any:
        try:
            return self.database.write(job)
        except CloudError as error:
            return error

    def _cursor(self) -> dict[str, Any]:
        return self.database.read(lambda s: use.cursor(s, self.hub_id)).as_dict()

    def _page(self, *, orphans: bool) -> list[bytes]:
        page = self.database.read(
            lambda s: transfer.page(s, self.hub_id, ("", 0), orphans=orphans, limit=10_000)  # type: ignore[arg-type]
        )
        assert not page.more
        return page.body.splitlines()


@pytest.fixture(params=["sqlite", "postgresql"], scope="module")
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, Database]]:
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('stateful')}/cloud.db"
    else:
        url = new_pg_database(request.getfixturevalue("pg_cluster"))
    database = open_database(url, service=True)
    yield request.param, database
    database.close()


def test_the_cloud_is_what_the_lists_say(shared: tuple[str, Database]) -> None:
    engine, database = shared

    class Machine(HubAndCloud):
        pass

    Machine.database = database
    run_state_machine_as_test(
        Machine,
        settings=settings(
            # The lists are checked on both engines; most of the search runs where it is cheap.
            max_examples=80 if engine == "sqlite" else 15,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
