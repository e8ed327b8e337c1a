"""Paired devices, and what each role may do (CONTRACT section 3)."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

# The box itself: the device of its own commands.
HUB_ID: Final = "hub"
Role = Literal["handheld", "register", "kitchen", "table", "manager", "technician", "standby"]


class Device(Struct, frozen=True, omit_defaults=True):
    """token_hash: the SHA-256 of a random token. It lets a replacement box know the device, and reveals nothing.

    next_hash: of the token that was handed out in its place and not yet used. Either opens until then.
    """

    device_id: str
    name: str
    role: Role
    token_hash: str
    paired_at: str
    table_id: str | None = None
    revoked_at: str | None = None
    next_hash: str | None = None


# What a role may do. Each write route and each read names one of these permissions.
_FLOOR = {
    "staff.call",
    "menu.read",
    "floor.read",
    "product",
    "order",
    "check",
    "serve",
    "facts",
    "feed",
}
_TILL = {
    "customers.read",
    "customers",
    "sale",
    "numbers",
    "discount",
    "staff.session",
    "approval",
    "stock.read",
}
_DRAWER = {"drawer", "day", "points.adjust", "stock"}
PERMISSIONS: Final[dict[Role, frozenset[str]]] = {
    "handheld": frozenset({*_FLOOR, *_TILL, "sales.read", "box.link"}),
    "register": frozenset(
        {*_FLOOR, *_TILL, "sales.read", "sale.correct", "price", *_DRAWER, "report", "box.link"}
    ),
    "kitchen": frozenset({"menu.read", "floor.read", "serve", "product", "facts", "feed", "staff.session"}),
    "table": frozenset({"menu.read", "table.order", "table.read", "feed", "staff.call"}),
    "manager": frozenset(
        {
            *_FLOOR,
            *_TILL,
            "sales.read",
            "sale.correct",
            "price",
            *_DRAWER,
            "report",
            "devices",
            "staff.pin",
            "customers.forget",
            "export",
            "promote",
            "box",
            "box.link",
        }
    ),
    "technician": frozenset({"devices", "box", "box.link", "metrics"}),
    # Another box of the store: it copies everything there is, and does nothing else.
    "standby": frozenset({"copy"}),
}


def may(role: Role, permission: str) -> bool:
    return permission in PERMISSIONS[role]
