"""Use cases on a hub's chain. Each runs inside one transaction; whoever calls answers after its commit."""

from __future__ import annotations

from cloud import lineage
from cloud.chain import prevhash_of, verify
from cloud.errors import CursorConflict, EntryRefused, InvalidRequest, NotFound
from cloud.model import NO_HASH, START, Announced, Batch, Cursor, Epoch, HexHash, Hub, HubId, Mark, Totals
from cloud.store import keys
from cloud.store.ports import Session, to_hub


def cursor(session: Session, hub_id: HubId) -> Cursor:
    """Return the end of the hub's chain."""
    return hub_of(session, hub_id).cursor


def append(session: Session, hub_id: HubId, batch: Batch) -> Cursor | CursorConflict | EntryRefused:
    """Store what is new in the batch and return the end of the chain.

    A refusal is returned, not raised, when it comes after entries that are stored: they are to be committed.
    """
    hub = _locked(session, hub_id)
    epochs = epochs_of(session, hub)
    known = lineage.find(epochs, batch.epoch)
    if known is None:
        raise CursorConflict(hub.cursor, f"epoch {batch.epoch} was not opened: POST epochs first")
    if batch.first_seq > hub.cursor.seq + 1:
        raise CursorConflict(hub.cursor, "there is a gap before the first entry")
    had = _check_had(session, hub, epochs, batch)
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
        _forget_returned_orphans(session, hub, new[0].seq, new[-1].seq)
        end = Cursor(batch.epoch, new[-1].seq, HexHash(new[-1].digest.hex()))
        _move(session, hub, end)
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


def _check_had(session: Session, hub: Hub, epochs: list[Announced], batch: Batch) -> int:
    """Return how many entries of the batch the chain already has; they must be the very same."""
    had = min(len(batch.rows), hub.cursor.seq - batch.first_seq + 1)
    if had <= 0:
        return 0
    marks = _marks(session, hub, epochs, batch.first_seq, batch.first_seq + had - 1)
    for row, mark in zip(batch.rows[:had], marks, strict=True):
        if mark != (row.seq, batch.epoch, row.digest):
            raise CursorConflict(hub.cursor, f"seq {row.seq} was had as another entry, of epoch {mark.epoch}")
    return had


def _misfit(seq: int) -> str:
    return f"prevhash of entry {seq} is not the hash of the entry before it"


def open_epoch(session: Session, hub_id: HubId, epoch: Epoch, after: Cursor, now: float) -> Cursor:
    """Let `epoch` go on after `after`: what the chain has beyond it becomes orphans. Return the chain's end.

    Once the epoch's first entry is on the chain, announcing it again changes nothing. Before, it makes the
    epoch the latest announced one again. `after` may be ahead of the chain: then the epoch waits for it.
    """
    hub = _locked(session, hub_id)
    epochs = epochs_of(session, hub)
    if after.seq == 0:
        after = START
    known = lineage.find(epochs, epoch)
    if known is not None:
        if known.after != after:
            at = f"{known.after.epoch}:{known.after.seq}"
            raise CursorConflict(hub.cursor, f"epoch {epoch} was opened before, after {at}")
        first = _marks(session, hub, epochs, after.seq + 1, after.seq + 1)
        if first and first[0].epoch == epoch:
            return hub.cursor
    if after.seq <= hub.cursor.seq:
        if _is_on_chain(session, hub, epochs, after):
            _orphan_beyond(session, hub, after.seq)
        else:
            _reinstate(session, hub, epochs, after)
        _move(session, hub, after)
    announced = {"hub": hub.num, "num": known.num if known else len(epochs) + 1}
    if known:
        session.run("announce_again", **announced)
    else:
        session.run(
            "add_epoch", **announced, epoch=epoch,
            after_epoch=after.epoch, after_seq=after.seq, after_hash=after.hash, now=now,
        )  # fmt: skip
    return hub_of(session, hub_id).cursor


def _is_on_chain(session: Session, hub: Hub, epochs: list[Announced], at: Cursor) -> bool:
    if at.seq == 0:
        return True
    marks = _marks(session, hub, epochs, at.seq, at.seq)
    return bool(marks) and (marks[0].epoch, marks[0].digest.hex()) == (at.epoch, at.hash)


def _orphan_beyond(session: Session, hub: Hub, seq: int) -> None:
    beyond = {"low": keys.key(hub, seq + 1), "high": keys.top(hub)}
    session.run("orphan_beyond", **beyond)
    session.run("delete_beyond", **beyond)
    session.run("orphan_holes_beyond", **beyond)


def _forget_returned_orphans(session: Session, hub: Hub, first: int, last: int) -> None:
    """An entry that is back on the chain is no orphan any more."""
    returned = {"low": keys.key(hub, first), "high": keys.key(hub, last)}
    if session.one("any_orphan", **returned):
        session.run("forget_returned_orphans", **returned)


