"""Give stored entries back, byte for byte: to their hub in pages, to an operator as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from cloud.errors import CursorConflict
from cloud.held import hub_of, mark_at
from cloud.model import Epoch, HubId
from cloud.store import keys
from cloud.store.ports import Database, Row, Session

# A page ends with the entry that passes this, so that memory stays flat whatever `limit` says.
_PAGE_BYTES: Final = 8 * 1024 * 1024
_FETCH: Final = 500


class Page(NamedTuple):
    body: bytes
    more: bool


def page(session: Session, hub_id: HubId, after: tuple[Epoch, int], *, orphans: bool, limit: int) -> Page:
    """Entries after a position, at most `limit`: of the chain, or of what was orphaned.

    Orphans are ordered by seq, then by epoch as first announced; a position between them may be on the chain.
    """
    hub = hub_of(session, hub_id)
    epoch, seq = after
    if not orphans and 0 < seq <= hub.cursor.seq:
        mark = mark_at(session, hub, seq)
        if mark is None or mark.epoch != epoch:
            raise CursorConflict(hub.cursor, f"{epoch}:{seq} is not on the chain")
    name, high = ("orphans" if orphans else "entries"), keys.top(hub)
    known = session.one("epoch_num", hub=hub.num, epoch=epoch)
    low, num = (keys.key(hub, seq), known[0] if known else 0) if orphans else (keys.key(hub, seq + 1), 0)
    lines: list[bytes] = []
    size = 0
    while len(lines) < limit:
        count = min(_FETCH, limit - len(lines))
        values = {"low": low, "high": high, "count": count} | ({"epoch": num} if orphans else {})
        found = session.rows(name, **values)
        for key, found_num, body in found:
            lines += (bytes(body),)
            size += len(body)
            low, num = (key, found_num) if orphans else (key + 1, 0)
            if size >= _PAGE_BYTES:
                return Page(_joined(lines), True)
        if len(found) < count:
            return Page(_joined(lines), False)
    return Page(_joined(lines), True)


def export(database: Database, hub_id: HubId) -> Iterator[bytes]:
    """Yield the chain's entries in order. Each page is read on its own, so a long export holds nobody up.

    The chain may grow meanwhile, and what has grown is exported too.
    """
    hub = database.read(lambda session: hub_of(session, hub_id))
    low, high = keys.key(hub, 1), keys.top(hub)

    def fetch(session: Session) -> list[Row]:
        return session.rows("entries", low=low, high=high, count=_FETCH)

    while found := database.read(fetch):
        for key, _, body in found:
            yield bytes(body)
            low = key + 1


def _joined(lines: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in lines)
