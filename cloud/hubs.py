"""Who may speak for which hub, and who has been heard from."""

from __future__ import annotations

import re
import secrets
from hashlib import sha256
from typing import Any, Final, NamedTuple

import msgspec

from cloud.errors import NotFound, SetupError, Superseded, Unauthenticated
from cloud.model import NO_HASH, HubId, StoreId
from cloud.store import keys
from cloud.store.ports import Session

ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}\Z", re.ASCII)
# A hub calls at least every 15 s. One not heard from for this long is never shown as fine.
SILENT_AFTER_S: Final = 120.0
STATUS_BYTES_MAX: Final = 4096


class Caller(NamedTuple):
    token_num: int
    hub_num: int
    hub_id: HubId
    store_id: StoreId
    first_call: bool


def add(session: Session, hub_id: HubId | None, store_id: StoreId, now: float) -> tuple[HubId, str]:
    """Return the hub's id and a new token. The tokens before it hold until the new one is first used."""
    _check_id(store_id, "store id")
    hub_id = hub_id or HubId(f"hub-{secrets.token_hex(4)}")
    _check_id(hub_id, "hub id")
    hub = session.lock_hub(hub_id)
    if hub is None:
        session.run("add_hub", hub_id=hub_id, store_id=store_id, now=now, epoch="", seq=0, hash=NO_HASH)
        hub = session.lock_hub(hub_id)
        assert hub is not None  # noqa: S101  Added in this transaction.
    elif hub.store_id != store_id:
        raise SetupError(f"hub {hub_id} belongs to store {hub.store_id}, not to {store_id}")
    token = f"shc_{secrets.token_urlsafe(32)}"
    session.run("add_token", hub=hub.num, digest=_digest(token), now=now)
    return hub_id, token


def revoke(session: Session, hub_id: HubId, now: float) -> int:
    """Take back every token of the hub and return how many there were. Its entries stay."""
    hub = session.lock_hub(hub_id)
    if hub is None:
        raise SetupError(f"there is no hub {hub_id}")
    return session.run("revoke_tokens", hub=hub.num, now=now)


def authenticate(session: Session, token: str) -> Caller:
    """Return whose token this is. Tokens are 256 random bits, so one round of SHA-256 hides them well."""
    row = session.one("token", digest=_digest(token))
    if row is None:
        raise Unauthenticated("this token was not given out by this cloud")
    num, hub_num, hub_id, store_id, used_at, revoked_at = row
    if revoked_at is not None:
        raise Superseded(_successor(session, hub_num, num))
    return Caller(num, hub_num, hub_id, store_id, used_at is None)


def _successor(session: Session, hub_num: int, token_num: int) -> str | None:
    """The box that calls with a newer token, as it last said of itself; None when nobody does."""
    row = session.one("successor", hub=hub_num, token=token_num)
    status = None if row is None or row[0] is None else msgspec.json.decode(row[0])
    box = status.get("box") if isinstance(status, dict) else None
    return box if isinstance(box, str) else None


def take_over(session: Session, caller: Caller, now: float) -> None:
    """The first call with a token ends those given out before it."""
    if session.lock_hub(caller.hub_id) is None:
        raise NotFound(f"no hub {caller.hub_id}")
    if session.run("use_token", token=caller.token_num, now=now):
        session.run("revoke_predecessors", hub=caller.hub_num, token=caller.token_num, now=now)


def compact_status(header: str) -> str | None:
    """A `Storehub-Status` as it is kept, or None when it is no JSON object of decent size."""
    if len(header) > STATUS_BYTES_MAX:
        return None
    try:
        status = msgspec.json.decode(header)
        return (
            msgspec.json.encode(status).decode()
            if isinstance(status, dict) and "\\u0000" not in header
            else None
        )
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None


def overview(session: Session, now: float) -> list[dict[str, Any]]:
    """Every store with its hubs, how long each has been silent, and what it last said of itself."""
    stores: dict[str, list[dict[str, Any]]] = {}
    for num, hub_id, store_id, epoch, seq, digest, _, heard_at, status in session.rows("hubs"):
        low, high = keys.range_of(num)
        age_s = None if heard_at is None else max(0.0, now - heard_at)
        found = session.one("hubs_orphans", low=low, high=high)
        stores.setdefault(store_id, []).append(
            {
                "hub_id": hub_id,
                "state": _contact(age_s),
                "last_heard_s_ago": None if age_s is None else round(age_s, 1),
                "cursor": {"epoch": epoch, "seq": seq, "hash": digest},
                "quarantined": [
                    {"seq": keys.seq_of(key), "reason": reason}
                    for key, reason, _ in session.rows("open_holes", low=low, high=high)
                ],
                "orphans": found[0] if found else 0,
                "status": None if status is None else msgspec.json.decode(status),
            }
        )
    return [{"store_id": store_id, "hubs": hubs} for store_id, hubs in stores.items()]


def _contact(age_s: float | None) -> str:
    if age_s is None:
        return "never_heard"
    return "silent" if age_s > SILENT_AFTER_S else "heard"


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "replace")).digest()


def _check_id(value: str, what: str) -> None:
    if not ID.match(value):
        raise SetupError(f"the {what} {value!r} is not 1 to 64 of A-Z a-z 0-9 . _ -")
