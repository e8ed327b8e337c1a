"""What of a damaged journal is kept, what comes back as entry.recovered, what is lost; and the new journal of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from hub.domain import entries
from hub.domain.entries import NO_HASH, Envelope
from hub.domain.facts import After, EntryRecovered
from hub.domain.recovered import RECOVERED
from hub.ports import EpochStart, StoreError
from hub.service.requests import fingerprint
from hub.service.writer import recovered_request
from hub.store.mended import HOLES, Mended, spans_of
from hub.store.queries import SQL
from hub.store.salvage_tables import Tables
from hub.store.scavenge import Scavenged, read

ROWS_AT_ONCE: Final = 500


class Unmendable(StoreError):
    """Nothing that this box holds is enough to go on with; the message says what would be."""


class Plan:
    """cut: the last entry that stays where it is. saved: as of which entry the tables go on, None: from the beginning.

    - A hole behind the last save ends the chain: what follows it comes back as entry.recovered.
    - One before it may stay, as the tables know what followed from it, if the cloud has it and can give it back.
    - Tables that are damaged are made again from the first entry on. Where old entries were removed, nothing can do
      that: then the rows that check are kept.
    """

    def __init__(
        self,
        found: Scavenged,
        tables: Tables,
        mark: After | None,
        progress_note: str,
        *,
        cut_wal: bool,
        again: bool = False,
    ) -> None:
        self.found, self.tables, self.progress_note = found, tables, progress_note
        self._mark = mark
        self._starts = tables.epochs()
        self.cut = found.last
        self.saved = tables.saved
        self.acked = _acked(tables.note(progress_note))
        self.kind: Literal["kept", "rebuilt", "without"] = "kept"
        self._cut_wal = cut_wal
        self._decide(again)

    def _decide(self, again: bool) -> None:
        found, saved = self.found, self.saved
        whole = found.first == 1
        if saved is not None and (behind := [seq for seq in found.holes if seq > saved.seq]):
            self.cut = min(behind) - 1
        before = {seq for seq in found.holes if seq <= self.cut}
        must = saved is None or saved.seq > self.cut or not self.tables.whole
        if before and not must:
            # Entries that the cloud has come back in their place: then there is all to make tables of, and not before.
            again = max(before) > self.acked
        again = again or must
        if again and whole:
            self.kind, self.saved = "rebuilt", None
            self.cut = min(found.holes) - 1 if found.holes else self.cut
        elif saved is None or saved.seq > self.cut:
            raise Unmendable(
                "the saved state is damaged and old entries were removed, so it cannot be made again: restore a backup,"
                " or replace the box from the mirror or the cloud",
                damaged=True,
            )
        elif not self.tables.whole:
            self.kind = "without"

    @property
    def nothing_to_do(self) -> bool:
        return self.found.untouched and self.kind == "kept"

    @property
    def holes(self) -> list[int]:
        return sorted(seq for seq in self.found.holes if seq <= self.cut)

    def report(self, why: str, now: str) -> Mended:
        found, mark = self.found, self._mark
        aside = {seq for seq in range(self.cut + 1, found.last + 1) if seq not in found.holes}
        lost = [(self._epoch_near(seq), seq) for seq in sorted(found.holes) if seq > self.cut]
        if mark is not None and mark.seq > found.last:
            # An epoch that began and is lost as a whole is known by the mark alone.
            known = mark.epoch in {one.epoch for one in self._starts}
            lost += [
                (self._epoch_near(seq) if known else "", seq) for seq in range(found.last + 1, mark.seq + 1)
            ]
        return Mended(
            at=now,
            why=why,
            first=found.first,
            last=self.cut,
            corrected=tuple(found.corrected),
            found=tuple(found.found),
            given=tuple(found.given),
            holes=spans_of([(self._epoch_near(seq), seq) for seq in self.holes]),
            aside=len(aside),
            lost=spans_of(lost),
            unsure=self._cut_wal
            or found.last > found.shown_last
            or (mark is not None and mark.seq > found.last),
            tables=self.kind,
            rows_lost=tuple(self.tables.rows_lost) if self.kind == "without" else (),
        )

    def _epoch_near(self, seq: int) -> str:
        """Which epoch an entry that is gone belonged to; '' when an epoch began somewhere near it."""
        before, after = self._epoch_beside(seq, -1), self._epoch_beside(seq, 1)
        if before == after:
            return before
        # The table of epochs may have lost its end with the entries.
        if after and after not in {one.epoch for one in self._starts}:
            return ""
        return next((one.epoch for one in reversed(self._starts) if one.first_seq <= seq), "")

    def _epoch_beside(self, seq: int, step: int) -> str:
        for near in range(seq + step, seq + step * ROWS_AT_ONCE, step):
            raw = self.found.entry(near) if self.found.first <= near <= self.found.last else None
            if raw is not None and (envelope := read(raw)) is not None:
                return envelope.epoch
        return ""


def write(db: sqlite3.Connection, plan: Plan) -> None:
    """Fill an empty journal as planned."""
    found, tables = plan.found, plan.tables
    saved = plan.saved.seq if plan.saved is not None else 0
    epochs = _Epochs(tables.epochs())
    rows: list[tuple[int, bytes]] = []
    requests: list[tuple[int, int]] = []
    for seq, raw in found.entries(found.first, plan.cut):
        envelope = entries.read(raw)
        epochs.see(seq, envelope)
        rows.append((seq, raw))
        if seq <= saved:
            requests += requests_of(seq, envelope)
        if len(rows) >= ROWS_AT_ONCE:
            _put(db, rows, requests)
    _put(db, rows, requests)
    db.executemany(
        SQL["open_epoch"],
        [(one.first_seq, one.epoch, one.after.epoch, one.after.seq, one.after.hash) for one in epochs.starts],
    )
    db.executemany(SQL["put_key"], tables.keys())
    db.executemany("INSERT OR REPLACE INTO keys_sent VALUES (?, ?, ?)", tables.keys_sent())
    for name, value in tables.notes():
        if name == HOLES or (name == plan.progress_note and plan.acked > plan.cut):
            continue
        db.execute(SQL["put_note"], (name, value))
    if plan.holes:
        db.executemany("INSERT OR IGNORE INTO requests VALUES (?, ?, ?)", tables.requests_of(set(plan.holes)))
        spans = [(span.first, span.last) for span in spans_of([("", seq) for seq in plan.holes])]
        db.execute(SQL["put_note"], (HOLES, msgspec.json.encode(spans)))
    if plan.saved is not None:
        db.executemany(SQL["put_aggregate"], tables.aggregates())
        db.execute(SQL["move_saved"], (plan.saved.seq, plan.saved.epoch, plan.saved.hash))


def _put(db: sqlite3.Connection, rows: list[tuple[int, bytes]], requests: list[tuple[int, int]]) -> None:
    db.executemany("INSERT INTO entries VALUES (?, ?)", rows)
    db.execute(SQL["put_request"], (msgspec.json.encode(requests),))
    rows.clear()
    requests.clear()


def requests_of(seq: int, envelope: Envelope) -> Iterator[tuple[int, int]]:
    """The requests that this entry answers: as apply() in hub/service/writer.py notes them."""
    if envelope.idempotencykey is not None:
        yield fingerprint(envelope.deviceid, envelope.idempotencykey), seq
    if envelope.type == RECOVERED:
        yield from recovered_request(msgspec.json.decode(bytes(envelope.data), type=EntryRecovered), seq)


class _Epochs:
    """Where each epoch begins, as the entries themselves say; the first one's beginning may have been removed."""

    def __init__(self, known: list[EpochStart]) -> None:
        self._known = {start.epoch: start for start in known}
        self._last = After("", 0, NO_HASH)
        self.starts: list[EpochStart] = []

    def see(self, seq: int, envelope: Envelope) -> None:
        if not self.starts or envelope.epoch != self.starts[-1].epoch:
            start = EpochStart(envelope.epoch, seq, After(self._last.epoch, seq - 1, envelope.prevhash))
            known = self._known.get(envelope.epoch)
            if known is not None and not self.starts and known.first_seq <= seq:
                start = known
            self.starts.append(start)
        self._last = After(envelope.epoch, seq, "")


def _acked(note: bytes | None) -> int:
    """Up to where the cloud is known to have the entries."""
    try:
        return int(msgspec.json.decode(note)["acked"]["seq"]) if note else 0
    except (msgspec.MsgspecError, KeyError, TypeError, ValueError):
        return 0
