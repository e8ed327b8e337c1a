"""Deferred payments with their time limits, and accounts with their ledgers."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from msgspec.structs import replace

from hub.api.paging import PAGE_MAX, listed
from hub.api.reply import allowed, box_of, find, ref, reply
from hub.api.routes.floor import Date
from hub.domain.device import Device
from hub.domain.errors import NotFound
from hub.domain.views_credit import account_view, payment_view

router = APIRouter(tags=["floor"])


@router.get(
    "/v1/payments",
    summary="Deferred payments: those that are open by the time they are due, or all of a business day",
    responses=ref("PaymentList"),
)
async def payments(
    request: Request,
    _: Annotated[Device, Depends(allowed("sales.read"))],
    status: Literal["pending", "failed"] | None = None,
    business_date: Date | None = None,
    cursor: Annotated[str, Query(max_length=64)] = "",
) -> Response:
    box = box_of(request)
    now = box.clock.unix_s()
    if business_date is None:
        known = box.core.state.payments.committed.values()
        found = [payment for payment in known if payment.open and status in (None, payment.status)]
        found.sort(key=lambda payment: (payment.due_at, payment.payment_id))
        return reply({"payments": [payment_view(payment, now) for payment in found], "next_cursor": None})
    page, following = await listed(box, "payments", business_date, cursor)
    shown = [payment_view(payment, now) for payment in page if status in (None, payment.status)]
    return reply({"payments": shown, "next_cursor": following})


@router.get("/v1/payments/{payment_id}", summary="One deferred payment", responses=ref("PaymentView"))
async def payment(
    request: Request, payment_id: str, _: Annotated[Device, Depends(allowed("sales.read"))]
) -> Response:
    box = box_of(request)
    found = await find(box, "payments", payment_id, kind="payment")
    return reply(payment_view(found, box.clock.unix_s()))


@router.get(
    "/v1/accounts", summary="Accounts (売掛), those that owe most first", responses=ref("AccountList")
)
async def accounts(
    request: Request,
    _: Annotated[Device, Depends(allowed("sales.read"))],
    name: Annotated[str, Query(max_length=100)] = "",
    owing: bool = False,
    cursor: Annotated[str, Query(pattern=r"^[0-9]{0,9}$")] = "",
) -> Response:
    box = box_of(request)
    found = [
        account
        for account in box.core.state.accounts.committed.values()
        if name in account.name and (account.balance or not owing)
    ]
    found.sort(key=lambda account: (-account.balance, account.account_id))
    start = int(cursor or 0)
    page = found[start : start + PAGE_MAX]
    following = str(start + PAGE_MAX) if len(found) > start + PAGE_MAX else None
    return reply({"accounts": [account_view(account) for account in page], "next_cursor": following})


@router.get(
    "/v1/accounts/{account_id}",
    summary="An account and its ledger, oldest line first",
    responses=ref("AccountLedger"),
)
async def account(
    request: Request,
    account_id: str,
    _: Annotated[Device, Depends(allowed("sales.read"))],
    cursor: Annotated[str, Query(max_length=200)] = "",
) -> Response:
    box = box_of(request)
    found = box.core.state.accounts.committed.get(account_id)
    if found is None:
        raise NotFound(kind="account", id=account_id)
    moves, following = await listed(box, "account_moves", account_id, cursor)
    shown = []
    for move in moves:
        at, business_date = box.core.right_time(
            seq=move.seq, epoch=move.key.split(".")[1], at=move.at, business_date=move.business_date
        )
        shown.append(replace(move, at=at, business_date=business_date))
    return reply({**account_view(found), "moves": shown, "next_cursor": following})
