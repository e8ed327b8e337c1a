"""The journal over SQLite: what only it promises. What every journal promises stands in tests/contract."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import threading
import tracemalloc
from collections.abc import Coroutine
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from hub.domain.commands import LineIn, PlaceOrder, RecordFact
from hub.ports import StoreError
from hub.power.watch import MachineHealth
from hub.retention import prune
from hub.service.copies import Copies
from hub.store import connection
from hub.store.highwater import HighWater
from hub.store.journal import READ_ROWS, Journal
from tests.support.core import HubKit, check, hub_on

ORDER = PlaceOrder(lines=(LineIn("p1", 1),), table_id="t1")


async def pragma(db: Any, name: str) -> Any:
    async with db.execute(f"PRAGMA {name}") as cursor:
        return (await cursor.fetchone())[0]


async def test_the_connection_that_writes_syncs_every_commit(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.db") as journal:
        assert await pragma(journal._writer, "journal_mode") == "wal"
        assert await pragma(journal._writer, "synchronous") == 2
        assert await pragma(journal._writer, "wal_autocheckpoint") == 0
        assert await pragma(journal._reader, "query_only") == 1
        await journal.reopen()
        assert await pragma(journal._writer, "journal_mode") == "wal"
        assert await pragma(journal._writer, "synchronous") == 2
        with pytest.raises(sqlite3.OperationalError):
            await journal._reader.execute("DELETE FROM notes")


async def test_a_pragma_that_does_not_hold_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="journal_mode"):
        await connection.open_writer(Path(":memory:"))


async def test_each_commit_is_one_sync_of_the_wal(tmp_path: Path) -> None:
    """Seen from outside: after the answer another process reads the entry from the files as they are."""
    async with hub_on(tmp_path / "journal.db") as kit:
        for number in range(5):
            await kit.says(f"k{number}", ORDER)
            db = sqlite3.connect(f"file:{tmp_path / 'journal.db'}?mode=ro", uri=True)
            assert db.execute("SELECT max(seq) FROM entries").fetchone()[0] == kit.journal.position.seq
            db.close()


STEPS = len(list(Path(connection.__file__).with_name("migrations").glob("*.sql")))


async def test_tables_are_made_once_and_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with Journal(path):
        pass
    async with Journal(path) as journal:
        assert await pragma(journal._writer, "user_version") == STEPS
        await journal._writer.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        await Journal(path).open()


async def test_a_migration_that_breaks_off_leaves_the_old_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.db"
    async with hub_on(path) as kit:
        await kit.says("k", ORDER)
        before = [entry.raw for entry in await kit.entries()]
    steps = tmp_path / "store" / "migrations"
    steps.mkdir(parents=True)
    real = connection.files
    for step in real("hub.store").joinpath("migrations").iterdir():
        if step.name.endswith(".sql"):
            (steps / step.name).write_text(step.read_text())
    (steps / "9999-new.sql").write_text("CREATE TABLE new (x); INSERT INTO gone VALUES (1);")
    monkeypatch.setattr(connection, "files", lambda package: tmp_path / "store")
    with pytest.raises(StoreError, match="gone"):
        await Journal(path).open()
    (steps / "9999-new.sql").write_text("CREATE TABLE new (x);")
    async with Journal(path) as journal:
        assert await pragma(journal._writer, "user_version") == STEPS + 1
    monkeypatch.undo()
    with pytest.raises(StoreError, match="newer version"):
        await Journal(path).open()
    db = sqlite3.connect(path)
    assert [bytes(raw) for (raw,) in db.execute("SELECT raw FROM entries ORDER BY seq")] == before
    db.close()


async def test_tables_that_a_newer_version_only_added_to_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "journal.db"
    async with hub_on(path) as kit:
        await kit.says("k", ORDER)
    steps = tmp_path / "store" / "migrations"
    steps.mkdir(parents=True)
    real = connection.files
    for step in real("hub.store").joinpath("migrations").iterdir():
        if step.name.endswith(".sql"):
            (steps / step.name).write_text(step.read_text())
    (steps / "9998-more.sql").write_text("-- additive\nCREATE TABLE more (x);")
    monkeypatch.setattr(connection, "files", lambda package: tmp_path / "store")
    async with Journal(path) as journal:
        newer = await pragma(journal._writer, "user_version")
    monkeypatch.undo()
    async with Journal(path) as journal:
        assert await pragma(journal._writer, "user_version") == newer
        assert journal.position.seq > 1
    # A step that changes what was there shuts older programs out, whatever was only added before and after it.
    (steps / "9999-less.sql").write_text("DROP INDEX aggregates_day;")
    monkeypatch.setattr(connection, "files", lambda package: tmp_path / "store")
    async with Journal(path):
        pass
    monkeypatch.undo()
    with pytest.raises(StoreError, match="newer version"):
        await Journal(path).open()


async def test_a_broken_chain_names_the_entry_and_stops_the_start(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    async with hub_on(path) as kit:
        for number in range(4):
            await kit.says(f"k{number}", ORDER)
        db = sqlite3.connect(path)
        (raw,) = db.execute("SELECT raw FROM entries WHERE seq = 4").fetchone()
        await kit.kill()
        db.execute(
            "UPDATE entries SET raw = ? WHERE seq = 4", (raw.replace(b'"quantity":1', b'"quantity":2'),)
        )
        db.commit()
        db.close()
        with pytest.raises(StoreError, match="entry 5"):
            await kit.start()


async def test_a_first_entry_that_cannot_be_written_stops_the_start(tmp_path: Path) -> None:
    kit = HubKit(tmp_path / "journal.db")
    with pytest.raises(StoreError, match="made to fail") as caught:
        await kit.start(prepare=lambda journal: journal.faults.append("full"))
    assert caught.value.full
    await kit.kill()


async def test_a_cancelled_transaction_leaves_nothing_for_the_next_commit(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.db") as journal:
        for turns in range(1, 12):
            task = asyncio.ensure_future(
                journal.transact([("put_note", [("a", b"%d" % turns)]), ("put_note", [("b", b"%d" % turns)])])
            )
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await journal.put("c", b"")
            assert await journal.get("a") == await journal.get("b"), "half of it was committed"


async def test_reading_goes_on_while_the_journal_is_opened_again(tmp_path: Path) -> None:
    async with Journal(tmp_path / "journal.db") as journal:
        await journal.put("a", b"1")
        reopening = asyncio.ensure_future(journal.reopen())
        reads = [asyncio.ensure_future(journal.get("a")) for _ in range(20)]
        await asyncio.sleep(0)
        assert await asyncio.gather(*reads) == [b"1"] * 20
        await journal.put("a", b"2")
        await reopening
        assert await journal.get("a") == b"2"


async def test_a_disk_that_cannot_be_opened_again_is_a_store_error_and_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hub_on(tmp_path / "journal.db") as kit:
        await kit.says("k", ORDER)
        monkeypatch.setattr("hub.store.journal.WAL_BYTES_IDLE", 0)

        async def gone(path: Path) -> Any:
            raise StoreError("the disk is gone")

        monkeypatch.setattr("hub.store.journal.open_writer", gone)
        with pytest.raises(StoreError):
            await kit.journal.reopen()
        for use in (kit.journal.put("a", b""), kit.core.save(), kit.journal.checkpoint(idle=True)):
            with pytest.raises(StoreError):
                await use
        assert await kit.journal.at(1), "what was kept can still be read"
        assert await kit.journal.get("nothing") is None
        monkeypatch.undo()
        await kit.journal.reopen()
        await kit.core.save()
        await check(kit)


async def test_the_wal_is_moved_and_does_not_grow_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.store.journal.WAL_BYTES_IDLE", 64 * 1024)
    async with hub_on(tmp_path / "journal.db") as kit:
        wal = tmp_path / "journal.db-wal"
        peak = 0
        for number in range(60):
            await kit.says(f"k{number}", ORDER)
            await kit.journal.checkpoint(idle=True)
            peak = max(peak, wal.stat().st_size)
        assert peak < 1024 * 1024
        await check(kit)


async def test_a_wal_that_a_cut_left_is_moved_in_the_next_life(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.store.journal.WAL_BYTES_IDLE", 64 * 1024)
    left = tmp_path / "left"
    left.mkdir()
    async with hub_on(tmp_path / "journal.db") as kit:
        for number in range(30):
            await kit.says(f"k{number}", ORDER)
        for name in ("journal.db", "journal.db-wal"):
            shutil.copyfile(tmp_path / name, left / name)
    async with Journal(left / "journal.db") as journal:
        size = (left / "journal.db").stat().st_size
        await journal.checkpoint(idle=True)
        assert (left / "journal.db").stat().st_size > size + 30_000


async def test_the_high_water_mark_outlives_the_journal(tmp_path: Path) -> None:
    mark = HighWater(tmp_path / "mark.json")
    assert mark.read() is None
    async with hub_on(tmp_path / "journal.db") as kit:
        for number in range(3):
            await kit.says(f"k{number}", ORDER)
        mark.write(kit.journal.position)
        witness = mark.read()
        assert witness == kit.journal.position
        # A damaged WAL: the newest commits are gone without a word.
        await kit.kill()
        db = sqlite3.connect(tmp_path / "journal.db")
        db.execute("DELETE FROM entries WHERE seq > 3")
        db.commit()
        db.close()
        series = kit.core.state.receipt_series
        core = await kit.start(witness=mark.read())
        assert core.behind is not None
        assert (core.behind.epoch, core.behind.seq) == (witness.epoch, witness.seq)
        assert core.state.receipt_series > series, "numbers that were given out may be on paper"
        await check(kit)
        await kit.again(witness=kit.journal.position)
        assert kit.core.behind is None
    (tmp_path / "mark.json").write_bytes(b'{"epoch":')
    assert mark.read() is None


def hub_for(
    kit: HubKit,
    *,
    acked: int = 0,
    held: tuple[int, ...] = (),
    days: int = 35,
    kept_from: int | None = None,
    copies: Copies | None = None,
) -> Any:
    async def status() -> dict[str, Any]:
        return {"acked_seq": acked, "quarantined": [{"seq": seq} for seq in held]}

    clock = SimpleNamespace(trusted=kit.clock.trusted, unix_s=lambda: kit.clock.unix_s)
    box = SimpleNamespace(
        upstream=SimpleNamespace(status=status),
        core=kit.core,
        clock=clock,
        health=MachineHealth(),
        standby=None if kept_from is None else SimpleNamespace(kept_from=kept_from),
        copies=Copies(position=lambda: kit.journal.position, now=lambda: "now") if copies is None else copies,
    )
    return SimpleNamespace(box=box, journal=kit.journal, settings=SimpleNamespace(retention_days=days))


async def test_retention_keeps_what_anybody_may_still_need(tmp_path: Path) -> None:
    async with hub_on(tmp_path / "journal.db") as kit:
        for number in range(20):
            await kit.says(f"k{number}", ORDER)
        await kit.again()
        for number in range(20, 30):
            await kit.says(f"k{number}", ORDER)
        kit.clock.unix_s += 36 * 86400
        last = kit.journal.position.seq
        assert await prune(hub_for(kit, acked=last)) == 0, "not saved yet: a start reads them again"
        await kit.core.save()
        assert await prune(hub_for(kit, acked=0)) == 0, "the cloud has nothing"
        assert await prune(hub_for(kit, acked=last, days=40)) == 0, "too young"
        assert await prune(hub_for(kit, acked=last, held=(4,))) == 3, "set aside: may be sent again"
        assert kit.journal.first_seq == 4
        kit.clock.trusted = False
        assert await prune(hub_for(kit, acked=last)) == 0, "who does not know the time cannot tell the age"
        kit.clock.trusted = True
        copies = Copies(position=lambda: kit.journal.position, now=lambda: "now")
        copies.reached("mirror", 5)
        assert await prune(hub_for(kit, acked=10, copies=copies)) == 2, "a copy that is being filled lacks it"
        copies.gone("mirror", "absent")
        assert await prune(hub_for(kit, acked=10, copies=copies)) == 5
        assert kit.journal.first_seq == 11
        assert [e.seq for e in await kit.entries()] == list(range(11, last + 1))
        assert await kit.journal.at(10) is None
        assert [start.first_seq for start in kit.journal.epochs()] == [1, last - 10]
        assert await prune(hub_for(kit, acked=last)) == last - 11, (
            "the last entry says where the journal stands"
        )
        assert [e.seq for e in await kit.entries()] == [last]
        for core in (kit.core, await kit.again(witness=kit.journal.position)):
            assert core.behind is None
        assert (kit.journal.first_seq, kit.journal.position.seq) == (last, last + 1)
        assert [start.first_seq for start in kit.journal.epochs()] == [last - 10, last + 1]
        assert kit.core.state.seated.committed["t1"]
        await kit.says("new", ORDER)


async def test_a_standby_removes_what_its_primary_has_removed_and_its_tables_know(tmp_path: Path) -> None:
    async with hub_on(tmp_path / "journal.db") as kit:
        for number in range(20):
            await kit.says(f"k{number}", ORDER)
        last = kit.journal.position.seq
        kit.clock.trusted = False
        assert await prune(hub_for(kit, kept_from=8)) == 0, "not saved yet: its start reads them again"
        await kit.core.save()
        assert await prune(hub_for(kit, kept_from=1)) == 0, "nothing was heard yet"
        assert await prune(hub_for(kit, kept_from=8)) == 7
        assert await prune(hub_for(kit, kept_from=3)) == 0
        assert [e.seq for e in await kit.entries()] == list(range(8, last + 1))
        assert await prune(hub_for(kit, kept_from=last + 5)) == last - 8, "the last entry stays"
        await kit.again(witness=kit.journal.position)
        await kit.says("new", ORDER)


async def test_reading_takes_no_more_to_memory_than_was_asked_for(tmp_path: Path) -> None:
    note = RecordFact(type="x.acme.note", data=msgspec.Raw(b'"' + b"x" * 30_000 + b'"'))
    async with hub_on(tmp_path / "journal.db") as kit:
        await asyncio.gather(
            *(kit.says(f"k{number}", note, device=f"d{number % 8}") for number in range(600))
        )
        await kit.again()
        tracemalloc.start()
        try:
            found = await kit.journal.after(0, count_max=4000, bytes_max=100_000)
            most = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert 2 <= len(found) <= 6
        assert most < 2 * READ_ROWS * 32_000
        whole = [entry.seq for entry in await kit.journal.after(0, count_max=4000, bytes_max=1 << 30)]
        assert whole == list(range(1, kit.journal.epochs()[-1].first_seq))


@pytest.mark.parametrize("turns", range(0, 60, 3))
async def test_whoever_is_stopped_while_it_opens_leaves_no_thread_behind(tmp_path: Path, turns: int) -> None:
    async def broken_off(work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        for _ in range(turns):
            await asyncio.sleep(0.0002)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    before = set(threading.enumerate())
    journal = Journal(tmp_path / "journal.db")
    await journal.open()
    await broken_off(journal.reopen())
    await journal.close()
    other = Journal(tmp_path / "other.db")
    opening = asyncio.ensure_future(other.open())
    for _ in range(turns):
        await asyncio.sleep(0.0002)
    if not opening.done():
        opening.cancel()
    if not isinstance((await asyncio.gather(opening, return_exceptions=True))[0], BaseException):
        await other.close()
    for thread in set(threading.enumerate()) - before:
        await asyncio.to_thread(thread.join, 5)
        assert not thread.is_alive() or "asyncio" in thread.name


async def test_a_clock_that_stepped_makes_no_young_entry_old(tmp_path: Path) -> None:
    async with hub_on(tmp_path / "journal.db") as kit:
        now = kit.clock.unix_s
        for number in range(30):
            # In the middle it is 1970 for a while, then 2099: seq alone orders.
            kit.clock.unix_s = {10: 0.0, 11: 0.0, 20: 4.1e9}.get(number, now + number)
            await kit.says(f"k{number}", ORDER)
        last = kit.journal.position.seq
        await kit.core.save()
        kit.clock.unix_s = now + 60
        assert await prune(hub_for(kit, acked=last)) == 0
        kit.clock.unix_s = now + 36 * 86400
        assert await prune(hub_for(kit, acked=last)) == last - 1
