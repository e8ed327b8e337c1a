"""Epochs decide which branch of a hub's history is its chain. What the chain leaves is kept as orphans."""

from __future__ import annotations

from cloud import lineage
from cloud.errors import CursorConflict
from cloud.held import epochs_near, hub_of, locked, mark_at, move
from cloud.model import START, Cursor, Epoch, HexHash, Hub, HubId
from cloud.store import keys
from cloud.store.ports import Session


def open_epoch(session: Session, hub_id: HubId, epoch: Epoch, after: Cursor, now: float) -> Cursor:
    """Let `epoch` go on after `after`: what the chain has beyond it becomes orphans. Return the chain's end.

    Once the epoch's first entry is on the chain, announcing it again changes nothing. Before, it makes the
    epoch the latest announced one again. `after` may be ahead of the chain: then the epoch waits for it.
    """
    hub = locked(session, hub_id)
    if after.seq == 0:
        after = START
    known = lineage.find(epochs_near(session, hub, epoch), epoch)
    if known is not None:
        if known.after != after:
            at = f"{known.after.epoch}:{known.after.seq}"
            raise CursorConflict(hub.cursor, f"epoch {epoch} was opened before, after {at}")
        if _has_begun(session, hub, epoch, after):
            return hub.cursor
    _cut(session, hub, _fork(session, hub, after))
    if known:
        session.run("announce_again", hub=hub.num, num=known.num)
    else:
        session.run(
            "add_epoch", hub=hub.num, epoch=epoch,
            after_epoch=after.epoch, after_seq=after.seq, after_hash=after.hash, now=now,
        )  # fmt: skip
    return hub_of(session, hub_id).cursor


def _has_begun(session: Session, hub: Hub, epoch: Epoch, after: Cursor) -> bool:
    first = mark_at(session, hub, after.seq + 1)
    return first is not None and first.epoch == epoch


def _fork(session: Session, hub: Hub, after: Cursor) -> Cursor:
    """Where the chain and the history that leads to `after` part: the last entry that both have."""
    if after.seq == 0:
        return START
    mark = mark_at(session, hub, after.seq)
    if mark is not None and mark.epoch == after.epoch:
        if mark.digest.hex() != after.hash:
            raise CursorConflict(hub.cursor, f"{after.epoch}:{after.seq} is another entry here")
        return after
    if hub.cursor.epoch == after.epoch:
        return hub.cursor
    last = _last_of(session, hub, after.epoch)
    if last is not None:
        # (epoch, seq) is never used twice, so what the chain has of that epoch the hub has too. It is the newer
        # medium of the two that were restored one after the other: its entries up to `after` are yet to come.
        return last
    if after.seq > hub.cursor.seq:
        return hub.cursor
    raise CursorConflict(
        hub.cursor, f"{after.epoch}:{after.seq} is unknown here: announce your epochs oldest first"
    )


def _last_of(session: Session, hub: Hub, epoch: Epoch) -> Cursor | None:
    """The last entry of an epoch that the chain has gone on from, or None when it has none of it."""
    near = epochs_near(session, hub, epoch)
    known = lineage.find(near, epoch)
    if known is None or not _has_begun(session, hub, epoch, known.after):
        return None
    for next_ in near:
        if next_.after.epoch == epoch and _has_begun(session, hub, next_.epoch, next_.after):
            mark = mark_at(session, hub, next_.after.seq)
            if mark is not None and mark.epoch == epoch:
                return Cursor(epoch, mark.seq, HexHash(mark.digest.hex()))
    return None


def _cut(session: Session, hub: Hub, at: Cursor) -> None:
    if at == hub.cursor:
        return
    beyond = {"low": keys.key(hub, at.seq + 1), "high": keys.top(hub)}
    session.run("orphan_beyond", **beyond)
    session.run("delete_beyond", **beyond)
    session.run("orphan_holes_beyond", **beyond)
    session.run("delete_corrections_beyond", **beyond)
    move(session, hub, at)
