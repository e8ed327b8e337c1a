"""Formal receipts."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands_receipt as commands
from hub.domain import facts_receipt as facts

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "POST", "/v1/sales/{id}/formal-receipts", commands.IssueFormalReceipts, facts.ReceiptIssued, ("sale",),
        "Issue formal receipts (領収書)", 201, refusals=("conflict",),
        example={"addressee": "株式会社 山田商事", "proviso": "お食事代として", "amounts": [3000, 2500]},
    ),
    Write(
        "POST", "/v1/sales/{id}/formal-receipts/reissue", commands.ReissueFormalReceipt, facts.ReceiptReissued,
        ("sale",), "Issue a formal receipt again (再発行)", refusals=("conflict",),
        example={"formal_id": "f-1", "reason": "lost"},
    ),
    Write(
        "POST", "/v1/sales/{id}/formal-receipts/withdraw", commands.WithdrawFormalReceipt, facts.ReceiptWithdrawn,
        ("sale.correct",), "Take a formal receipt back", refusals=("conflict",),
        example={"formal_id": "f-1", "reason": "wrong name"},
    ),
    Write(
        "POST", "/v1/layaways/{id}/formal-receipts", commands.IssueDepositReceipts, facts.ReceiptIssued, ("sale",),
        "Issue formal receipts (領収書) over a deposit", 201, refusals=("conflict",), example={"addressee": "山田商事"},
    ),
    Write(
        "POST", "/v1/layaways/{id}/formal-receipts/reissue", commands.ReissueDepositReceipt, facts.ReceiptReissued,
        ("sale",), "Issue a formal receipt over a deposit again (再発行)", refusals=("conflict",),
        example={"formal_id": "f-1", "reason": "lost"},
    ),
    Write(
        "POST", "/v1/layaways/{id}/formal-receipts/withdraw", commands.WithdrawDepositReceipt, facts.ReceiptWithdrawn,
        ("sale.correct",), "Take a formal receipt over a deposit back", refusals=("conflict",),
        example={"formal_id": "f-1", "reason": "wrong name"},
    ),
    Write(
        "POST", "/v1/account-payments/{id}/formal-receipts", commands.IssueAccountReceipts, facts.ReceiptIssued,
        ("sale",), "Issue formal receipts (領収書) over a payment on account", 201, refusals=("conflict",),
        example={"addressee": "山田商事"},
    ),
    Write(
        "POST", "/v1/account-payments/{id}/formal-receipts/reissue", commands.ReissueAccountReceipt,
        facts.ReceiptReissued, ("sale",), "Issue a formal receipt over a payment on account again (再発行)",
        refusals=("conflict",), example={"formal_id": "f-1", "reason": "lost"},
    ),
    Write(
        "POST", "/v1/account-payments/{id}/formal-receipts/withdraw", commands.WithdrawAccountReceipt,
        facts.ReceiptWithdrawn, ("sale.correct",), "Take a formal receipt over a payment on account back",
        refusals=("conflict",), example={"formal_id": "f-1", "reason": "wrong name"},
    ),
)  # fmt: skip
