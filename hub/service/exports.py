"""Sales as a CSV, made while it is read: the journal page by page, so that its length costs time and no memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from hub.domain.csv_cells import Encoder, Encoding, csv_text
from hub.domain.reckoning import SaleLine
from hub.domain.sales_csv import COLUMNS, TYPES, Kind, needs_sale, rows, told
from hub.service.box import Box

# Entries looked at at a stretch: half a millisecond's worth, and devices are served in between.
PAGE_ENTRIES: Final = 25
PAGE_BYTES: Final = 1024 * 1024
# Sent when so much has gathered.
CHUNK_BYTES: Final = 32 * 1024
# Where in an entry its type stands: after its id and its source.
HEAD_BYTES: Final = 512
_MARKS: Final = tuple(mark.encode() for mark in TYPES)


def of_money(raw: bytes) -> bool:
    """Whether an entry may be one that has lines; read only as far as its type."""
    head = raw[:HEAD_BYTES]
    return any(mark in head for mark in _MARKS)


async def sales_csv(
    box: Box,
    kind: Kind,
    first: str,
    last: str,
    *,
    encoding: Encoding = "utf-8",
    turn: Callable[[], Awaitable[None]],
) -> AsyncIterator[bytes]:
    """The file's bytes, up to the entry that was the newest when it began. Raises StoreError.

    turn: waited for before each page of entries is looked at.
    """
    journal = box.core.journal
    encode = Encoder(encoding)
    gathered = encode(csv_text([COLUMNS[kind]]))
    seq, end = journal.first_seq - 1, journal.position.seq
    while seq < end:
        page = await journal.after(seq, count_max=PAGE_ENTRIES, bytes_max=PAGE_BYTES)
        if not page:
            break
        await turn()
        for entry in page:
            if entry.seq <= end and of_money(entry.raw) and (shown := told(entry.raw, first, last)):
                fact, meta = shown
                sold = await _sold(box, needs_sale(kind, fact))
                gathered += encode(csv_text(rows(kind, fact, meta, sold)))
        seq = page[-1].seq
        if len(gathered) >= CHUNK_BYTES:
            yield gathered
            gathered = b""
    yield gathered


async def _sold(box: Box, sale_id: str | None) -> dict[str, SaleLine]:
    if sale_id is None:
        return {}
    sale = box.core.state.sales.committed.get(sale_id) or await box.keeper.read("sales", sale_id)
    return {line.line_id: line for line in sale.lines} if sale is not None else {}
