"""What stands beside the entries of a damaged journal, row by row: which rows are what was written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final

import msgspec

from hub.domain import entries
from hub.domain.facts import After
from hub.ports import EpochStart
from hub.store.packing import unpacked
from hub.store.scavenge import Scavenged
from hub.store.statestore import REPORTS, SHELVES

# Named for people: more are counted only.
NAMED_MAX: Final = 50
# Made again by whoever keeps it, and large.
NOT_TAKEN: Final = ("request_filter",)


class Tables:
    """saved: as of which entry the tables are; None when that cannot be known. whole: every row checks."""

    def __init__(self, found: Scavenged) -> None:
        self._found = found
        self.saved: After | None = None
        self.whole = True
        self.rows_lost: list[str] = []

    def judge(self) -> None:
        """Read everything once."""
        self.saved = self._saved()
        for _ in self.aggregates():
            pass
        for _ in self._scan("customer_keys", "id, wrapped"):
            pass
        self.whole = not self.rows_lost

    def aggregates(self) -> Iterator[tuple[Any, ...]]:
        """Rows that check. Those that do not are named in rows_lost, once."""
        for row in self._scan("aggregates", "shelf, id, live, day, value"):
            shelf, key, _, _, value = row
            try:
                if shelf not in SHELVES and shelf != REPORTS:
                    raise ValueError(f"no shelf {shelf!r}")
                msgspec.json.decode(unpacked(value, f"{shelf}/{key}"))
            except (ValueError, TypeError):
                self._lost(f"{shelf}/{key}")
            else:
                yield row

    def keys(self) -> Iterator[tuple[Any, ...]]:
        return self._scan("customer_keys", "id, wrapped")

    def keys_sent(self) -> Iterator[tuple[Any, ...]]:
        return self._scan("keys_sent", "id, sure, gone", tell=False)

    def notes(self) -> Iterator[tuple[Any, ...]]:
        for name, value in self._scan("notes", "name, value", tell=False):
            if name not in NOT_TAKEN and isinstance(value, bytes) and _is_text(value):
                yield name, value

    def note(self, name: str) -> bytes | None:
        return next((value for known, value in self.notes() if known == name), None)

    def requests_of(self, seqs: set[int]) -> Iterator[tuple[Any, ...]]:
        """Of entries that are not there any more: nothing else knows them."""
        for block, number, seq in self._scan("requests", "block, fingerprint, seq", tell=False):
            if seq in seqs:
                yield block, number, seq

    def epochs(self) -> list[EpochStart]:
        return [
            EpochStart(str(row[0]), int(row[1]), After(str(row[2]), int(row[3]), str(row[4])))
            for row in self._scan(
                "epochs", "epoch, first_seq, after_epoch, after_seq, after_hash", tell=False
            )
        ]

    def _saved(self) -> After | None:
        """Where the tables stand, if the entry there says the same."""
        for seq, epoch, digest in self._scan("saved", "seq, epoch, hash", tell=False):
            raw = self._found.entry(seq) if self._found.first <= seq <= self._found.last else None
            after = self._found.entry(seq + 1)
            if seq == 0 or (raw is not None and entries.hash_of(raw) == digest):
                return After(epoch, seq, digest)
            if after is not None and entries.read(after).prevhash == digest:
                return After(epoch, seq, digest)
        return None

    def _scan(self, table: str, columns: str, *, tell: bool = True) -> Iterator[tuple[Any, ...]]:
        """The rows that SQLite can read, forwards up to a damaged page, then backwards down to it."""
        if self._found.sql is None:
            if tell:
                self._lost(f"{table}: all")
            return
        last: tuple[Any, ...] | None = None
        order = ORDER[table]
        try:
            for row in self._found.sql.execute(f"SELECT {columns} FROM {table} ORDER BY {order}"):  # noqa: S608
                last = row
                yield row
        except sqlite3.Error:
            if tell:
                self._lost(f"{table}: some")
        else:
            return
        down = ", ".join(f"{column} DESC" for column in order.split(", "))
        with suppress(sqlite3.Error):
            for row in self._found.sql.execute(f"SELECT {columns} FROM {table} ORDER BY {down}"):  # noqa: S608
                if row == last:
                    return
                yield row

    def _lost(self, what: str) -> None:
        if what not in self.rows_lost and len(self.rows_lost) < NAMED_MAX:
            self.rows_lost.append(what)


ORDER: Final = {
    "aggregates": "shelf, id",
    "customer_keys": "id",
    "keys_sent": "id",
    "notes": "name",
    "requests": "block, fingerprint, seq",
    "epochs": "first_seq",
    "saved": "one",
}


def _is_text(value: bytes) -> bool:
    try:
        return value.decode().isprintable()
    except UnicodeDecodeError:
        return False
