"""Reports: a business day, its daily report (日報), and a span of days."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from hub.api.problems import prefers_japanese
from hub.api.reply import allowed, box_of, ref, reply
from hub.api.routes.days import checked_date, span, whole_day
from hub.domain.daily import daily, daily_text
from hub.domain.device import Device
from hub.domain.report_sums import DayReport
from hub.domain.report_view import Names, span_view, view
from hub.service.box import Box

router = APIRouter(tags=["report"])
_DATE: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"
First = Annotated[str, Query(alias="from", pattern=_DATE, examples=["2026-11-01"])]
Last = Annotated[str, Query(alias="to", pattern=_DATE, examples=["2026-11-30"])]


def names(box: Box) -> dict[str, Names]:
    """What categories and staff are called now."""
    state = box.core.state
    return {
        "categories": {one.id: one.name for one in state.categories.committed.values()},
        "staff": {one.id: one.name for one in state.staff.committed.values()},
    }


@router.get("/v1/reports", summary="Days in short, and added up", responses=ref("SpanView"))
async def reports(
    request: Request, first: First, last: Last, _: Annotated[Device, Depends(allowed("report"))]
) -> Response:
    box = box_of(request)
    found = [await box.core.reports.glance(day, box.keeper.report) for day in span(first, last)]
    return reply(span_view(first, last, [one for one in found if one is not None], **names(box)))


@router.get("/v1/reports/days/{business_date}", summary="A business day in figures", responses=ref("DayView"))
async def day_report(
    request: Request, business_date: str, _: Annotated[Device, Depends(allowed("report"))]
) -> Response:
    box = box_of(request)
    return reply(view(await _report(box, checked_date(business_date)), **names(box)))


async def _report(box: Box, day: str) -> DayReport:
    return await box.core.reports.of(day, box.keeper.report) or DayReport(business_date=day)


@router.get(
    "/v1/reports/days/{business_date}/daily",
    summary="The daily report (日報), by Accept: JSON or text",
    responses={
        200: {
            "description": "OK",
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/DailyView"}},
                "text/plain": {"schema": {"type": "string"}},
            },
        }
    },
)
async def daily_report(
    request: Request, business_date: str, _: Annotated[Device, Depends(allowed("report"))]
) -> Response:
    box = box_of(request)
    content = await daily_of(box, checked_date(business_date))
    wanted = request.headers.get("accept", "").lower()
    if "text/plain" not in wanted:
        return reply(content)
    japanese = prefers_japanese(request.headers.get("accept-language", "ja"))
    return Response(daily_text(content, "ja" if japanese else "en"), media_type="text/plain; charset=utf-8")


async def daily_of(box: Box, day: str) -> dict[str, Any]:
    settings = box.core.state.settings.committed
    whole = await whole_day(box, day)
    compared = whole["reconciliation"]
    return daily(
        await _report(box, day),
        store_name=settings.get("store_name") or box.identity.store_name,
        currency=settings.get("currency") or "JPY",
        unsettled=whole["unsettled"],
        open_checks=len(whole["open_checks"]),
        unsent=whole["unsent"],
        agrees=None if compared is None else compared["agrees"],
        **names(box),
    )
