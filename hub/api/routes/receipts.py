"""What a sale is receipted with: its receipt as data, text, picture or PDF; formal receipts; return invoices."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from hub.api.problems import prefers_japanese
from hub.api.reply import allowed, box_of, find, ref, reply
from hub.api.routes.floor import find_sale
from hub.domain.credit import Received
from hub.domain.decide.receipts import unreceipted, unreceipted_deposit, unreceipted_payment
from hub.domain.device import Device
from hub.domain.errors import HubError
from hub.domain.invoices import formal_papers, return_invoices
from hub.domain.layaway import Layaway
from hub.domain.receipt import receipt_of, receipt_text
from hub.domain.sale import Sale
from hub.service.box import Box

router = APIRouter(tags=["floor"])
FORMS = ("text/plain", "application/json", "image/png", "application/pdf")


class NotAcceptable(HubError):
    slug = "not-acceptable"


@router.get(
    "/v1/sales/{sale_id}/receipt",
    summary="The receipt (適格簡易請求書), by Accept: text, data, PNG or PDF",
    responses={
        200: {
            "description": "OK",
            "content": {
                "text/plain": {"schema": {"type": "string"}},
                "application/json": {"schema": {"$ref": "#/components/schemas/ReceiptView"}},
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
    if form == "application/json":
        return reply(view)
    text = receipt_text(view, language="ja" if japanese else "en")
    if form == "text/plain":
        return Response(text, media_type="text/plain; charset=utf-8")
    # Drawing takes tens of milliseconds: not on the loop that serves the floor.
    drawn = await asyncio.to_thread(box.draw, text, form)
    return Response(drawn, media_type=form)


@router.get(
    "/v1/sales/{sale_id}/formal-receipts",
    summary="The formal receipts (領収書) of a sale, as they are printed",
    responses=ref("FormalReceiptList"),
)
async def formal(
    request: Request, sale_id: str, _: Annotated[Device, Depends(allowed("sales.read"))]
) -> Response:
    box = box_of(request)
    sale = await find_sale(box, sale_id)
    return _papers(box, sale, unreceipted(sale))


def _papers(box: Box, got: Sale | Layaway | Received, left: int) -> Response:
    papers = formal_papers(got, box.core.state, store_name=box.identity.store_name)
    return reply({"formal_receipts": papers, "left": left})


@router.get(
    "/v1/layaways/{layaway_id}/formal-receipts",
    summary="The formal receipts (領収書) over a deposit, as they are printed",
    responses=ref("FormalReceiptList"),
)
async def formal_of_deposit(
    request: Request, layaway_id: str, _: Annotated[Device, Depends(allowed("sales.read"))]
) -> Response:
    box = box_of(request)
    layaway: Layaway = await find(box, "layaways", layaway_id, kind="layaway")
    return _papers(box, layaway, unreceipted_deposit(layaway))


@router.get(
    "/v1/account-payments/{payment_id}/formal-receipts",
    summary="The formal receipts (領収書) over a payment on account, as they are printed",
    responses=ref("FormalReceiptList"),
)
async def formal_of_payment(
    request: Request, payment_id: str, _: Annotated[Device, Depends(allowed("sales.read"))]
) -> Response:
    box = box_of(request)
    payment: Received = await find(box, "received", payment_id, kind="payment on account")
    return _papers(box, payment, unreceipted_payment(payment))


@router.get(
    "/v1/sales/{sale_id}/return-invoices",
    summary="A return invoice (適格返還請求書) for each refund of a sale",
    responses=ref("ReturnInvoiceList"),
)
async def returns(
    request: Request, sale_id: str, _: Annotated[Device, Depends(allowed("sales.read"))]
) -> Response:
    box = box_of(request)
    sale = await find_sale(box, sale_id)
    found = return_invoices(sale, box.core.state, store_name=box.identity.store_name)
    return reply({"return_invoices": found})


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
