"""What a check would be paid with, before it is."""

from __future__ import annotations

from itertools import count
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from hub.api.reply import allowed, box_of, ref, reply
from hub.api.routes.floor import find_check
from hub.domain.decide.at import At
from hub.domain.decide.billing import bill_of, offers_committed
from hub.domain.device import Device
from hub.domain.errors import Forbidden
from hub.domain.menu import Dining
from hub.domain.seats import shown
from hub.domain.views import bill_view

router = APIRouter(tags=["floor"])


@router.get(
    "/v1/checks/{check_id}/preview",
    summary="What a check would be paid with now, deals and charges included",
    responses=ref("BillView"),
)
async def preview(
    request: Request,
    check_id: str,
    device: Annotated[Device, Depends(allowed("floor.read", "table.read"))],
    dining: Dining | None = None,
) -> Response:
    box = box_of(request)
    state = box.core.state
    found = await find_check(box, check_id)
    if device.role == "table" and shown(state, device.table_id or "") != (check_id,):
        raise Forbidden(role="table")
    # Charges that are not on the check yet have ids of their own here, which nobody keeps.
    ids = count(1)
    at = At(box.clock.stamp(), device, lambda: f"preview-{next(ids)}")
    bill, _ = bill_of(state, found, offers_committed(state), at, dining=dining)
    return reply(bill_view(found, bill), headers={"etag": f'"{found.version}"'})
