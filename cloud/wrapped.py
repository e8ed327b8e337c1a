"""The keys of a store's customers, kept for its hub, wrapped with a key that never comes here.

What a hub has destroyed is destroyed here too; a copy that comes back from an old backup is refused by its digest.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import NamedTuple

from cloud.errors import NotFound
from cloud.model import HubId
from cloud.store.ports import Session


class WrappedKey(NamedTuple):
    """wrapped: base64, as the hub sends it."""

    customer_id: str
    wrapped: str


class Kept(NamedTuple):
    """held: keys that can be given back. destroyed: those of the sent ones that were destroyed before."""

    held: int
    destroyed: list[str]


def put(session: Session, hub_id: HubId, keys: Sequence[WrappedKey], destroyed: Sequence[str]) -> Kept:
    """Destroy some keys, then keep others. Doing it twice has one effect."""
    hub = session.lock_hub(hub_id)
    if hub is None:
        raise NotFound(f"no hub {hub_id}")
    for customer_id in destroyed:
        session.run("destroy_keys", hub=hub.num, id=customer_id)
    gone = []
    for key in keys:
        digest = sha256(key.wrapped.encode()).hexdigest()
        session.run("add_key", hub=hub.num, id=key.customer_id, digest=digest, wrapped=key.wrapped)
        there = session.one("key_alive", hub=hub.num, id=key.customer_id, digest=digest)
        if there is None:
            gone.append(key.customer_id)
    return Kept(_held(session, hub.num), gone)


def page(session: Session, hub_id: HubId, after: str, limit: int) -> list[WrappedKey]:
    """Keys in the order of the customers' ids, those after `after`."""
    hub = session.one("hub", hub_id=hub_id)
    rows = session.rows("keys_after", hub=hub[0], after=after, count=limit) if hub else []
    return [WrappedKey(*row) for row in rows]


def _held(session: Session, hub_num: int) -> int:
    row = session.one("keys_held", hub=hub_num)
    return int(row[0]) if row else 0
