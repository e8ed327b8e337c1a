"""Totals after corrections of a box's clock: the bytes stay, what a day adds up to does not."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from cloudchains import DAY, NO_HASH, SALE, Entry, Journal
from cloudkit import HubClient

from cloud.store import queries
from cloud.store.urls import open_database

CLOCK = "storehub.clock.corrected.v1"
DAYS = ["1970-01-01", "2026-08-01", "2026-08-02", "2099-12-31"]


def correction(first: int, last: int, old: str, new: str) -> dict[str, Any]:
    return {
        "first_seq": first, "last_seq": last, "old_business_date": old, "new_business_date": new,
        "old_time": f"{old}T12:00:00+09:00", "new_time": f"{new}T12:00:00+09:00", "shift_ms": 1,
    }  # fmt: skip


def summed(entries: list[Entry], days: list[str], day: str) -> dict[str, Any]:
    mine = [entry for entry, its in zip(entries, days, strict=True) if its == day]
    return {
        "entries": len(mine),
        "sales": sum(entry.type == SALE for entry in mine),
        "total": sum(entry.total for entry in mine if entry.type == SALE),
        "last_seq": mine[-1].seq if mine else 0,
        "hash": mine[-1].hash if mine else NO_HASH,
    }


def grown(dice: random.Random, journal: Journal, days: list[str], count: int) -> None:
    """Sales of wrong days, and corrections that move runs of one day, some of them more than once."""
    while len(journal.entries) < count:
        if days and dice.random() < 0.15:
            listed, now = [], list(days)
            for _ in range(dice.randint(1, 3)):
                first = last = dice.randrange(len(now))
                while last + 1 < len(now) and now[last + 1] == now[first] and dice.random() < 0.9:
                    last += 1
                new = dice.choice(DAYS)
                listed.append(correction(first + 1, last + 1, now[first], new))
                now[first : last + 1] = [new] * (last + 1 - first)
            days[:] = now
            journal.add("e1", type=CLOCK, day="2026-08-02", corrections=listed)
            days.append("2026-08-02")
        else:
            day = dice.choice(DAYS[:2] * 4 + DAYS)
            journal.add("e1", type=SALE, day=day, total=dice.randint(1, 9999))
            days.append(day)


@pytest.mark.parametrize("seed", range(6))
async def test_totals_apply_every_correction_up_to_the_position_that_is_asked_for(
    hub: HubClient, seed: int
) -> None:
    dice = random.Random(seed)
    journal = await hub.started(0)
    days: list[str] = []
    seen: list[list[str]] = []
    while len(journal.entries) < 60:
        grown(dice, journal, days, len(journal.entries) + 1)
        seen.append(list(days))
    assert (await hub.post(journal.entries[:40])).status_code == 200
    assert (await hub.post(journal.entries[30:])).status_code == 200, "an overlap is applied once"
    for day in DAYS:
        assert await hub.totals(day) == summed(journal.entries, days, day)
        for upto in (10, 25, 45):
            part = summed(journal.entries[:upto], seen[upto - 1], day)
            assert await hub.totals(day, f"e1:{upto}") == part


async def test_a_chain_cut_back_before_its_correction_counts_as_it_did(hub: HubClient) -> None:
    journal = await hub.started(0)
    journal.grow("e1", 3, type=SALE, total=100)
    kept = journal.cut(3)
    journal.add("e1", type=CLOCK, day=DAY, corrections=[correction(1, 2, DAY, "2026-08-02")])
    assert (await hub.post(journal.entries)).status_code == 200
    assert ((await hub.totals(DAY))["sales"], (await hub.totals("2026-08-02"))["sales"]) == (1, 2)
    assert (await hub.open("e2", kept.end)).status_code == 200
    assert ((await hub.totals(DAY))["sales"], (await hub.totals("2026-08-02"))["sales"]) == (3, 0)
    kept.add("e2", type=CLOCK, day=DAY, corrections=[correction(3, 3, DAY, "2026-08-02")])
    assert (await hub.post(kept.entries[3:])).status_code == 200
    assert ((await hub.totals(DAY))["sales"], (await hub.totals("2026-08-02"))["sales"]) == (2, 1)


async def test_a_correction_that_was_set_aside_counts_once_it_is_there(hub: HubClient) -> None:
    journal = await hub.started(0)
    journal.grow("e1", 2, type=SALE, total=100)
    late = journal.add("e1", type=CLOCK, day=DAY, corrections=[correction(1, 1, DAY, "2026-08-02")])
    journal.add("e1", type=CLOCK, day=DAY, corrections=[correction(1, 1, "2026-08-02", "2026-08-03")])
    assert (await hub.post(journal.entries[:2])).status_code == 200
    assert (await hub.set_aside(late)).status_code == 200
    assert (await hub.post(journal.entries[3:])).status_code == 200
    assert (await hub.totals("2026-08-03"))["sales"] == 1
    assert (await hub.fill(late)).status_code == 200
    # The newer correction stands over the one that came late.
    assert [(await hub.totals(day))["sales"] for day in (DAY, "2026-08-02", "2026-08-03")] == [1, 0, 1]


@pytest.mark.parametrize(
    "wrong",
    [
        {"last_seq": 3}, {"first_seq": 0}, {"first_seq": 2, "last_seq": 1}, {"new_business_date": "yesterday"},
        {"old_business_date": 5},
    ],
)  # fmt: skip
async def test_a_correction_of_what_is_not_there_yet_is_refused(
    hub: HubClient, wrong: dict[str, Any]
) -> None:
    journal = await hub.started(0)
    journal.grow("e1", 2, type=SALE, total=100)
    journal.add("e1", type=CLOCK, corrections=[{**correction(1, 2, DAY, "2026-08-02"), **wrong}])
    answer = await hub.post(journal.entries)
    assert (answer.status_code, answer.json()["seq"]) == (422, 3)
    assert "data.corrections" in answer.json()["reason"]


def test_a_database_of_before_learns_of_corrections(tmp_path: Path) -> None:
    path = tmp_path / "cloud.db"
    with sqlite3.connect(path) as database:
        database.executescript(queries.read("schema.sqlite.sql") + "PRAGMA user_version = 1;")
    database.close()
    for _ in range(2):
        opened = open_database(f"sqlite:///{path}", service=False)
        assert opened.read(lambda session: session.rows("corrections_of_day", day=1, low=0, high=9)) == []
        opened.close()
