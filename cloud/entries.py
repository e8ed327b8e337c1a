"""Use cases on a hub's chain. Each runs inside one transaction; whoever calls answers after its commit."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter

from cloud import lineage, retimed
from cloud.chain import verify
from cloud.errors import CursorConflict, EntryRefused, InvalidRequest, NotFound
from cloud.held import epochs_near, hub_of, locked, mark_at, marks, move
from cloud.model import NO_HASH, Batch, Cursor, Epoch, HexHash, Hub, HubId, Mark, Totals
from cloud.store import keys
from cloud.store.ports import Session


def cursor(session: Session, hub_id: HubId) -> Cursor:
    """Return the end of the hub's chain."""
    return hub_of(session, hub_id).cursor


def append(
    session: Session, hub_id: HubId, batch: Batch, now: float
) -> Cursor | CursorConflict | EntryRefused:
    """Store what is new in the batch and return the end of the chain.

    A refusal is returned, not raised, when it comes after entries that are stored: they are to be committed.
    """
    hub = locked(session, hub_id)
    epochs = epochs_near(session, hub, batch.epoch)
    known = lineage.find(epochs, batch.epoch)
    if known is None:
        raise CursorConflict(hub.cursor, f"epoch {batch.epoch} was not opened: POST epochs first")
    if batch.first_seq > hub.cursor.seq + 1:
        raise CursorConflict(hub.cursor, "there is a gap before the first entry")
    had = _check_had(session, hub, batch)
    new = batch.rows[had:]
    end = hub.cursor
    beyond = None
    if new:
        if (reason := lineage.why_not_next(epochs, end, batch.epoch)) is not None:
            raise CursorConflict(end, reason)
        before = batch.rows[had - 1].digest.hex() if had else batch.prevhash
        if before != end.hash:
            raise CursorConflict(end, _misfit(end.seq + 1))
        last = lineage.end_of(epochs, batch.epoch)
        if last is not None and new[-1].seq > last:
            new = new[: last - new[0].seq + 1]
            beyond = f"epoch {batch.epoch} ended with seq {last}: a newer one has taken over"
        session.add_entries(hub, known.num, new)
        _correct(session, hub, batch, new[0].seq, new[-1].seq)
        _settle_returned(session, hub, new[0].seq, new[-1].seq, now)
        end = Cursor(batch.epoch, new[-1].seq, HexHash(new[-1].digest.hex()))
        move(session, hub, end)
    if beyond:
        return CursorConflict(end, beyond)
    if batch.refusal:
        if batch.refusal.seq <= hub.cursor.seq:
            return CursorConflict(
                end, f"entry {batch.refusal.seq} was had with other bytes: {batch.refusal.reason}"
            )
        return EntryRefused(batch.refusal, end)
    if batch.broken:
        return CursorConflict(end, _misfit(batch.first_seq + len(batch.rows)))
    return end


def _check_had(session: Session, hub: Hub, batch: Batch) -> int:
    """Return how many entries of the batch the chain already has; they must be the very same."""
    had = min(len(batch.rows), hub.cursor.seq - batch.first_seq + 1)
    if had <= 0:
        return 0
    stands = marks(session, hub, batch.first_seq, batch.first_seq + had - 1)
    for row, mark in zip(batch.rows[:had], stands, strict=True):
        if mark != (row.seq, batch.epoch, row.digest):
            raise CursorConflict(hub.cursor, f"seq {row.seq} was had as another entry, of epoch {mark.epoch}")
    return had


def _misfit(seq: int) -> str:
    return f"prevhash of entry {seq} is not the hash of the entry before it"


def quarantine(
    session: Session, hub_id: HubId, epoch: Epoch, seq: int, digest: bytes, reason: str, now: float
) -> Cursor:
    """Record a hole in the place of an entry that was refused, and let the chain go on behind it."""
    hub = locked(session, hub_id)
    epochs = epochs_near(session, hub, epoch)
    known = lineage.find(epochs, epoch)
    if mark_at(session, hub, seq) == Mark(seq, epoch, digest):
        return hub.cursor
    if seq != hub.cursor.seq + 1 or known is None:
        raise CursorConflict(hub.cursor, "only the entry that follows the cursor can be set aside")
    if (why := lineage.why_not_next(epochs, hub.cursor, epoch)) is not None:
        raise CursorConflict(hub.cursor, why)
    session.run("add_hole", key=keys.key(hub, seq), epoch=known.num, hash=digest, reason=reason, now=now)
    end = Cursor(epoch, seq, HexHash(digest.hex()))
    move(session, hub, end)
    return end


