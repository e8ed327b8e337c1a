"""A hub's chain as it is held: its end, what stands where, which epochs matter."""

from __future__ import annotations

from cloud.errors import NotFound
from cloud.model import Announced, Cursor, Epoch, Hub, HubId, Mark
from cloud.store import keys
from cloud.store.ports import Session, to_hub


def hub_of(session: Session, hub_id: HubId) -> Hub:
    row = session.one("hub", hub_id=hub_id)
    if row is None:
        raise NotFound(f"no hub {hub_id}")
    return to_hub(row)


def locked(session: Session, hub_id: HubId) -> Hub:
    """The hub, which nobody else moves until the transaction ends."""
    hub = session.lock_hub(hub_id)
    if hub is None:
        raise NotFound(f"no hub {hub_id}")
    return hub


def move(session: Session, hub: Hub, to: Cursor) -> None:
    session.run("set_cursor", hub=hub.num, epoch=to.epoch, seq=to.seq, hash=to.hash)


def epochs_near(session: Session, hub: Hub, epoch: Epoch) -> list[Announced]:
    """The epoch, those that begin where it begins, and those that begin inside it; the latest announced last.

    Not all of them: a hub that restarts for ever would make every post slower than the one before.
    """
    found = session.rows("epochs_near", hub=hub.num, epoch=epoch)
    return [Announced(num, name, Cursor(*after)) for num, name, *after in found]


def marks(session: Session, hub: Hub, first: int, last: int) -> list[Mark]:
    """What stands on the chain from `first` to `last`, holes included."""
    found = session.rows("marks", hub=hub.num, low=keys.key(hub, max(first, 1)), high=keys.key(hub, last))
    return [Mark(keys.seq_of(key), epoch, bytes(digest)) for key, epoch, digest in found]


def mark_at(session: Session, hub: Hub, seq: int) -> Mark | None:
    """What stands on the chain at `seq`."""
    found = marks(session, hub, seq, seq) if 0 < seq <= hub.cursor.seq else []
    return found[0] if found else None
