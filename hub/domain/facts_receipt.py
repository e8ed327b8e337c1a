"""Facts about formal receipts."""

from __future__ import annotations

from typing import ClassVar

from hub.domain.fact import Fact
from hub.domain.formal import FormalReceipt


class OfReceipt(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """receipt_no: that of the sale's own receipt."""

    sale_id: str
    receipt_no: str

    def subject(self) -> str:
        return f"sales/{self.sale_id}"


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
