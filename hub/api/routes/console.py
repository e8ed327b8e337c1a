"""The console's session: a browser that a one-time code lets in, on the store's box and on one that is not."""

from __future__ import annotations

import asyncio
from typing import Annotated, Final

import msgspec
from fastapi import APIRouter, Request, Response

from hub.api.caller import COOKIE_PLAIN, COOKIE_TLS, address_of, caller, same_origin
from hub.api.reply import body_as, box_of, reply
from hub.api.routes.box import facts_of
from hub.api.routes.devices import CONSOLE, SESSION_ROLES, is_console, pair_device
from hub.clock import new_id
from hub.domain.commands import RevokeDevice
from hub.domain.device import Device
from hub.domain.errors import DeviceRevoked, Forbidden, NotReady, PairingCodeInvalid, Unauthenticated
from hub.service.box import Box
from hub.service.doorman import new_token, token_hash

router = APIRouter(tags=["devices"])
# A device that the primary has paired is in this box's copy within milliseconds.
COPIED_S: Final = 3.0


class Session(msgspec.Struct, forbid_unknown_fields=True):
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


def _cookie(box: Box) -> str:
    return COOKIE_TLS if box.facing.tls else COOKIE_PLAIN


def _own_page(request: Request) -> None:
    """Raises Forbidden for a page of another origin."""
    headers = request.headers
    origin, site, host = headers.get("origin", ""), headers.get("sec-fetch-site", ""), headers.get("host", "")
    if not same_origin(request.scope, origin=origin.encode(), site=site.encode(), host=host.encode()):
        raise Forbidden(role="page of another origin")


@router.post("/console/session", include_in_schema=False)
async def sign_in(request: Request) -> Response:
    box = box_of(request)
    _own_page(request)
    wanted: Session = await body_as(request, Session)
    if box.role == "primary":
        code = await box.doorman.take_code(
            wanted.code, None, address=address_of(request.scope), roles=SESSION_ROLES
        )
        # Signing in again from the same browser is the same device, with another token and perhaps another role.
        before = box.doorman.known_token(request.cookies.get(_cookie(box), ""))
        same = before.device_id if before is not None and is_console(before) else None
        _, token = await pair_device(box, _name(box), code.role, device_id=same)
    else:
        token = await _as_guest(box, wanted.code, address_of(request.scope))
    response = Response(status_code=204)
    response.set_cookie(
        _cookie(box),
        token,
        max_age=30 * 86400,
        path="/",
        secure=box.facing.tls,
        httponly=True,
        samesite="strict",
    )
    return response


def _name(box: Box) -> str:
    return f"{CONSOLE}{box.clock.stamp().time[:16]}"


async def _as_guest(box: Box, wanted: str, address: str) -> str:
    """The token of a session at a box that pairs nobody. Raises PairingCodeInvalid, TooManyRequests, NotReady.

    A code of this very box lets in a guest. While a standby's primary is there, a manager's code of the primary makes
    a device of the store, as it would there: a session that is ready before the primary is dead.
    """
    try:
        code = await box.doorman.take_code(wanted, None, address=address, roles=SESSION_ROLES)
    except PairingCodeInvalid:
        token = None if box.standby is None else await box.standby.sign_in(wanted, _name(box))
        if token is None:
            raise
        box.doorman.throttle.right(address)
        try:
            async with asyncio.timeout(COPIED_S):
                while box.doorman.known_token(token) is None:  # noqa: ASYNC110 - a few times at most, for people
                    await asyncio.sleep(0.02)
        except TimeoutError as late:
            raise NotReady(reason="the copy is behind: sign in again in a moment", retry_after_s=5) from late
        return token
    token = new_token()
    await box.doorman.admit(
        Device(new_id(), _name(box), code.role, token_hash(token), box.clock.stamp().time)
    )
    return token


@router.get("/console/session", include_in_schema=False)
async def session(request: Request) -> Response:
    """Who is signed in; null when nobody is: that is an answer, and no error for a browser to complain about."""
    box = box_of(request)
    try:
        device = caller(request.scope, box)
    except (Unauthenticated, DeviceRevoked):
        return reply(None)
    hub = {
        **facts_of(box),
        "timezone": box.timezone,
        "currency": box.core.state.settings.committed.get("currency", "JPY"),
        "business_date": box.clock.today(),
        "version": box.identity.version,
    }
    return reply({"device_id": device.device_id, "name": device.name, "role": device.role, "hub": hub})


@router.delete("/console/session", include_in_schema=False)
async def sign_out(request: Request) -> Response:
    box = box_of(request)
    _own_page(request)
    device = caller(request.scope, box)
    if box.role == "primary":
        await box.core.desk.order(RevokeDevice("signed out"), target=device.device_id)
    else:
        await box.doorman.dismiss(device.device_id)
    response = Response(status_code=204)
    response.delete_cookie(_cookie(box), path="/", secure=box.facing.tls, httponly=True, samesite="strict")
    return response
