"""Pairing, and the list of devices."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from hub.api.caller import address_of, caller
from hub.api.reply import allowed, body_as, box_of, ref, reply
from hub.api.routes.box import facts_of
from hub.api.writes import idempotency_key
from hub.clock import new_id
from hub.domain.command import Text
from hub.domain.commands import OfferToken, PairDevice
from hub.domain.device import Device, Role
from hub.domain.errors import Forbidden, InvalidRequest
from hub.domain.menu import Id
from hub.service.box import Box
from hub.service.doorman import new_token, token_hash

router = APIRouter(tags=["devices"])
CONSOLE: Final = "console "
SIGNED_OUT_SHOWN: Final = timedelta(days=1)
SESSION_ROLES: tuple[Role, ...] = ("manager", "technician")


class Pairing(msgspec.Struct, forbid_unknown_fields=True):
    """code: as shown or scanned, upper or lower case, with or without the dash."""

    code: Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    role: Role | None = None


class NewCode(msgspec.Struct, forbid_unknown_fields=True):
    role: Role
    table_id: Id | None = None
    minutes: Annotated[int, msgspec.Meta(ge=1, le=1440)] = 10


class Revocation(msgspec.Struct, forbid_unknown_fields=True):
    reason: Text = ""


def _body(name: str, example: dict[str, Any]) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": schema, "example": example}},
        }
    }


@router.post(
    "/v1/pairings",
    status_code=201,
    summary="Become a device of this store with a one-time code",
    responses={201: ref("Paired")[200]},
    openapi_extra=_body("Pairing", {"code": "K7QM2-4WX9P", "name": "ハンディ 3"}),
)
async def pair(request: Request) -> Response:
    box = box_of(request)
    wanted: Pairing = await body_as(request, Pairing)
    box.core.writer.check_open()
    code = await box.doorman.take_code(wanted.code, wanted.role, address=address_of(request.scope))
    # An old token of the same device keeps its id, also one that was locked out: the code vouches for it.
    old = request.headers.get("authorization", "").partition(" ")[2].strip()
    before = box.doorman.known_token(old) if old else None
    device, token = await pair_device(
        box, wanted.name, code.role, table_id=code.table_id, device_id=before.device_id if before else None
    )
    return reply(
        {"device_id": device, "token": token, "role": code.role, "hub": facts_of(box)},
        201,
        headers={"cache-control": "no-store"},
    )


async def pair_device(
    box: Box, name: str, role: Role, *, table_id: str | None = None, device_id: str | None = None
) -> tuple[str, str]:
    """The id and the token of a device that is paired from now on."""
    token, device_id = new_token(), device_id or new_id()
    await box.core.desk.order(PairDevice(device_id, name, role, token_hash(token), table_id))
    return device_id, token


@router.post(
    "/v1/devices/me/token",
    status_code=201,
    summary="Another token for the device that asks",
    description=(
        "The token it has stays good until the new one is used for the first time. Asked again with the same"
        " Idempotency-Key: the same token again."
    ),
    responses={201: ref("Rotated")[200]},
    openapi_extra={
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[ -~]+$"},
            }
        ]
    },
)
async def rotate(request: Request) -> Response:
    box = box_of(request)
    device = caller(request.scope, box)
    if is_console(device):
        raise Forbidden(role="page")  # A page's token is its cookie: it signs in again.
    box.core.writer.check_open()
    token = box.positions.token_for(device, idempotency_key(request.scope))
    await box.core.desk.order(OfferToken(device.device_id, token_hash(token)))
    return reply({"device_id": device.device_id, "token": token}, 201, headers={"cache-control": "no-store"})


@router.get("/v1/devices", summary="All devices of the store", responses=ref("DeviceList"))
async def devices(request: Request, _: Annotated[Device, Depends(allowed("devices"))]) -> Response:
    box = box_of(request)
    return reply({"devices": device_rows(box)})


def device_rows(box: Box) -> list[dict[str, Any]]:
    """All devices. Browsers that signed out of the console are left out after a day: there would be one each time."""
    now = datetime.fromisoformat(box.clock.stamp().time)
    rows = []
    for device in box.core.state.devices.committed.values():
        gone = (
            device.revoked_at is not None
            and now - datetime.fromisoformat(device.revoked_at) > SIGNED_OUT_SHOWN
        )
        if gone and is_console(device):
            continue
        seen = box.doorman.seen_at.get(device.device_id)
        rows.append(
            {
                "device_id": device.device_id,
                "name": device.name,
                "role": device.role,
                "table_id": device.table_id,
                "paired_at": device.paired_at,
                "last_seen_at": datetime.fromtimestamp(seen, UTC).isoformat() if seen else None,
                "revoked_at": device.revoked_at,
                "online": box.doorman.online.get(device.device_id, 0) > 0,
            }
        )
    return rows


def is_console(device: Device) -> bool:
    """Whether it is a browser that signed in to the console."""
    return device.role in SESSION_ROLES and device.name.startswith(CONSOLE)


@router.post("/console/pairing-codes", include_in_schema=False)
async def pairing_code(request: Request, device: Annotated[Device, Depends(allowed("devices"))]) -> Response:
    box = box_of(request)
    wanted: NewCode = await body_as(request, NewCode)
    if wanted.role == "standby" and device.role != "manager":
        # A standby gets everything, sales too, which a technician does not see.
        raise Forbidden(role=device.role)
    return reply(await new_code(box, wanted.role, wanted.minutes, wanted.table_id))


async def new_code(
    box: Box, role: Role, minutes: float, table_id: str | None = None, *, form: Literal["svg", "none"] = "svg"
) -> dict[str, Any]:
    """A one-time code and the ways to hand it to a device. Raises InvalidRequest."""
    if (role == "table") != (table_id is not None):
        raise InvalidRequest.at("table_id", "a table's tablet belongs to one table, and only it")
    code, expires_at = await box.doorman.issue_code(role, minutes=minutes, table_id=table_id)
    uri = box.facing.pair_uri(code)
    view = {
        "code": code,
        "role": role,
        "expires_at": datetime.fromtimestamp(expires_at, UTC).isoformat(),
        "uri": uri,
        "url": box.facing.base_url,
        "fingerprint": box.facing.fingerprint,
        "digits": box.facing.digits,
    }
    if form == "svg":
        import segno

        view["qr_svg"] = segno.make(uri, error="m", micro=False).svg_inline(scale=4, border=2, omitsize=True)
    return view
