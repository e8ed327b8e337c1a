"""A check's whole history."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Query, Request, Response

from hub.api.reply import allowed, box_of, ref, reply
from hub.api.routes.floor import find_check, find_sale
from hub.domain.device import Device
from hub.service.history import happenings, trail_of

router = APIRouter(tags=["floor"])
# Each is read from the disk by itself, in about 0.1 ms.
PAGE_MAX: Final = 100


@router.get(
    "/v1/checks/{check_id}/history",
    summary="Everything that happened to a check: who, which device, when, what",
    responses=ref("HistoryView"),
)
async def history(
    request: Request,
    check_id: str,
    _: Annotated[Device, Depends(allowed("sales.read"))],
    order: Literal["oldest", "newest"] = "oldest",
    cursor: Annotated[str, Query(pattern="^[0-9]{1,15}$")] = "",
) -> Response:
    box = box_of(request)
    check = await find_check(box, check_id)
    sale = None if check.sale_id is None else await find_sale(box, check.sale_id)
    seqs = list(trail_of(check, sale))
    if order == "newest":
        seqs.reverse()
    if cursor:
        after = int(cursor)
        seqs = [seq for seq in seqs if (seq < after if order == "newest" else seq > after)]
    page = seqs[:PAGE_MAX]
    return reply(
        {
            "check_id": check.check_id,
            "check_no": check.check_no,
            "merged_into": check.merged_into,
            "split_from": check.split_from,
            "items": await happenings(box.core.state, box.core.journal, page),
            "next_cursor": str(page[-1]) if len(seqs) > PAGE_MAX else None,
        }
    )
