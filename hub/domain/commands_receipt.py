"""What can be asked about formal receipts (領収書)."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from hub.domain.command import Command, Text
from hub.domain.menu import Id

Part = Annotated[int, Meta(ge=1, le=999_999_999, description="in the currency's minor unit", examples=[3000])]


class IssueFormalReceipts(Command, frozen=True, forbid_unknown_fields=True):
    """One receipt over all that was received and is not receipted yet, or one for each of `amounts`.

    electronic: sent, not printed, so it bears no stamp duty. The addressee is kept in clear.
    """

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("addressee", "proviso")
    addressee: Annotated[str, Meta(max_length=100, examples=["株式会社 山田商事"])] = ""
    proviso: Annotated[str, Meta(max_length=100, examples=["お食事代として"])] = ""
    amounts: Annotated[tuple[Part, ...], Meta(min_length=1, max_length=50)] | None = None
    electronic: bool = False


class ReissueFormalReceipt(Command, frozen=True, forbid_unknown_fields=True):
    """The same receipt again, under its number and marked 再発行: the first was lost or spoilt."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    formal_id: Id
    reason: Text = ""


class WithdrawFormalReceipt(Command, frozen=True, forbid_unknown_fields=True):
    """The paper was taken back (wrong addressee or amount): its number stays used, its amount is free again."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    formal_id: Id
    reason: Text


class IssueDepositReceipts(IssueFormalReceipts, frozen=True, forbid_unknown_fields=True):
    """The same over the deposit (内金) of a layaway that waits. It says nothing of tax: the sale does that."""


class ReissueDepositReceipt(ReissueFormalReceipt, frozen=True, forbid_unknown_fields=True):
    """The same receipt over a deposit again, marked 再発行."""


class WithdrawDepositReceipt(WithdrawFormalReceipt, frozen=True, forbid_unknown_fields=True):
    """The paper over a deposit was taken back."""


class IssueAccountReceipts(IssueFormalReceipts, frozen=True, forbid_unknown_fields=True):
    """The same over a payment on account (売掛入金). It says nothing of tax: the receipts of the sales did."""


class ReissueAccountReceipt(ReissueFormalReceipt, frozen=True, forbid_unknown_fields=True):
    """The same receipt over a payment on account again, marked 再発行."""


class WithdrawAccountReceipt(WithdrawFormalReceipt, frozen=True, forbid_unknown_fields=True):
    """The paper over a payment on account was taken back."""
