"""Give stored entries back, byte for byte: to their hub in pages, to an operator as a stream."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from cloud.errors import CursorConflict
from cloud.held import hub_of, mark_at
from cloud.model import Epoch, Hub, HubId
from cloud.store import keys
from cloud.store.ports import Database, Row, Session

# A page ends with the entry that passes this, so that memory stays flat whatever `limit` says.
_PAGE_BYTES: Final = 8 * 1024 * 1024
# Entries of 256 KiB each would be 25 MB.
_FETCH: Final = 100
# Behind every epoch of a seq.
_LAST_EPOCH: Final = 2**31 - 1


class Page(NamedTuple):
    body: bytes
    more: bool


def page(session: Session, hub_id: HubId, after: tuple[Epoch, int], *, orphans: bool, limit: int) -> Page:
    """Entries after a position, at most `limit`: of the chain, or of what was orphaned.

    Orphans are ordered by seq, then by epoch as first announced. After an orphan come those behind it; after
    anything else those beyond that seq, or beyond the end of the chain if that is nearer: they may be of a branch
    that parted from the chain before the position.
    """
    hub = hub_of(session, hub_id)
    place = _after_orphan(session, hub, *after) if orphans else _after_entry(session, hub, *after)
    high = keys.top(hub)
    lines: list[bytes] = []
    size = 0
    while len(lines) < limit:
        count = min(_FETCH, limit - len(lines))
        found = session.rows("orphans" if orphans else "entries", **place, high=high, count=count)
        for key, epoch_num, body in found:
            lines.append(bytes(body))
            size += len(body)
            place = {"low": key, "epoch": epoch_num} if orphans else {"low": key + 1}
            if size >= _PAGE_BYTES:
                return Page(_joined(lines), True)
        if len(found) < count:
            return Page(_joined(lines), False)
    return Page(_joined(lines), True)


def _after_entry(session: Session, hub: Hub, epoch: Epoch, seq: int) -> dict[str, int]:
    if 0 < seq <= hub.cursor.seq:
        mark = mark_at(session, hub, seq)
        if mark is None or mark.epoch != epoch:
            raise CursorConflict(hub.cursor, f"{epoch}:{seq} is not on the chain")
    return {"low": keys.key(hub, seq + 1)}


def _after_orphan(session: Session, hub: Hub, epoch: Epoch, seq: int) -> dict[str, int]:
    row = session.one("epoch_num", hub=hub.num, epoch=epoch)
    at = {"key": keys.key(hub, seq), "epoch": row[0] if row else 0}
    if session.one("orphan_at", **at):
        return {"low": at["key"], "epoch": at["epoch"]}
    return {"low": keys.key(hub, min(seq, hub.cursor.seq)), "epoch": _LAST_EPOCH}


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
