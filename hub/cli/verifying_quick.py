"""`storehub verify --quick`: what is newest, where damage of a power cut or a bad update shows."""

from __future__ import annotations

import sqlite3
from typing import Final

from hub.cli.journal_file import JournalFile
from hub.cli.verifying import Report
from hub.domain import entries
from hub.domain.facts import After

NEWEST: Final = 5_000


def verify_quick(journal: JournalFile, highwater: After | None) -> Report:
    """SQLite's quick check, the chain of the newest entries, and that nobody knows of later ones."""
    report = Report()
    try:
        with journal.snapshot():
            for row in journal.db.execute("PRAGMA quick_check(5)"):
                if row[0] != "ok":
                    report.fault(f"SQLite: {row[0]}")
            _newest(journal, report)
            saved = journal.saved()
            if saved.seq > report.last_seq:
                report.fault(f"the journal ends at {report.last_seq}, its tables know entry {saved.seq}")
            known = highwater is not None and highwater.epoch in {start.epoch for start in journal.epochs()}
            if known and highwater is not None and highwater.seq > report.last_seq:
                report.fault(f"the journal ends at {report.last_seq}, but it had come to {highwater.seq}")
    except (sqlite3.DatabaseError, TypeError, ValueError) as error:
        report.fault(f"the journal cannot be read: {error}")
    return report


def _newest(journal: JournalFile, report: Report) -> None:
    starts = journal.epochs()
    last = journal.last()
    report.epochs, report.last_seq = len(starts), last[0] if last else 0
    report.epoch = starts[-1].epoch if starts else ""
    report.first_seq = max(journal.first_seq(), report.last_seq - NEWEST)
    head: str | None = None
    seq = report.first_seq - 1
    for found, raw in journal.entries(report.first_seq):
        envelope = entries.read(raw)
        if found != seq + 1 or envelope.seq != found or (head is not None and envelope.prevhash != head):
            report.fault(f"entry {found} does not follow the one before it", seq=found)
            return
        seq, head = found, entries.hash_of(raw)
        report.entries += 1
    report.head = head or report.head
