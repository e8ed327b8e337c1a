"""A flipped bit in any entry is found, and named; so is a journal that became shorter, and a table that lies."""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from cliworld import Hub, Storehub

from hub.cli.journal_file import open_journal
from hub.cli.verifying import Report, verify
from hub.cli.verifying_quick import verify_quick
from hub.store.highwater import HighWater
from hub.store.queries import SQL

SALES = 12


@pytest.fixture
def stopped(hub: Hub, storehub: Storehub, sell: Callable[[Hub, int], None]) -> Path:
    sell(hub, SALES)
    hub.stop()
    return storehub.data


def report_of(folder: Path) -> Report:
    with open_journal(folder / "journal.db") as journal:
        return verify(journal, HighWater(folder / "highwater.json").read(), lambda what, done, total: None)


def change(folder: Path, sql: str, *values: object) -> None:
    with closing(sqlite3.connect(folder / "journal.db")) as db, db:
        db.execute(sql, values)


def raw_of(folder: Path, seq: int) -> bytes:
    with closing(sqlite3.connect(folder / "journal.db")) as db:
        return bytes(db.execute("SELECT raw FROM entries WHERE seq = ?", (seq,)).fetchone()[0])


def test_a_flipped_bit_in_any_entry_names_that_entry(stopped: Path, tmp_path: Path) -> None:
    chance = random.Random(1)
    whole = report_of(stopped)
    assert whole.ok, whole.faults
    for seq in range(1, whole.last_seq + 1):
        right = bytearray(raw_of(stopped, seq))
        wrong = right.copy()
        wrong[chance.randrange(len(wrong))] ^= 1 << chance.randrange(8)
        change(stopped, "UPDATE entries SET raw = ? WHERE seq = ?", bytes(wrong), seq)
        report = report_of(stopped)
        assert report.broken_seq == seq, (seq, report.faults)
        change(stopped, "UPDATE entries SET raw = ? WHERE seq = ?", bytes(right), seq)
    assert report_of(stopped).ok


def test_a_bit_flipped_in_the_file_itself_is_found(stopped: Path, storehub: Storehub, tmp_path: Path) -> None:
    raw = raw_of(stopped, 9)
    file = stopped / "journal.db"
    content = bytearray(file.read_bytes())
    content[content.index(raw) + len(raw) // 2] ^= 4
    file.write_bytes(content)
    said = storehub.no("verify")
    assert "first broken entry: 9" in said
    done = storehub.run("verify", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["broken_seq"] == 9


def test_any_flipped_bit_in_the_pages_of_entries_is_no_success(stopped: Path, tmp_path: Path) -> None:
    """Also where the bit belongs to SQLite's own bookkeeping: then SQLite or the chain complains, whichever sees it."""
    chance = random.Random(2)
    whole = (stopped / "journal.db").read_bytes()
    places = [whole.index(raw_of(stopped, seq)) for seq in range(1, 30)]
    for place in chance.sample(places, 12):
        content = bytearray(whole)
        # The varints of the cell's header lie right before its payload.
        content[place - 1 - chance.randrange(3)] ^= 1 << chance.randrange(8)
        (stopped / "journal.db").write_bytes(content)
        try:
            assert not report_of(stopped).ok, place
        finally:
            (stopped / "journal.db").write_bytes(whole)


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("DELETE FROM entries WHERE seq = 10", "10 is missing"),
        ("DELETE FROM entries WHERE seq > 20", "entries are lost"),
        ("UPDATE aggregates SET value = x'39' WHERE shelf = 'counters' AND id = 'sales_count'", "sales_count"),
        ("DELETE FROM aggregates WHERE shelf = 'tables'", "table tables, t-1: missing"),
        ("INSERT INTO aggregates VALUES ('seated', 't-9', 1, NULL, x'22632d3922')", "seated"),
        ("DELETE FROM requests WHERE seq = 12", "entry 12: a retry"),
        ("UPDATE saved SET hash = replace(hash, substr(hash, 1, 1), 'x')", "the saved state"),
    ],
)  # fmt: skip
def test_what_else_can_be_wrong(stopped: Path, sql: str, says: str) -> None:
    change(stopped, sql)
    report = report_of(stopped)
    assert any(says in fault for fault in report.faults), report.faults


def test_entries_that_were_removed_are_no_fault(stopped: Path) -> None:
    change(stopped, "DELETE FROM entries WHERE seq < 5")
    change(stopped, "DELETE FROM requests WHERE seq < 5")
    report = report_of(stopped)
    assert report.ok, report.faults
    assert (report.first_seq, report.whole, report.tables_compared) == (5, False, 0)


def test_what_has_ended_leaves_memory_and_is_compared_all_the_same(
    stopped: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.cli.rebuilding.SPILL_EVERY", 3)
    report = report_of(stopped)
    assert report.ok, report.faults
    assert report.tables_compared > 2 * SALES


def test_a_request_is_looked_up_and_not_searched_for(stopped: Path) -> None:
    with open_journal(stopped / "journal.db") as journal:
        plan = journal.db.execute(f"EXPLAIN QUERY PLAN {SQL['request']}", (1, 2)).fetchall()
    assert "SEARCH" in plan[0][3]


def test_reading_leaves_no_files_behind(stopped: Path, storehub: Storehub) -> None:
    before = {path.name for path in stopped.iterdir()}
    storehub.ok("verify")
    storehub.ok("status")
    assert {path.name for path in stopped.iterdir()} == before


def test_a_copy_without_its_wal_is_short(
    hub: Hub, storehub: Storehub, sell: Callable[[Hub, int], None], tmp_path: Path
) -> None:
    """What a killed hub leaves is whole with its WAL; without it the high-water mark tells what is missing."""
    sell(hub, 20)
    deadline = 100
    while HighWater(storehub.data / "highwater.json").read() is None and deadline:
        time.sleep(0.05)
        deadline -= 1
    hub.kill()
    copy = tmp_path / "copy"
    shutil.copytree(storehub.data, copy, ignore=shutil.ignore_patterns("*.sock"))
    assert report_of(copy).ok
    second = tmp_path / "second"
    second.mkdir()
    for name in ("journal.db", "highwater.json"):
        shutil.copy(storehub.data / name, second / name)
    assert not report_of(second).ok


def test_the_quick_look_finds_what_is_newest(stopped: Path) -> None:
    def look() -> Report:
        with open_journal(stopped / "journal.db") as journal:
            return verify_quick(journal, HighWater(stopped / "highwater.json").read())

    assert look().ok
    last = look().last_seq
    right = raw_of(stopped, last - 1)
    change(stopped, "UPDATE entries SET raw = ? WHERE seq = ?", right.replace(b"1", b"2", 1), last - 1)
    assert look().broken_seq in (last - 1, last)
    change(stopped, "UPDATE entries SET raw = ? WHERE seq = ?", right, last - 1)
    change(stopped, "DELETE FROM entries WHERE seq = ?", last)
    assert any("had come to" in fault for fault in look().faults)
