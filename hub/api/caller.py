"""Who calls, and whether they may: a bearer token, or a console page's cookie from the same origin."""

from __future__ import annotations

from typing import Final

from hub.api.asgi import Scope
from hub.domain.device import Device, may
from hub.domain.errors import ApprovalRequired, Forbidden, Unauthenticated
from hub.domain.permissions import Committed, may_do, role_at, roles_for
from hub.domain.staff import Operation
from hub.service.box import Box

COOKIE_TLS: Final = "__Host-storehub"
COOKIE_PLAIN: Final = "storehub"


def caller(scope: Scope, box: Box) -> Device:
    """The device that calls. Raises Unauthenticated or DeviceRevoked."""
    headers = dict(scope["headers"])
    if (seen := headers.get(b"storehub-seen")) is not None:
        box.positions.seen(seen)
    box.lan_requests += 1
    token = headers.get(b"authorization", b"")
    if token[:7].lower() == b"bearer ":
        return box.doorman.device_of(token[7:].decode("latin-1").strip())
    cookie = headers.get(b"cookie", b"")
    if cookie and same_origin(
        scope,
        origin=headers.get(b"origin", b""),
        site=headers.get(b"sec-fetch-site", b""),
        host=headers.get(b"host", b""),
    ):
        name = COOKIE_TLS if box.facing.tls else COOKIE_PLAIN
        for part in cookie.decode("latin-1").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return box.doorman.device_of(value)
    raise Unauthenticated


def same_origin(scope: Scope, *, origin: bytes, site: bytes, host: bytes) -> bool:
    """Whether a page of this very hub asks: a cookie alone proves nothing, as browsers send it for everyone."""
    if origin:
        return origin == b"%b://%b" % (scope["scheme"].encode(), host)
    return site in (b"same-origin", b"none")


def allow(device: Device, *permissions: str) -> None:
    """Raises Forbidden unless the role has one of the permissions."""
    if not any(may(device.role, permission) for permission in permissions):
        raise Forbidden(role=device.role)


def allow_staff(device: Device, box: Box, operation: Operation) -> None:
    """Raises ApprovalRequired unless the staff role that counts at the device may do the operation."""
    people = Committed(box.core.state)
    roles = roles_for(people, operation)
    if roles is not None and not may_do(roles, role_at(people, device, box.clock.unix_s())):
        raise ApprovalRequired(operation=operation, approval_status=None)


def address_of(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "local"
