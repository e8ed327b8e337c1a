"""What can be asked about money that comes later."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from hub.domain.command import Command, Text
from hub.domain.commands_sale import TenderIn
from hub.domain.menu import Id

Tenders = Annotated[tuple[TenderIn, ...], Meta(max_length=50)]


class SettlePayment(Command, frozen=True, forbid_unknown_fields=True):
    """The money came: as it was said (no tenders), or in another way, which the tenders say."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reference", "tenders[].reference")
    reference: Annotated[str, Meta(max_length=100)] | None = None
    tenders: Tenders = ()
    register_id: Id | None = None


class FailPayment(Command, frozen=True, forbid_unknown_fields=True):
    """The money did not come. The sale stands, and its guest owes the amount until it is settled in another way."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    reason: Text


class PayAccount(Command, frozen=True, forbid_unknown_fields=True):
    """A payment on account, of what is owed or a part of it."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("note", "tenders[].reference")
    tenders: Annotated[tuple[TenderIn, ...], Meta(min_length=1, max_length=50)]
    register_id: Id | None = None
    note: Text = ""


class ReversePayment(Command, frozen=True, forbid_unknown_fields=True):
    """Book a payment on account back: it was keyed in wrongly, or bounced."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    reason: Text
    register_id: Id | None = None
