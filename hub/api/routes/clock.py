"""The time, said by a person: what a store without a line has, when its box does not know."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Request, Response

from hub.api.reply import allowed, body_as, box_of, ref, reply
from hub.clock import NOT_BEFORE
from hub.domain.device import Device
from hub.domain.errors import InvalidRequest
from hub.service.box import Box

router = APIRouter(tags=["box"])


class SetClock(msgspec.Struct, forbid_unknown_fields=True):
    """time: RFC 3339, or without an offset by the clock on the store's wall."""

    time: Annotated[str, msgspec.Meta(max_length=40, examples=["2026-11-21T18:03:00+09:00"])]


def clock_view(box: Box) -> dict[str, Any]:
    """What this box believes of the time, as `ClockView` tells it."""
    stamp, clock = box.clock.stamp(), box.clock
    return {
        "trusted": stamp.trusted,
        "source": clock.source,
        "time": stamp.time,
        "stepped_s": round(clock.stepped_s, 1),
        "unsure_entries": box.unsure_entries(),
    }


def set_clock(box: Box, text: str) -> dict[str, Any]:
    """Take a person's word for the time. Raises InvalidRequest, or ClockKnown when the box knows better."""
    try:
        moment = datetime.fromisoformat(text.strip().replace(" ", "T", 1))
    except ValueError as error:
        raise InvalidRequest.at("time", "is no time: write it like 2026-11-21 18:03") from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=box.clock.zone)
    if moment.timestamp() < NOT_BEFORE or moment.year > 2100:
        raise InvalidRequest.at("time", "is no time at which this box can be running")
    box.clock.said(moment.timestamp())
    return clock_view(box)


@router.post(
    "/v1/clock",
    summary="Say what time it is, to a box that does not know",
    responses=ref("ClockView"),
    openapi_extra={
        "requestBody": {
            "content": {
                "application/json": {
                    "schema": {"$ref": "#/components/schemas/SetClock"},
                    "example": {"time": "2026-11-21T18:03:00+09:00"},
                }
            }
        }
    },
)
async def say(request: Request, _: Annotated[Device, Depends(allowed("box"))]) -> Response:
    wanted: SetClock = await body_as(request, SetClock)
    return reply(set_clock(box_of(request), wanted.time))
