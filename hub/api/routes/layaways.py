"""Layaways: those that wait, or all of a business day."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from hub.api.paging import listed, page_of
from hub.api.reply import allowed, box_of, find, ref, reply
from hub.api.routes.floor import Date
from hub.domain.device import Device
from hub.domain.layaway import Layaway

router = APIRouter(tags=["floor"])


def layaway_view(layaway: Layaway, today: str) -> dict[str, Any]:
    """rest: what its lines come to, less the deposit. overdue: nobody has fetched it in time."""
    view = msgspec.to_builtins(layaway)
    overdue = layaway.status == "open" and layaway.until is not None and layaway.until < today
    return {"status": layaway.status, **view, "rest": layaway.total - layaway.deposit, "overdue": overdue}


@router.get(
    "/v1/layaways",
    summary="Goods that are set aside, first those that wait longest; or all layaways opened on a business day",
    responses=ref("LayawayList"),
)
async def layaways(
    request: Request,
    _: Annotated[Device, Depends(allowed("sales.read"))],
    business_date: Date | None = None,
    cursor: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    box = box_of(request)
    today = box.clock.today()
    if business_date is None:
        known = box.core.state.layaways.committed.values()
        page, following = page_of((one for one in known if one.status == "open"), "layaway_id", cursor)
    else:
        page, following = await listed(box, "layaways", business_date, cursor)
    return reply({"layaways": [layaway_view(one, today) for one in page], "next_cursor": following})


@router.get("/v1/layaways/{layaway_id}", summary="One layaway", responses=ref("LayawayView"))
async def layaway(
    request: Request, layaway_id: str, _: Annotated[Device, Depends(allowed("sales.read"))]
) -> Response:
    box = box_of(request)
    found = await find(box, "layaways", layaway_id, kind="layaway")
    return reply(layaway_view(found, box.clock.today()))
