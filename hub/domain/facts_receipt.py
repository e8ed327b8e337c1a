"""Facts about formal receipts."""

from __future__ import annotations

from typing import ClassVar

from hub.domain.fact import Fact
from hub.domain.formal import FormalReceipt


class OfReceipt(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """What was received is of a sale, the deposit of a layaway, or a payment on account: one of the three ids is there.

    receipt_no: the number of the ordinary receipt over it.
    """

    sale_id: str | None = None
    receipt_no: str
    layaway_id: str | None = None
    payment_id: str | None = None

    @property
    def about(self) -> str:
        return self.sale_id or self.layaway_id or self.payment_id or ""

    def subject(self) -> str:
        if self.sale_id is not None:
            return f"sales/{self.sale_id}"
        return f"layaways/{self.layaway_id}" if self.layaway_id else f"account-payments/{self.payment_id}"


class ReceiptIssued(OfReceipt, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "receipt.issued"
    receipts: tuple[FormalReceipt, ...]


class ReceiptReissued(OfReceipt, frozen=True, omit_defaults=True, kw_only=True):
    """The receipt as it was issued; it is printed with its mark 再発行. receipt.reissues counts the copies."""

    TYPE: ClassVar[str] = "receipt.reissued"
    receipt: FormalReceipt
    reason: str = ""


class ReceiptWithdrawn(OfReceipt, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "receipt.withdrawn"
    receipt: FormalReceipt
    reason: str


RECEIPT_FACTS = (ReceiptIssued, ReceiptReissued, ReceiptWithdrawn)
