"""The state, made again from the first entry on. What has ended leaves memory for a file: journals of years fit."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final

import msgspec

from hub.domain.entries import Envelope
from hub.domain.evolve import evolve, fact_of, meta_of
from hub.domain.needs import fact_needs
from hub.domain.report import fold, shares
from hub.domain.report_sums import DayReport
from hub.domain.state import State
from hub.store.statestore import REPORTS, SHELVES

# Entries between two clearings of the memory.
SPILL_EVERY: Final = 4000
# These shelves grow with the store's age; the others are bounded by its size.
GROWING: Final = (
    "checks", "sales", "number_uses", "customers", "movements", "payments", "account_moves", "received",
    "stock_moves",
    "layaways",
)  # fmt: skip
CACHE_KIB: Final = 32 * 1024


class Rebuilt:
    """Feed it every entry with add(), then finish(), then compare. Use as a context manager, or close() it."""

    def __init__(self) -> None:
        self._state = State()
        self._reports: dict[str, DayReport] = {}
        self._decoders = {name: msgspec.json.Decoder(kept.type) for name, kept in SHELVES.items()}
        self._decoders[REPORTS] = msgspec.json.Decoder(DayReport)
        # An empty name: a file of SQLite's own, which goes with the connection.
        self._cold = sqlite3.connect("", isolation_level=None)
        self._cold.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._cold.execute("CREATE TABLE cold (shelf, id, value, PRIMARY KEY (shelf, id)) WITHOUT ROWID")
        self._since = 0

    def __enter__(self) -> Rebuilt:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._cold.close()

    def add(self, seq: int, envelope: Envelope) -> None:
        fact = fact_of(envelope.type, bytes(envelope.data))
        if fact is None:
            return
        meta = meta_of(envelope)
        for shelf, key in fact_needs(fact, meta):
            self._fetch(shelf, key)
        evolve(self._state, fact, meta)
        self._state.seal()
        self._state.settle()
        for part, place in shares(fact, meta):
            date = place.business_date
            fold(self._reports.setdefault(date, DayReport(business_date=date)), part, place)
        self._since += 1
        if self._since >= SPILL_EVERY:
            self._since = 0
            self._spill()

    def finish(self) -> None:
        self._spill()

    def holds(self, shelf: str, key: str, value: bytes) -> bool:
        """Whether the entries say the same of this row. Raises msgspec.MsgspecError for bytes that are no value."""
        stored = self._decoders[shelf].decode(value)
        return bool(stored == self._value(shelf, key))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        for shelf in self._state.shelves():
            for key in shelf.committed:
                yield shelf.name, key
        for key in self._reports:
            yield REPORTS, key
        yield from self._cold.execute("SELECT shelf, id FROM cold")

    def _value(self, shelf: str, key: str) -> Any:
        if shelf == REPORTS:
            # As it is after being written and read: keys of dictionaries are text in JSON.
            report = self._reports.get(key)
            return None if report is None else self._decoders[REPORTS].decode(msgspec.json.encode(report))
        kept = getattr(self._state, shelf).committed.get(key)
        if kept is None:
            row = self._cold.execute(
                "SELECT value FROM cold WHERE shelf = ? AND id = ?", (shelf, key)
            ).fetchone()
            return None if row is None else self._decoders[shelf].decode(row[0])
        return self._decoders[shelf].decode(msgspec.json.encode(kept))

    def _fetch(self, shelf: str, key: str) -> None:
        if key in getattr(self._state, shelf).committed:
            return
        row = self._cold.execute("SELECT value FROM cold WHERE shelf = ? AND id = ?", (shelf, key)).fetchone()
        if row is not None:
            getattr(self._state, shelf).load(key, self._decoders[shelf].decode(row[0]))
            self._cold.execute("DELETE FROM cold WHERE shelf = ? AND id = ?", (shelf, key))

    def _spill(self) -> None:
        for name in GROWING:
            shelf = getattr(self._state, name)
            shelf.dirty.clear()
            ended = [key for key, value in shelf.committed.items() if not SHELVES[name].live(value, "")]
            rows = [(name, key, msgspec.json.encode(shelf.committed[key])) for key in ended]
            self._cold.executemany("INSERT OR REPLACE INTO cold VALUES (?, ?, ?)", rows)
            for key in ended:
                shelf.forget(key)
