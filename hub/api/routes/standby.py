"""POST /v1/standby/promote: a person's decision that this box is the store from now on."""

from __future__ import annotations

from typing import Annotated

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from hub.api.reply import allowed, body_as, box_of, ref, reply
from hub.domain.device import Device
from hub.domain.errors import NotFound

router = APIRouter(tags=["box"])


class Promotion(msgspec.Struct, forbid_unknown_fields=True):
    """unplugged: the person's word that the old box is. force: also while it still answers."""

    unplugged: bool = False
    force: bool = False


@router.post(
    "/v1/standby/promote",
    summary="On a standby: be the store's box from now on, because the old one is unplugged",
    responses=ref("Promoted"),
    openapi_extra={
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/Promotion"},
                    "example": {"unplugged": True},
                }
            }
        }
    },
)
async def promote(request: Request, _: Annotated[Device, Depends(allowed("promote"))]) -> Response:
    """A manager's act. The box is the primary within seconds, at the address it has; who is signed in stays so."""
    box = box_of(request)
    wanted: Promotion = await body_as(request, Promotion)
    if box.standby is None:
        raise NotFound(kind="standby", id=box.identity.box)
    return reply(await box.standby.promote(unplugged=wanted.unplugged, force=wanted.force))
