"""Files to take away: sales as CSV, streamed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from hub.api.reply import allowed, box_of
from hub.api.routes.days import span
from hub.api.routes.reports import First, Last
from hub.domain.csv_cells import Encoding
from hub.domain.device import Device
from hub.domain.sales_csv import Kind

router = APIRouter(tags=["export"])
_CHARSETS = {"utf-8": "utf-8", "utf-8-bom": "utf-8", "shift_jis": "shift_jis"}


@router.get(
    "/v1/exports/sales",
    summary="Sales of a span of business days as CSV, or their lines",
    response_class=Response,
    responses={200: {"description": "OK", "content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def sales(
    request: Request,
    first: First,
    last: Last,
    _: Annotated[Device, Depends(allowed("export"))],
    kind: Annotated[Kind, Query(description="a line a sale, or a line each of its lines")] = "sales",
    encoding: Annotated[
        Encoding, Query(description="shift_jis: what it has no character for becomes 〓")
    ] = "utf-8",
) -> Response:
    # Here and not above: a hub that is never asked for a file need not load what makes one.
    from hub.service.exports import sales_csv

    span(first, last)
    body = sales_csv(box_of(request), kind, first, last, encoding=encoding)
    headers = {
        "content-disposition": f'attachment; filename="{kind}-{first}-{last}.csv"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    media = f"text/csv; charset={_CHARSETS[encoding]}; header=present"
    return StreamingResponse(body, media_type=media, headers=headers)
