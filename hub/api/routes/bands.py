"""Which time band rules, for devices whose own clocks decide nothing."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from hub.api.reply import allowed, box_of, ref, reply
from hub.domain.band import BY_HAND, BandNow, Bands
from hub.domain.device import Device

router = APIRouter(tags=["floor"])


@router.get("/v1/time-band", summary="The time band that rules now, and until when", responses=ref("BandNow"))
async def time_band(request: Request, _: Annotated[Device, Depends(allowed("menu.read"))]) -> Response:
    box = box_of(request)
    now = box.clock.stamp().time
    state = box.core.state
    bands = Bands.of(state.time_bands.committed.values(), state.settings.committed.get(BY_HAND))
    if bands is None:
        return reply(BandNow(now, None, None))
    by_hand = bands.by_hand(now) is not None
    return reply(BandNow(now, bands.at(now), bands.turns_at(now), by_hand))
