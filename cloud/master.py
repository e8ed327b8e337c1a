"""Master data of a store: a menu file becomes versioned changes that hubs follow."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

import msgspec

from cloud.errors import SetupError
from cloud.hubs import ID
from cloud.model import Item, ItemKey, StoreId
from cloud.store.ports import Session

# The sections of a menu file and the kind of thing each holds, in an order in which they can be applied:
# nothing is named before it is there.
SECTIONS: Final = {
    "tax_rates": "tax_rate",
    "categories": "category",
    "option_groups": "option_group",
    "products": "product",
    "tables": "table",
    "tender_methods": "tender_method",
    "staff": "staff",
    "time_bands": "time_band",
    "deals": "deal",
    "coupons": "coupon",
    "customers": "customer",
    "stock": "stock",
}
_KINDS: Final = ("setting", *SECTIONS.values(), "device_revoked")
_WRITE_AT_ONCE: Final = 500
# The cursor of a store without any master data.
_NOTHING_YET: Final = "0"


class Changes(NamedTuple):
    cursor: str
    full: bool
    items: list[Item]

    def as_json(self) -> bytes:
        changes = [
            {
                "kind": kind,
                "id": id_,
                "version": version,
                "value": msgspec.Raw(value.encode() if value else b"null"),
            }
            for kind, id_, version, value in self.items
        ]
        return msgspec.json.encode({"cursor": self.cursor, "full": self.full, "changes": changes})


def parse_menu(raw: bytes) -> dict[ItemKey, str]:
    """Return the things in a menu file as JSON by kind and id; SetupError tells what is wrong with it."""
    try:
        menu = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise SetupError(f"the file is not a menu in JSON: {error}") from error
    if unknown := menu.keys() - SECTIONS.keys() - {"version", "currency", "settings"}:
        raise SetupError(f"unknown sections in the menu: {', '.join(sorted(unknown))}")
    items: dict[ItemKey, str] = {}
    for name, kind in SECTIONS.items():
        for thing in _list(menu, name):
            id_ = _id_of(kind, thing)
            if (kind, id_) in items:
                raise SetupError(f"{kind} {id_} is in the menu twice")
            items[kind, id_] = _json(thing)
    settings = menu.get("settings", {})
    if not isinstance(settings, dict):
        raise SetupError("settings is not an object")
    if "currency" in menu:
        settings = {**settings, "currency": menu["currency"]}
    return items | {("setting", name): _json(value) for name, value in settings.items()}


def kinds_in(raw: bytes) -> set[str]:
    """The kinds that a menu file speaks of. An absent section is left as it is, an empty one empties it."""
    return {SECTIONS[name] for name in msgspec.json.decode(raw, type=dict[str, Any]) if name in SECTIONS}


def import_menu(
    session: Session, store_id: StoreId, raw: bytes, now: float, progress: Callable[[int, int], None]
) -> int:
    """Make the store's master data what the file says and return the number of changes."""
    wanted = parse_menu(raw)
    managed = kinds_in(raw)
    had = {(kind, id_): value for kind, id_, _, value in session.rows("items", store_id=store_id)}
    changes: dict[ItemKey, str | None] = {at: value for at, value in wanted.items() if had.get(at) != value}
    changes |= {at: None for at in had if at[0] in managed and at not in wanted}
    _write(session, store_id, changes, now, progress)
    return len(changes)


def revoke_device(session: Session, store_id: StoreId, device_id: str, now: float) -> None:
    """Tell the store's hubs to lock a device out."""
    if not ID.match(device_id):
        raise SetupError(f"the device id {device_id!r} is not 1 to 64 of A-Z a-z 0-9 . _ -")
    _write(
        session,
        store_id,
        {("device_revoked", device_id): _json({"device_id": device_id})},
        now,
        lambda *_: None,
    )


def head(session: Session, store_id: StoreId) -> str:
    """The cursor of the newest change."""
    row = session.one("master_head", store_id=store_id)
    return f"{row[0]}.{row[1]}" if row else _NOTHING_YET


def heads(session: Session, store_ids: Iterable[StoreId]) -> dict[StoreId, str]:
    """The cursor of each store's newest change."""
    return {store_id: head(session, store_id) for store_id in store_ids}


def since(session: Session, store_id: StoreId, cursor: str) -> Changes:
    """What changed after `cursor`, or everything there is when the cursor is empty or not one of ours."""
    newest = head(session, store_id)
    if cursor == newest:
        return Changes(newest, full=False, items=[])
    version, stamp = _parse_cursor(cursor)
    row = session.one("master_stamp", store_id=store_id, version=version)
    # "0" is where a store without master data stands: all that has come since is a change.
    if cursor == _NOTHING_YET or (row is not None and row[0] == stamp):
        found = session.rows("items_since", store_id=store_id, version=version)
        return Changes(newest, full=False, items=_in_order(Item(*row) for row in found))
    found = session.rows("items", store_id=store_id)
    return Changes(newest, full=True, items=_in_order(Item(*row) for row in found))


def _write(
    session: Session,
    store_id: StoreId,
    changes: dict[ItemKey, str | None],
    now: float,
    progress: Callable[[int, int], None],
) -> None:
    if not session.one("store_known", store_id=store_id):
        raise SetupError(f"there is no store {store_id}: add its hub first (storehub-cloud hub add)")
    if not changes:
        return
    row = session.one("master_head", store_id=store_id)
    version = row[0] + 1 if row else 1
    session.run("add_master_version", store_id=store_id, version=version, stamp=secrets.token_hex(4), now=now)
    rows = [(store_id, kind, id_, version, value) for (kind, id_), value in changes.items()]
    for at in range(0, len(rows), _WRITE_AT_ONCE):
        session.add_items(rows[at : at + _WRITE_AT_ONCE])
        progress(min(at + _WRITE_AT_ONCE, len(rows)), len(rows))


def _in_order(items: Iterable[Item]) -> list[Item]:
    """What is named comes before what names it, and goes after it."""
    rank = {kind: number for number, kind in enumerate(_KINDS)}

    def place(item: Item) -> tuple[bool, int, str]:
        return item.value is None, -rank[item.kind] if item.value is None else rank[item.kind], item.id

    return sorted(items, key=place)


def _parse_cursor(cursor: str) -> tuple[int, str]:
    version, _, stamp = cursor.partition(".")
    return (int(version) if version.isascii() and version.isdigit() and len(version) < 16 else -1), stamp


def _list(menu: dict[str, Any], name: str) -> list[dict[str, Any]]:
    things = menu.get(name, [])
    if not isinstance(things, list) or not all(isinstance(thing, dict) for thing in things):
        raise SetupError(f"{name} is not a list of objects")
    return things


def _id_of(kind: str, thing: dict[str, Any]) -> str:
    if kind == "tax_rate":
        id_ = f"{thing.get('tax_class')}@{thing.get('from')}"
        if not (isinstance(thing.get("tax_class"), str) and isinstance(thing.get("from"), str)):
            raise SetupError(f"a tax rate needs tax_class and from: {_json(thing)[:100]}")
        return id_
    found = thing.get("id")
    if not isinstance(found, str) or not ID.match(found):
        raise SetupError(f"a {kind} needs an id of 1 to 64 of A-Z a-z 0-9 . _ -: {_json(thing)[:100]}")
    return found


def _json(value: object) -> str:
    text = msgspec.json.encode(value, order="deterministic").decode()
    # PostgreSQL keeps texts without NUL, and no name has one.
    if "\\u0000" in text:
        raise SetupError(f"a NUL character in {text[:100]}")
    return text
