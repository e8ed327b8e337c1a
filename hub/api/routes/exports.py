"""Files to take away: sales and customers as CSV, streamed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from hub.api.reply import allowed, box_of
from hub.api.routes.days import span
from hub.api.routes.reports import First, Last
from hub.api.slices import turn_of
from hub.domain.csv_cells import Encoding
from hub.domain.device import Device
from hub.domain.sales_csv import Kind

router = APIRouter(tags=["export"])
_CHARSETS = {"utf-8": "utf-8", "utf-8-bom": "utf-8", "shift_jis": "shift_jis"}
_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "OK", "content": {"text/csv": {"schema": {"type": "string"}}}}
}
Characters = Annotated[Encoding, Query(description="shift_jis: what it has no character for becomes 〓")]


@router.get(
    "/v1/exports/sales",
    summary="Sales of a span of business days as CSV, or their lines",
    response_class=Response,
    responses=_FILE,
)
async def sales(
    request: Request,
    first: First,
    last: Last,
    device: Annotated[Device, Depends(allowed("export"))],
    kind: Annotated[Kind, Query(description="a line a sale, or a line each of its lines")] = "sales",
    encoding: Characters = "utf-8",
) -> Response:
    # Here and not above: a hub that is never asked for a file need not load what makes one.
    from hub.service.exports import sales_csv

    span(first, last)
    turn = turn_of(request, device)
    body = sales_csv(box_of(request), kind, first, last, encoding=encoding, turn=turn)
    return _file(f"{kind}-{first}-{last}", body, encoding)


@router.get(
    "/v1/exports/customers",
    summary="Customers in clear, as a CSV that `storehub import` takes",
    response_class=Response,
    responses=_FILE,
)
async def customers(
    request: Request, _: Annotated[Device, Depends(allowed("export"))], encoding: Characters = "utf-8"
) -> Response:
    """Names people: who is forgotten later is still in a file that was taken before."""
    from hub.service.customer_export import customers_csv

    box = box_of(request)
    body = customers_csv(box.core, encoding=encoding)
    # What cannot be opened is refused before the answer has begun.
    head = await anext(body)
    return _file(f"customers-{box.clock.today()}", _after(head, body), encoding)


async def _after(head: bytes, body: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for piece in body:
        yield piece


def _file(name: str, body: AsyncIterator[bytes], encoding: Encoding) -> Response:
    headers = {
        "content-disposition": f'attachment; filename="{name}.csv"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    media = f"text/csv; charset={_CHARSETS[encoding]}; header=present"
    return StreamingResponse(body, media_type=media, headers=headers)