def _reinstate(session: Session, hub: Hub, epochs: list[Announced], after: Cursor) -> None:
    """Make `after` the end of the chain again, with all it follows; what is beyond the fork becomes orphans.

    A box set up again from an older medium may go on from a branch that another box had left.
    """
    conflict = CursorConflict(
        hub.cursor, f"{after.epoch}:{after.seq} is unknown here: announce your epochs oldest first"
    )
    nums = {known.epoch: known.num for known in epochs}
    branch: list[tuple[int, int, bytes]] = []
    at = after
    while not _is_on_chain(session, hub, epochs, at):
        key, num, digest = keys.key(hub, at.seq), nums.get(at.epoch, 0), bytes.fromhex(at.hash)
        row = session.one("orphan", key=key, epoch=num, hash=digest)
        if row is None:
            raise conflict
        branch.append((key, num, digest))
        prevhash = prevhash_of(row[0])
        before = session.rows("orphans_at", key=keys.key(hub, at.seq - 1))
        names = {known.num: known.epoch for known in epochs}
        candidates = [names[num] for num, digest in before if digest.hex() == prevhash]
        live = _marks(session, hub, epochs, at.seq - 1, at.seq - 1)
        candidates += [mark.epoch for mark in live if mark.digest.hex() == prevhash]
        if at.seq == 1 and prevhash == NO_HASH:
            at = START
        elif candidates:
            at = Cursor(candidates[-1], at.seq - 1, HexHash(prevhash))
        else:
            raise conflict
    _orphan_beyond(session, hub, at.seq)
    for key, epoch, digest in reversed(branch):
        session.run("reinstate", key=key, epoch=epoch, hash=digest)
    _forget_returned_orphans(session, hub, at.seq + 1, after.seq)


def quarantine(
    session: Session, hub_id: HubId, epoch: Epoch, seq: int, digest: bytes, reason: str, now: float
) -> Cursor:
    """Record a hole in the place of an entry that was refused, and let the chain go on behind it."""
    hub = _locked(session, hub_id)
    epochs = epochs_of(session, hub)
    known = lineage.find(epochs, epoch)
    if 0 < seq <= hub.cursor.seq and _marks(session, hub, epochs, seq, seq) == [Mark(seq, epoch, digest)]:
        return hub.cursor
    if seq != hub.cursor.seq + 1 or known is None:
        raise CursorConflict(hub.cursor, "only the entry that follows the cursor can be set aside")
    if (why := lineage.why_not_next(epochs, hub.cursor, epoch)) is not None:
        raise CursorConflict(hub.cursor, why)
    session.run("add_hole", key=keys.key(hub, seq), epoch=known.num, hash=digest, reason=reason, now=now)
    end = Cursor(epoch, seq, HexHash(digest.hex()))
    _move(session, hub, end)
    return end


def fill(
    session: Session,
    hub_id: HubId,
    epoch: Epoch,
    seq: int,
    body: bytes,
    refused_types: frozenset[str],
    now: float,
) -> Cursor:
    """Put an entry's bytes into its hole; from then on it counts in its place."""
    hub = _locked(session, hub_id)
    epochs = epochs_of(session, hub)
    known = lineage.find(epochs, epoch)
    place = {"key": keys.key(hub, seq), "epoch": known.num if known else 0}
    hole = session.one("hole", **place)
    if hole is None:
        raise NotFound(f"no entry {epoch}:{seq} is set aside")
    digest, filled_at, orphan = hole
    batch = verify(epoch, seq, body, refused_types=refused_types)
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
        before = _marks(session, hub, epochs, seq - 1, seq - 1)
        if batch.prevhash != (before[0].digest.hex() if before else NO_HASH):
            raise CursorConflict(hub.cursor, _misfit(seq))
        session.add_entries(hub, place["epoch"], [row])
    session.run("fill_hole", **place, now=now)
    return hub.cursor


def totals(session: Session, hub_id: HubId, day: int, upto: tuple[Epoch, int] | None) -> Totals:
    """Count a business day's entries, up to and with `upto`. Entries set aside count once they are there."""
    hub = hub_of(session, hub_id)
    high = keys.top(hub)
    if upto is not None:
        epoch, seq = upto
        if 0 < seq <= hub.cursor.seq:
            mark = mark_at(session, hub, seq)
            if mark is None or mark.epoch != epoch:
                raise CursorConflict(hub.cursor, f"{epoch}:{seq} is not on the chain")
        high = keys.key(hub, seq)
    row = session.one("totals", day=day, low=keys.key(hub, 1), high=high)
    if row is None or row[3] is None:
        return Totals(0, 0, 0, 0, NO_HASH)
    entries, sales, total, last = row
    found = session.one("hash_at", key=last)
    assert found is not None  # noqa: S101  The index has just named it, in this transaction.
    return Totals(entries, int(sales), int(total), keys.seq_of(last), HexHash(bytes(found[0]).hex()))


def mark_at(session: Session, hub: Hub, seq: int) -> Mark | None:
    """What stands on the chain at `seq`."""
    marks = _marks(session, hub, epochs_of(session, hub), seq, seq)
    return marks[0] if marks else None


def hub_of(session: Session, hub_id: HubId) -> Hub:
    row = session.one("hub", hub_id=hub_id)
    if row is None:
        raise NotFound(f"no hub {hub_id}")
    return to_hub(row)


def _locked(session: Session, hub_id: HubId) -> Hub:
    hub = session.lock_hub(hub_id)
    if hub is None:
        raise NotFound(f"no hub {hub_id}")
    return hub


def _move(session: Session, hub: Hub, to: Cursor) -> None:
    session.run("set_cursor", hub=hub.num, epoch=to.epoch, seq=to.seq, hash=to.hash)


def epochs_of(session: Session, hub: Hub) -> list[Announced]:
    return [
        Announced(num, epoch, Cursor(*after)) for num, epoch, *after in session.rows("epochs", hub=hub.num)
    ]


def _marks(session: Session, hub: Hub, epochs: list[Announced], first: int, last: int) -> list[Mark]:
    """What stands on the chain from `first` to `last`, holes included."""
    if last < 1:
        return []
    names = {known.num: known.epoch for known in epochs}
    found = session.rows("marks", low=keys.key(hub, max(first, 1)), high=keys.key(hub, last))
    return [Mark(keys.seq_of(key), names[epoch], bytes(digest)) for key, epoch, digest in found]
