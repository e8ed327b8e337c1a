"""Drills from the console: an outage of the line, or the death of the box, rehearsed while the store goes on."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from hub.api.asgi import header
from hub.api.problems import prefers_japanese
from hub.api.reply import allowed, body_as, box_of, ref, reply
from hub.domain.device import Device
from hub.ports import DrillKind
from hub.service.box import Box

router = APIRouter(tags=["box"])


class Rehearsal(msgspec.Struct, forbid_unknown_fields=True):
    """seconds: how long the line is held. Longer ones are the command line's: they want somebody who stands by."""

    kind: DrillKind
    seconds: Annotated[float, msgspec.Meta(ge=5, le=300)] = 60


@router.get(
    "/v1/drills", summary="The drill that runs, and what came of the last", responses=ref("DrillsView")
)
async def drills(request: Request, _: Annotated[Device, Depends(allowed("box"))]) -> Response:
    """Ask again while `running` is set. `detail` and `advice` are in English or Japanese by Accept-Language."""
    return _told(request, box_of(request))


@router.post(
    "/v1/drills",
    summary="Rehearse an outage of the line, or the death of the box",
    status_code=202,
    responses={202: ref("DrillsView")[200]},
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/Rehearsal"},
                    "example": {"kind": "wan", "seconds": 60},
                }
            },
        }
    },
)
async def begin(request: Request, _: Annotated[Device, Depends(allowed("box"))]) -> Response:
    """Orders go on. `wan`: nothing is sent to the cloud for so long, and what needs it (some payments, points) is
    refused as in an outage; POST /v1/sync/resume ends it at once. `box`: a copy of the store is opened, checked, sold
    from and thrown away. One at a time; each ends by itself."""
    box = box_of(request)
    wanted: Rehearsal = await body_as(request, Rehearsal)
    box.drills.begin(wanted.kind, wanted.seconds)
    return _told(request, box, 202)


def _told(request: Request, box: Box, status: int = 200) -> Response:
    accepted = (header(request.scope, b"accept-language") or b"").decode("latin-1")
    language = "ja" if prefers_japanese(accepted) else "en"
    view = box.drills.view()
    if view["last"] is not None:
        view["last"] = {**view["last"], "steps": view["last"]["steps"][language]}
    headers = {"content-language": language, "cache-control": "no-store"}
    return reply(view, status, headers)
