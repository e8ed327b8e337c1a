"""storehub repair: what verify finds is made good, and what is lost is named."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from cliworld import Hub, Storehub


@pytest.fixture
def closed(hub: Hub, storehub: Storehub, sell: Callable[[Hub, int], None]) -> Storehub:
    sell(hub, 4)
    hub.stop()
    return storehub


def _damage(journal: Path, change: bytes | None, seq: int) -> None:
    """Another byte in an entry; or the entry overwritten with nothing that is one."""
    with closing(sqlite3.connect(journal)) as db, db:
        raw = bytes(db.execute("SELECT raw FROM entries WHERE seq = ?", (seq,)).fetchone()[0])
        new = b"\0" * len(raw) if change is None else raw.replace(b'"deviceid"', change, 1)
        db.execute("UPDATE entries SET raw = ? WHERE seq = ?", (new, seq))


def test_a_flipped_bit_is_put_right(closed: Storehub) -> None:
    lines = closed.ok("export").splitlines()
    _damage(closed.data / "journal.db", b'"devicehd"', 2)
    assert "first broken entry: 2" in closed.no("verify")
    would = closed.ok("repair", "--dry-run")
    assert "would be" in would
    assert "1 put right: 2" in would
    assert "first broken entry: 2" in closed.no("verify"), "a dry run changes nothing"
    report = closed.json("repair")["repair"]
    assert report["corrected"] == 1
    assert report["lost"] == []
    assert closed.ok("export").splitlines() == lines
    assert closed.json("verify")["ok"]
    assert (closed.data / report["copy"] / "journal.db").is_file()
    assert closed.ok("repair") == "nothing to repair\n"
    assert closed.json("status")["repairs"][-1]["corrected"] == 1


def test_what_is_lost_is_named(closed: Storehub) -> None:
    lines = closed.ok("export").splitlines()
    _damage(closed.data / "journal.db", None, 3)
    said = closed.no("repair")
    assert "LOST here: 3;" in said
    assert re.search(rf"{len(lines) - 3} behind a gap are appended again", said)
    assert closed.ok("export").splitlines() == lines[:2]
    assert [span["first"] for span in closed.json("status")["lost"]] == [3]
    assert "entries 3 to 3 are not here" in closed.ok("status")
