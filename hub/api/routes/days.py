"""Reads of registers and business days."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from hub.api.paging import with_saved
from hub.api.reply import allowed, box_of, ref, reply
from hub.domain.day import Day
from hub.domain.decide.days import left_open
from hub.domain.device import Device
from hub.domain.errors import InvalidRequest
from hub.domain.register import RegisterDay, register_key
from hub.domain.views_day import day_row, day_view, register_view
from hub.service.box import Box

router = APIRouter(tags=["day"])
REGISTERS_MAX = 200
DAYS_MAX = 400
Date = Annotated[str, Query(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


def checked_date(text: str, path: str = "business_date") -> str:
    """Raises InvalidRequest."""
    try:
        if date.fromisoformat(text).isoformat() == text:
            return text
    except ValueError:
        pass
    raise InvalidRequest.at(path, "must be a date, YYYY-MM-DD")


def span(first: str, last: str) -> list[str]:
    """The dates from first to last. Raises InvalidRequest."""
    begin, end = date.fromisoformat(checked_date(first, "from")), date.fromisoformat(checked_date(last, "to"))
    count = (end - begin).days + 1
    if not 1 <= count <= DAYS_MAX:
        raise InvalidRequest.at("to", f"must lie 0 to {DAYS_MAX - 1} days after from")
    return [date.fromordinal(begin.toordinal() + index).isoformat() for index in range(count)]


async def registers_of(box: Box, day: str) -> list[RegisterDay]:
    def known() -> list[RegisterDay]:
        return [one for one in box.core.state.registers.committed.values() if one.business_date == day]

    saved = box.keeper.of_day("registers", day, after="", limit=REGISTERS_MAX)
    found = await with_saved(known, saved, "register_id")
    return [found[register_id] for register_id in sorted(found)]


async def day_of(box: Box, name: str) -> Day:
    day = box.core.state.days.committed.get(name) or await box.keeper.read("days", name)
    return day or Day(business_date=name)


async def whole_day(box: Box, name: str) -> dict[str, Any]:
    """The body of GET /v1/days/{date}."""
    status = await box.upstream.status()
    compared = [row for row in status["reconciliation"] if row["business_date"] == name]
    return day_view(
        await day_of(box, name),
        await registers_of(box, name),
        left_open(box.core.state.checks.committed.values(), name),
        unsent=status["unsent"]["count"],
        reconciliation={"agrees": compared[0]["agrees"], "at": compared[0]["at"]} if compared else None,
    )


@router.get("/v1/registers", summary="Registers' drawers on a business day", responses=ref("RegisterList"))
async def registers(
    request: Request, _: Annotated[Device, Depends(allowed("drawer"))], business_date: Date | None = None
) -> Response:
    box = box_of(request)
    day = checked_date(business_date or box.clock.today())
    found = await registers_of(box, day)
    return reply({"business_date": day, "registers": [register_view(one) for one in found]})


@router.get("/v1/registers/{register_id}", summary="One register's drawer", responses=ref("RegisterView"))
async def register(
    request: Request,
    register_id: str,
    _: Annotated[Device, Depends(allowed("drawer"))],
    business_date: Date | None = None,
) -> Response:
    box = box_of(request)
    day = checked_date(business_date or box.clock.today())
    key = register_key(day, register_id)
    found = box.core.state.registers.committed.get(key) or await box.keeper.read("registers", key)
    # One that has done nothing on that day is closed: every id may be a register's.
    return reply(register_view(found or RegisterDay(register_id=register_id, business_date=day)))


@router.get("/v1/days", summary="Business days on which something was sold", responses=ref("DayList"))
async def days(
    request: Request,
    _: Annotated[Device, Depends(allowed("report"))],
    first: Annotated[str | None, Query(alias="from", pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] = None,
    last: Annotated[str | None, Query(alias="to", pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")] = None,
) -> Response:
    box = box_of(request)
    today = box.clock.today()
    wanted = span(first or last or today, last or today)
    saved = box.keeper.before("days", f"{wanted[-1]}~", "", limit=DAYS_MAX)
    found = await with_saved(box.core.state.days.committed.values, saved, "business_date")
    return reply({"days": [day_row(found[name]) for name in wanted if name in found]})


@router.get(
    "/v1/days/{business_date}",
    summary="A business day: open, or closed and frozen",
    responses=ref("BusinessDayView"),
)
async def business_day(
    request: Request, business_date: str, _: Annotated[Device, Depends(allowed("report"))]
) -> Response:
    return reply(await whole_day(box_of(request), checked_date(business_date)))
