"""Reads of the stock of goods."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from hub.api.paging import PAGE_MAX, listed
from hub.api.reply import allowed, box_of, ref, reply
from hub.domain.device import Device
from hub.domain.errors import NotFound
from hub.domain.stock import Stock
from hub.service.box import Box

router = APIRouter(tags=["stock"])


@router.get("/v1/stock", summary="What is there of each product, by product id", responses=ref("StockList"))
async def stock(
    request: Request,
    _: Annotated[Device, Depends(allowed("stock.read"))],
    product_id: Annotated[str | None, Query(max_length=64)] = None,
    below: Annotated[int | None, Query(ge=-99_999_999, le=99_999_999)] = None,
    cursor: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    box = box_of(request)
    known = box.core.state.stock.committed
    names = sorted(known) if product_id is None else [product_id] if product_id in known else []
    found = (
        known[name] for name in names if name > cursor and (below is None or known[name].quantity < below)
    )
    page = list(islice(found, PAGE_MAX))
    following = page[-1].product_id if len(page) == PAGE_MAX else None
    return reply({"stock": [_view(box, one) for one in page], "next_cursor": following})


def _view(box: Box, stock: Stock) -> dict[str, Any]:
    product = box.core.state.products.committed.get(stock.product_id)
    return {
        "product_id": stock.product_id,
        "name": None if product is None else product.name,
        "quantity": stock.quantity,
        "moved_at": stock.moved_at,
        "counted_at": stock.counted_at,
    }


@router.get(
    "/v1/stock/{product_id}/movements",
    summary="Every movement of a product, oldest first",
    responses=ref("MovementList"),
)
async def movements(
    request: Request,
    product_id: str,
    _: Annotated[Device, Depends(allowed("stock.read"))],
    cursor: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    box = box_of(request)
    if product_id not in box.core.state.stock.committed:
        raise NotFound(kind="stock", id=product_id)
    page, following = await listed(box, "stock_moves", product_id, cursor)
    rows = []
    for move in page:
        epoch = move.key.split(".")[1]
        at, business_date = box.core.right_time(
            seq=move.seq, epoch=epoch, at=move.at, business_date=move.business_date
        )
        row = {
            "movement_id": move.movement_id,
            "kind": move.kind,
            "quantity": move.quantity,
            "stock": move.stock,
            "counted": move.counted,
            "reason": move.reason,
            "about": move.about,
            "at": at,
            "business_date": business_date,
            "device_id": move.device_id,
            "seq": move.seq,
        }
        rows.append(row)
    return reply({"movements": rows, "next_cursor": following})
