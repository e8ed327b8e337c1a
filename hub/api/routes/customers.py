"""Reads of customers: search, one customer, the ledger of points. None of it is logged or cached."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from hub.api.paging import with_saved
from hub.api.reply import allowed, box_of, ref, reply
from hub.domain.customer import Movement
from hub.domain.device import Device
from hub.domain.errors import NotReady
from hub.service.box import Box
from hub.service.customers import Customers

router = APIRouter(tags=["customers"])
PAGE_MAX: Final = 100
PRIVATE: Final = {"cache-control": "no-store"}


def _customers(box: Box) -> Customers:
    if box.core.customers is None:
        raise NotReady(reason="this box keeps no customers", retry_after_s=60)
    return box.core.customers


@router.get("/v1/customers", summary="Find customers", responses=ref("CustomerList"))
async def search(
    request: Request,
    _: Annotated[Device, Depends(allowed("customers.read"))],
    q: Annotated[str, Query(min_length=1, max_length=100)],
    cursor: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    """By parts of name, kana, phone, member code or card; several words must all be there. In the order of kana."""
    box = box_of(request)
    found = await _customers(box).search(q, after=cursor, today=box.clock.today())
    return reply(found, headers=PRIVATE)


@router.get("/v1/customers/{customer_id}", summary="One customer", responses=ref("CustomerView"))
async def customer(
    request: Request, customer_id: str, _: Annotated[Device, Depends(allowed("customers.read"))]
) -> Response:
    """Of one that was merged: the record that stands for the person now."""
    box = box_of(request)
    view = await _customers(box).view(customer_id, today=box.clock.today())
    return reply(view, headers=PRIVATE)


@router.get(
    "/v1/customers/{customer_id}/points",
    summary="The ledger of points, newest first",
    responses=ref("Ledger"),
)
async def points(
    request: Request,
    customer_id: str,
    _: Annotated[Device, Depends(allowed("customers.read"))],
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    box = box_of(request)
    customers = _customers(box)
    record = await customers.standing(customer_id)
    before = cursor or f"{record.id}:~"
    saved = box.keeper.before("movements", record.id, before, limit=PAGE_MAX + 1)
    found = await with_saved(box.core.state.movements.committed.values, saved, "key")
    mine = (key for key, one in found.items() if one.customer_id == record.id and key < before)
    order = sorted(mine, reverse=True)[: PAGE_MAX + 1]
    page = order[:PAGE_MAX]
    lines = [_line(box, found[key]) for key in page]
    return reply(
        {
            "customer_id": record.id,
            **customers.points_view(record, box.clock.today()),
            "movements": lines,
            "next_cursor": page[-1] if len(order) > PAGE_MAX else None,
        },
        headers=PRIVATE,
    )


def _line(box: Box, move: Movement) -> dict[str, Any]:
    """As it was booked, at the time that is known to be right by now."""
    own = ("customer_id", "epoch")
    line = {name: getattr(move, name) for name in Movement.__struct_fields__ if name not in own}
    line["at"], line["business_date"] = box.core.right_time(
        seq=move.seq, epoch=move.epoch, at=move.at, business_date=move.business_date
    )
    return line
