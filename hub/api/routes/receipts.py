"""GET /v1/sales/{id}/receipt: the receipt as text, picture or PDF."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from hub.api.problems import prefers_japanese
from hub.api.reply import allowed, box_of
from hub.api.routes.floor import find_sale
from hub.domain.device import Device
from hub.domain.errors import HubError
from hub.domain.receipt import receipt_of, receipt_text

router = APIRouter(tags=["floor"])
FORMS = ("text/plain", "image/png", "application/pdf")


class NotAcceptable(HubError):
    slug = "not-acceptable"


@router.get(
    "/v1/sales/{sale_id}/receipt",
    summary="The receipt (適格簡易請求書), by Accept: text, PNG or PDF",
    responses={
        200: {
            "description": "OK",
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "image/png": {"schema": {"type": "string", "contentMediaType": "image/png"}},
                "application/pdf": {"schema": {"type": "string", "contentMediaType": "application/pdf"}},
            },
        }
    },
)
async def receipt(
    request: Request, sale_id: str, _: Annotated[Device, Depends(allowed("sales.read"))]
) -> Response:
    box = box_of(request)
    form = _form(request.headers.get("accept", "*/*"))
    sale = await find_sale(box, sale_id)
    japanese = prefers_japanese(request.headers.get("accept-language", "ja"))
    view = receipt_of(sale, box.core.state, store_name=box.identity.store_name)
    text = receipt_text(view, language="ja" if japanese else "en")
    if form == "text/plain":
        return Response(text, media_type="text/plain; charset=utf-8")
    # Drawing takes tens of milliseconds: not on the loop that serves the floor.
    drawn = await asyncio.to_thread(box.draw, text, form)
    return Response(drawn, media_type=form)


def _form(accept: str) -> str:
    """Raises NotAcceptable."""
    wanted = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    for media in wanted:
        if media in FORMS:
            return media
        if media in ("*/*", "text/*"):
            return "text/plain"
        if media == "image/*":
            return "image/png"
    raise NotAcceptable
