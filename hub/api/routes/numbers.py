"""GET /v1/receipt-numbers: every number of a business day, and why each gap is there."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from hub.api.reply import allowed, box_of, ref, reply
from hub.api.routes.floor import Date
from hub.domain.device import Device
from hub.domain.numbering import BUCKET, NumberDay, NumberRange, NumberUse, bucket_of, explained, page_of
from hub.domain.numbers import written
from hub.service.box import Box

router = APIRouter(tags=["floor"])
PAGE_MAX = 500


@router.get(
    "/v1/receipt-numbers",
    summary="Every receipt number handed out on a business day: what it was used for, or why it was not",
    responses=ref("NumberList"),
)
async def receipt_numbers(
    request: Request,
    _: Annotated[Device, Depends(allowed("report"))],
    business_date: Date | None = None,
    cursor: Annotated[str, Query(pattern=r"^[0-9]{0,9}$")] = "",
) -> Response:
    box = box_of(request)
    state = box.core.state
    today = business_date or box.clock.today()
    day = state.number_days.committed.get(today) or NumberDay(today)
    start = int(cursor or 0)
    ranges = page_of(day, start, PAGE_MAX)
    shown = sum(part.last - part.first + 1 for part in ranges)
    return reply(
        {
            "business_date": today,
            "series": state.settings.committed.get("receipt_series") or "A",
            "numbers": list(explained(ranges, await _uses(box, ranges))),
            "next_cursor": str(start + shown) if shown == PAGE_MAX else None,
        }
    )


async def _uses(box: Box, ranges: list[NumberRange]) -> dict[str, NumberUse]:
    """What these numbers were used for: from the table, and newer from memory."""
    buckets = {
        bucket_of(written(part.series, number))
        for part in ranges
        for number in (*range(part.first, part.last + 1, BUCKET), part.last)
    }
    found: dict[str, NumberUse] = {}
    for bucket in sorted(buckets):
        for use in await box.keeper.of_day("number_uses", bucket, after="", limit=BUCKET):
            found[use.receipt_no] = use
    return found | dict(box.core.state.number_uses.committed)
