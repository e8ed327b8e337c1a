"""Reads of the floor and the till: menu, checks, sales, reports."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from msgspec.structs import replace

from hub.api.menu import MenuAnswers
from hub.api.paging import PAGE_MAX, listed, with_saved
from hub.api.reply import allowed, box_of, find, ref, reply
from hub.api.slices import answer, page_pieces, with_lines
from hub.domain.check import Check
from hub.domain.device import Device
from hub.domain.errors import Forbidden
from hub.domain.sale import Sale
from hub.domain.seats import shown
from hub.domain.views import check_view, line_view, sale_line_view, sale_view
from hub.service.box import Box

router = APIRouter(tags=["floor"])
Date = Annotated[str, Query(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]


@router.get(
    "/v1/menu", summary="Everything that can be ordered, where and how it is paid", responses=ref("MenuView")
)
async def menu(request: Request, _: Annotated[Device, Depends(allowed("menu.read"))]) -> Response:
    answers: MenuAnswers = request.app.state.menu
    headers = {"cache-control": "no-cache", "vary": "Accept-Encoding"}
    if answers.etag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers={"etag": answers.etag, **headers})
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        etag, body = await answers.compressed()
    else:
        etag, body = await answers.plain()
    return Response(body, media_type="application/json", headers={"etag": etag, **headers})


@router.get(
    "/v1/checks", summary="Checks: the open ones, or ended ones newest first", responses=ref("CheckList")
)
async def checks(
    request: Request,
    device: Annotated[Device, Depends(allowed("floor.read", "table.read"))],
    status: Literal["open", "closed", "aborted"] | None = None,
    table_id: Annotated[str | None, Query(max_length=64)] = None,
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    box = box_of(request)
    if device.role == "table":
        status, table_id = "open", device.table_id
        if len(shown(box.core.state, table_id or "")) > 1:
            # Of strangers who share its table, a tablet shows nobody's.
            return reply({"checks": [], "next_cursor": None})
    known = box.core.state.checks.committed
    if status in (None, "open"):
        found = [check for check in known.values() if not check.ended]
        found.sort(key=lambda check: check.check_id)
        there = [check for check in found if table_id is None or table_id in check.table_ids]
        return answer(request, device, page_pieces("checks", map(_check, there), None))
    page, following = await _ended(box, str(status), table_id, cursor)
    return answer(request, device, page_pieces("checks", map(_check, page), following))


async def _ended(box: Box, status: str, table_id: str | None, cursor: str) -> tuple[list[Check], str | None]:
    day, _, last = cursor.partition("|")

    def known() -> list[Check]:
        return [check for check in box.core.state.checks.committed.values() if check.ended]

    place = (day, last) if cursor else ("9999-99-99", "")
    merged = await with_saved(known, box.keeper.before("checks", *place, limit=PAGE_MAX), "check_id")
    order = sorted(merged.values(), key=lambda check: (check.business_date, check.check_id), reverse=True)
    page = [check for check in order if (check.business_date, check.check_id) < place][:PAGE_MAX]
    following = f"{page[-1].business_date}|{page[-1].check_id}" if len(page) == PAGE_MAX else None
    shown = [
        check
        for check in page
        if check.status == status and (table_id is None or table_id in check.table_ids)
    ]
    return shown, following


async def find_check(box: Box, check_id: str) -> Check:
    """Raises NotFound."""
    found: Check = await find(box, "checks", check_id, kind="check")
    return found


@router.get("/v1/checks/{check_id}", summary="One check", responses=ref("CheckView"))
async def check(
    request: Request,
    check_id: str,
    device: Annotated[Device, Depends(allowed("floor.read", "table.read"))],
) -> Response:
    box = box_of(request)
    found = await find_check(box, check_id)
    if device.role == "table" and shown(box.core.state, device.table_id or "") != (check_id,):
        raise Forbidden(role="table")
    return answer(request, device, _check(found), {"etag": f'"{found.version}"'})


def _check(check: Check) -> Iterator[bytes]:
    return with_lines(check_view(check, lines=()), check.lines, line_view)


@router.get("/v1/sales", summary="The sales of a business day, oldest first", responses=ref("SaleList"))
async def sales(
    request: Request,
    device: Annotated[Device, Depends(allowed("sales.read"))],
    business_date: Date | None = None,
    cursor: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    box = box_of(request)
    page, following = await listed(box, "sales", business_date or box.clock.today(), cursor)
    return answer(request, device, page_pieces("sales", map(_sale, page), following))


def _sale(sale: Sale) -> Iterator[bytes]:
    return with_lines(sale_view(replace(sale, lines=())), sale.lines, partial(sale_line_view, sale))


async def find_sale(box: Box, sale_id: str) -> Sale:
    """Raises NotFound."""
    found: Sale = await find(box, "sales", sale_id, kind="sale")
    return found


@router.get("/v1/sales/{sale_id}", summary="One sale", responses=ref("SaleView"))
async def sale(
    request: Request, sale_id: str, device: Annotated[Device, Depends(allowed("sales.read"))]
) -> Response:
    return answer(request, device, _sale(await find_sale(box_of(request), sale_id)))