def fill(
    session: Session,
    hub_id: HubId,
    epoch: Epoch,
    seq: int,
    sent: list[bytes],
    refused_types: frozenset[str],
    now: float,
) -> Cursor:
    """Put an entry's bytes, the one line that is to be sent, into its hole; from then on it counts in its place."""
    hub = locked(session, hub_id)
    epochs = epochs_near(session, hub, epoch)
    known = lineage.find(epochs, epoch)
    place = {"key": keys.key(hub, seq), "epoch": known.num if known else 0}
    hole = session.one("hole", **place)
    if hole is None:
        raise NotFound(f"no entry {epoch}:{seq} is set aside")
    digest, filled_at, orphan = hole
    batch = verify(epoch, seq, sent, refused_types=refused_types)
    if batch.refusal:
        raise EntryRefused(batch.refusal, hub.cursor)
    if [row.digest for row in batch.rows] != [digest]:
        raise InvalidRequest(f"these are not the bytes of {epoch}:{seq}: their hash is another one")
    if filled_at is not None:
        return hub.cursor
    row = batch.rows[0]
    if orphan:
        session.run(
            "add_orphan", **place, hash=digest, day=row.day, sale=row.sale, amount=row.amount, body=row.body
        )
    else:
        before = mark_at(session, hub, seq - 1)
        if batch.prevhash != (before.digest.hex() if before else NO_HASH):
            raise CursorConflict(hub.cursor, _misfit(seq))
        session.add_entries(hub, place["epoch"], [row])
        _correct(session, hub, batch, seq, seq)
        _settle_returned(session, hub, seq, seq, now)
    session.run("fill_hole", **place, now=now)
    return hub.cursor


def totals(session: Session, hub_id: HubId, day: int, upto: tuple[Epoch, int] | None) -> Totals:
    """Count a business day's entries, up to and with `upto`. Entries set aside count once they are there.

    Corrections of the clock that came up to there are applied, later ones are not.
    """
    hub = hub_of(session, hub_id)
    high = keys.top(hub)
    if upto is not None:
        epoch, seq = upto
        if 0 < seq <= hub.cursor.seq:
            mark = mark_at(session, hub, seq)
            if mark is None or mark.epoch != epoch:
                raise CursorConflict(hub.cursor, f"{epoch}:{seq} is not on the chain")
        high = keys.key(hub, seq)
    entries = sales = total = last = 0
    for part in retimed.stretches(session, day, keys.key(hub, 1), high):
        place = {"low": part.low, "high": part.high}
        row = (
            session.one("totals_of_all", **place)
            if part.of_the_day
            else session.one("totals", day=day, **place)
        )
        if row is not None and row[3] is not None:
            entries, sales, total, last = entries + row[0], sales + row[1], total + row[2], max(last, row[3])
    if not last:
        return Totals(0, 0, 0, 0, NO_HASH)
    found = session.one("hash_at", key=last)
    assert found is not None  # noqa: S101  The index has just named it, in this transaction.
    return Totals(entries, int(sales), int(total), keys.seq_of(last), HexHash(bytes(found[0]).hex()))


def _correct(session: Session, hub: Hub, batch: Batch, first: int, last: int) -> None:
    for seq, found in groupby(batch.corrections, key=attrgetter("seq")):
        if first <= seq <= last:
            retimed.keep(session, hub, found)


def _settle_returned(session: Session, hub: Hub, first: int, last: int, now: float) -> None:
    """An entry that is on the chain now is no orphan any more, and nobody waits for its bytes."""
    returned = {"low": keys.key(hub, first), "high": keys.key(hub, last)}
    if session.one("any_returned", **returned):
        session.run("forget_returned_orphans", **returned)
        session.run("fill_returned_holes", **returned, now=now)
