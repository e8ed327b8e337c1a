"""What `storehub verify` does: read every entry, check the chain, make the state again, compare it with the tables."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from hub.cli.journal_file import JournalFile
from hub.cli.rebuilding import Rebuilt
from hub.cli.verifying_keys import check_keys
from hub.domain import entries
from hub.domain.entries import NO_HASH, Envelope
from hub.domain.facts import After
from hub.service.requests import fingerprint
from hub.store.queries import SQL

FAULTS_MAX: Final = 20
# (what is being done, how far, of how much; None: not known)
Progress = Callable[[str, int, int | None], None]


@dataclass(slots=True)
class Report:
    """faults: a sentence each, in the order found; none when all is well. broken_seq: the first damaged entry."""

    first_seq: int = 0
    last_seq: int = 0
    entries: int = 0
    epochs: int = 0
    head: str = NO_HASH
    epoch: str = ""
    whole: bool = False
    tables_compared: int = 0
    broken_seq: int | None = None
    faults: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not self.faults

    def fault(self, text: str, *, seq: int | None = None) -> None:
        if seq is not None and (self.broken_seq is None or seq < self.broken_seq):
            self.broken_seq = seq
        if len(self.faults) < FAULTS_MAX:
            self.faults.append(text)


def verify(
    journal: JournalFile, highwater: After | None, progress: Progress, secret: bytes | None = None
) -> Report:
    """Check everything, as of one moment. secret: the key of customers' keys, where there is one.

    Damage that SQLite itself cannot read past is a fault like any other."""
    report = Report()
    try:
        with journal.snapshot():
            _sqlite(journal, report, progress)
            rebuilt = _walk(journal, report, highwater, progress)
            check_keys(journal, secret, report.fault)
            if rebuilt is not None:
                with rebuilt:
                    _tables(journal, report, rebuilt, progress)
    except (sqlite3.DatabaseError, TypeError, ValueError) as error:
        # The types: a damaged page may turn a number of SQLite's own into anything.
        report.fault(f"the journal cannot be read: {error}", seq=report.last_seq + 1 if report.entries else 1)
    return report


def _sqlite(journal: JournalFile, report: Report, progress: Progress) -> None:
    progress("SQLite's own check", 0, None)
    try:
        said = [row[0] for row in journal.db.execute("PRAGMA integrity_check(10)")]
    except sqlite3.DatabaseError as error:
        said = [str(error)]
    for line in said:
        if line != "ok":
            report.fault(f"SQLite: {line}")


def _walk(
    journal: JournalFile, report: Report, highwater: After | None, progress: Progress
) -> Rebuilt | None:
    """The chain, from the first entry kept to the last; the state up to `saved`, when nothing was removed yet."""
    starts = journal.epochs()
    saved = journal.saved()
    first = journal.first_seq()
    last = journal.last()
    report.epochs, report.first_seq = len(starts), first
    total = last[0] if last else 0
    report.whole = first == 1
    rebuilt = Rebuilt() if report.whole and saved.seq else None
    # What others wrote down about entries: seq -> the hash that it had then.
    witnesses = [(start.after.seq, start.after.hash, "the epoch that follows it") for start in starts]
    witnesses.append((saved.seq, saved.hash, "the saved state"))
    if highwater is not None and highwater.epoch in {start.epoch for start in starts}:
        witnesses.append((highwater.seq, highwater.hash, "the high-water mark"))
    walk = _Walk(report, {start.first_seq: start.epoch for start in starts}, witnesses, first)
    misfit = ""
    for seq, raw in journal.entries():
        envelope = walk.step(seq, raw)
        if rebuilt is not None and envelope is not None and seq <= saved.seq:
            try:
                rebuilt.add(seq, envelope)
            except Exception as error:
                # A damaged entry may say anything; only the next one tells that it is damaged.
                misfit = f"entry {seq} does not fit what was before it: {error!r}"
                rebuilt.close()
                rebuilt = None
        if envelope is not None and seq <= saved.seq:
            _request(journal, report, seq, envelope)
        if seq % 1000 == 0:
            progress("entries", seq - first + 1, total - first + 1)
    walk.end(saved, highwater)
    if misfit and report.broken_seq is None:
        report.fault(misfit)
    if report.broken_seq is not None and rebuilt is not None:
        rebuilt.close()
        return None
    return rebuilt


class _Walk:
    """Judges entry after entry. Which of two that do not fit is the damaged one, only the next one tells."""

    def __init__(
        self, report: Report, epochs: dict[int, str], witnesses: list[tuple[int, str, str]], first: int
    ) -> None:
        self._report = report
        self._epochs = epochs
        self._witnesses: dict[int, list[tuple[str, str]]] = {}
        for seq, digest, name in witnesses:
            self._witnesses.setdefault(seq, []).append((digest, name))
        self._first = first
        self._seq = first - 1
        self._hash = NO_HASH if first <= 1 else ""
        self._epoch = ""
        # The entry before this one whose link did not fit: (its seq, whether this one vouches for it is still open)
        self._suspect: int | None = None

    def step(self, seq: int, raw: bytes) -> Envelope | None:
        """The entry, read; None when it cannot be."""
        report = self._report
        report.entries += 1
        report.last_seq = seq
        if seq != self._seq + 1:
            report.fault(f"entry {self._seq + 1} is missing: {seq} follows {self._seq}", seq=self._seq + 1)
            self._hash = ""
        digest = entries.hash_of(raw)
        try:
            envelope: Envelope | None = entries.read(raw)
        except (msgspec.DecodeError, msgspec.ValidationError, UnicodeDecodeError) as error:
            report.fault(f"entry {seq} is damaged: {error}", seq=seq)
            envelope = None
        if envelope is not None:
            self._links(seq, envelope)
            if b"\n" in raw:
                report.fault(f"entry {seq} is damaged: it holds a line break", seq=seq)
        for known, name in self._witnesses.get(seq, ()):
            if known != digest:
                report.fault(f"entry {seq} is not the one that {name} knew", seq=seq)
        self._seq, self._hash = seq, digest
        return envelope

    def _links(self, seq: int, envelope: Envelope) -> None:
        report = self._report
        self._epoch = self._epochs.get(seq, self._epoch)
        fits = not self._hash or envelope.prevhash == self._hash
        if self._suspect is not None:
            # The entry before did not fit the one before it. If this one knows its bytes, they are as they were made.
            damaged = self._suspect - 1 if fits else self._suspect
            report.fault(f"entry {damaged} is damaged: the chain breaks there", seq=damaged)
            self._suspect = None
        elif not fits:
            self._suspect = seq
        if envelope.seq != seq or (self._epoch and envelope.epoch != self._epoch):
            report.fault(f"entry {seq} says it is {envelope.epoch}:{envelope.seq}", seq=seq)
        elif envelope.id != f"{envelope.epoch}-{envelope.seq}":
            report.fault(f"entry {seq} has the id {envelope.id}", seq=seq)

    def end(self, saved: After, highwater: After | None) -> None:
        report = self._report
        if self._suspect is not None:
            # Nothing follows that could tell which of the two it is.
            report.fault(f"entry {self._suspect - 1} or {self._suspect} is damaged", seq=self._suspect - 1)
        report.head, report.epoch = self._hash or NO_HASH, self._epoch
        if report.last_seq < saved.seq:
            report.fault(
                f"the journal ends at {report.last_seq}, its tables know entry {saved.seq}",
                seq=report.last_seq + 1,
            )
        known = highwater is not None and highwater.epoch in self._epochs.values()
        if highwater is not None and (known or not report.entries) and report.last_seq < highwater.seq:
            report.fault(
                f"the journal ends at {report.last_seq}, but it had come to {highwater.seq}: entries are lost",
                seq=report.last_seq + 1,
            )


def _request(journal: JournalFile, report: Report, seq: int, envelope: Envelope) -> None:
    """A retry of this request must find its entry."""
    if envelope.idempotencykey is None:
        return
    number = fingerprint(envelope.deviceid, envelope.idempotencykey)
    if journal.db.execute(SQL["request"], (number, seq)).fetchone() is None:
        report.fault(f"entry {seq}: a retry of its request would not find it")


def _tables(journal: JournalFile, report: Report, rebuilt: Rebuilt, progress: Progress) -> None:
    """The state made again from the entries must be what the tables hold."""
    progress("tables", 0, None)
    rebuilt.finish()
    seen: set[tuple[str, str]] = set()
    for shelf, key, value in journal.aggregates():
        seen.add((shelf, key))
        report.tables_compared += 1
        try:
            same = rebuilt.holds(shelf, key, value)
        except msgspec.MsgspecError as error:
            report.fault(f"table {shelf}, {key}: {error}")
            continue
        if not same:
            report.fault(f"table {shelf}, {key}: not what the entries say")
    for shelf, key in rebuilt:
        if (shelf, key) not in seen:
            report.fault(f"table {shelf}, {key}: missing")


def summary(report: Report) -> dict[str, Any]:
    """The report for scripts."""
    return {
        "ok": report.ok,
        "first_seq": report.first_seq,
        "last_seq": report.last_seq,
        "entries": report.entries,
        "epochs": report.epochs,
        "epoch": report.epoch,
        "head": report.head,
        "whole": report.whole,
        "tables_compared": report.tables_compared,
        "broken_seq": report.broken_seq,
        "faults": report.faults,
    }
