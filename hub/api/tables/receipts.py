"""Formal receipts: over a sale, over the deposit of a layaway, over a payment on account."""

from __future__ import annotations

from typing import Any, Final

from hub.api.tables.write import Write
from hub.domain import commands_receipt as commands
from hub.domain import facts_receipt as facts
from hub.domain.command import Command


def _formal(
    what: str,
    issue: type[Command],
    reissue: type[Command],
    withdraw: type[Command],
    *,
    over: str = "",
    example: dict[str, Any],
) -> tuple[Write, ...]:
    """The three things that are done with formal receipts over one kind of what was received."""
    path = f"/v1/{what}/{{id}}/formal-receipts"
    return (
        Write(
            "POST", path, issue, facts.ReceiptIssued, ("sale",), f"Issue formal receipts (領収書){over}", 201,
            refusals=("conflict",), example=example,
        ),
        Write(
            "POST", f"{path}/reissue", reissue, facts.ReceiptReissued, ("sale",),
            f"Issue a formal receipt{over} again (再発行)", refusals=("conflict",),
            example={"formal_id": "f-1", "reason": "lost"},
        ),
        Write(
            "POST", f"{path}/withdraw", withdraw, facts.ReceiptWithdrawn, ("sale.correct",),
            f"Take a formal receipt{over} back", refusals=("conflict",),
            example={"formal_id": "f-1", "reason": "wrong name"},
        ),
    )  # fmt: skip


WRITES: Final[tuple[Write, ...]] = (
    *_formal(
        "sales", commands.IssueFormalReceipts, commands.ReissueFormalReceipt, commands.WithdrawFormalReceipt,
        example={"addressee": "株式会社 山田商事", "proviso": "お食事代として", "amounts": [3000, 2500]},
    ),
    *_formal(
        "layaways", commands.IssueDepositReceipts, commands.ReissueDepositReceipt, commands.WithdrawDepositReceipt,
        over=" over a deposit", example={"addressee": "山田商事"},
    ),
    *_formal(
        "account-payments", commands.IssueAccountReceipts, commands.ReissueAccountReceipt,
        commands.WithdrawAccountReceipt, over=" over a payment on account", example={"addressee": "山田商事"},
    ),
)  # fmt: skip
