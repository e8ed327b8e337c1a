"""A few damaged stores; `make damage ROUNDS=1000` damages more."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from hub.store import scavenge
from hub.store.mend import _new
from hub.store.salvage_tables import ORDER
from tests.damage.harm import HARMS
from tests.damage.rounds import damage_rounds

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


async def test_a_damaged_store_starts_and_names_what_is_lost(tmp_path: Path) -> None:
    outcome = await damage_rounds(tmp_path, rounds=2 * len(HARMS), seed=1)
    assert outcome.problems == []
    assert outcome.seen["at the start"]


async def test_a_repair_that_believes_every_entry_it_finds_is_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Seeded bug: bytes are taken as they are, whatever the chain says."""

    def credulous(self: scavenge.Scavenged, seq: int, tries: list[bytes], wanted: str) -> bytes | None:
        return tries[0] if tries else None

    monkeypatch.setattr(scavenge.Scavenged, "_proved", credulous)
    outcome = await damage_rounds(tmp_path, rounds=16, seed=2, kinds=("db-flip-4", "db-flip"))
    assert outcome.problems


async def test_a_repair_that_names_nothing_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seeded bug: what is lost is not told."""
    from hub.store import mend_plan

    monkeypatch.setattr(mend_plan, "spans_of", lambda seqs: ())
    outcome = await damage_rounds(tmp_path, rounds=4, seed=3, kinds=("wal-cut", "db-cut"))
    assert any("not named" in problem for problem in outcome.problems)


def test_a_repair_knows_every_table(tmp_path: Path) -> None:
    """A table that a migration adds and a repair does not know would be lost with the first repair."""
    with closing(_new(tmp_path / "new.db")) as db:
        tables = {row[0] for row in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert tables - {"entries"} == set(ORDER)
