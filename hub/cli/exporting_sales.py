"""Sales as a CSV from the journal's file: the same lines as GET /v1/exports/sales, with and without a hub running."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date

import click
import msgspec

from hub.cli.journal_file import JournalFile
from hub.domain.csv_cells import Encoder, Encoding, csv_text
from hub.domain.facts_sale import SaleCompleted
from hub.domain.reckoning import SaleLine
from hub.domain.sale import Sale
from hub.domain.sales_csv import COLUMNS, Kind, needs_sale, rows, told
from hub.service.exports import CHUNK_BYTES, of_money
from hub.store.packing import unpacked
from hub.store.queries import SQL

FIRST, LAST = "0001-01-01", "9999-12-31"


def business_date(text: str | None, default: str) -> str:
    """Raises click.UsageError."""
    try:
        return date.fromisoformat(text).isoformat() if text is not None else default
    except ValueError:
        raise click.UsageError(f"must be a business day, YYYY-MM-DD: {text}") from None


def sales_csv(journal: JournalFile, kind: Kind, first: str, last: str, encoding: Encoding) -> Iterator[bytes]:
    """The file's bytes, up to the entry that was the newest when it began."""
    encode = Encoder(encoding)
    newest = journal.last()
    end = newest[0] if newest is not None else 0
    sold = _Sold(journal, end)
    gathered = encode(csv_text([COLUMNS[kind]]))
    for _, raw in journal.entries(1, end):
        if of_money(raw) and (shown := told(raw, first, last)):
            fact, meta = shown
            gathered += encode(csv_text(rows(kind, fact, meta, sold(needs_sale(kind, fact)))))
            if len(gathered) >= CHUNK_BYTES:
                yield gathered
                gathered = b""
    yield gathered


class _Sold:
    """Lines of sales by id: from the tables, and what those do not hold yet from the journal's newest entries."""

    def __init__(self, journal: JournalFile, end: int) -> None:
        self._journal = journal
        # Before the tables are looked at: what is saved from now on is found there.
        self._after, self._end = journal.saved().seq, end
        self._newest: dict[str, int] | None = None

    def __call__(self, sale_id: str | None) -> Mapping[str, SaleLine]:
        if sale_id is None:
            return {}
        row = self._journal.db.execute(SQL["aggregate"], ("sales", sale_id)).fetchone()
        if row is not None:
            return _by_id(msgspec.json.decode(unpacked(bytes(row[0]), f"sales/{sale_id}"), type=Sale).lines)
        if self._newest is None:
            self._newest = {fact.sale_id: seq for seq, fact in self._unsaved(self._after + 1, self._end)}
        seq = self._newest.get(sale_id, 0)
        return next((_by_id(fact.lines) for _, fact in self._unsaved(seq, seq)), {})

    def _unsaved(self, first: int, last: int) -> Iterator[tuple[int, SaleCompleted]]:
        for seq, raw in self._journal.entries(first, last):
            shown = told(raw, FIRST, LAST) if of_money(raw) else None
            if shown is not None and isinstance(shown[0], SaleCompleted):
                yield seq, shown[0]


def _by_id(lines: tuple[SaleLine, ...]) -> dict[str, SaleLine]:
    return {line.line_id: line for line in lines}
