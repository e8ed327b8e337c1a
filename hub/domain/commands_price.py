"""What can be asked about the price of an open check: discounts off a line or the subtotal."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from hub.domain.command import Command, Text
from hub.domain.commands_sale import Money
from hub.domain.menu import Id, Rate


class DiscountCheck(Command, frozen=True, forbid_unknown_fields=True):
    """Take something off an open check: an amount, or a rate as a decimal string.

    Off one line when line_id says so, else off the subtotal.
    """

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("name", "reason")
    kind: Literal["amount", "rate"]
    value: Money | Rate
    name: Annotated[str, Meta(max_length=100)] = ""
    line_id: Id | None = None
    reason: Text = ""


class VoidDiscount(Command, frozen=True, forbid_unknown_fields=True):
    """Take a discount of an open check back, wherever on the check it stands."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    discount_id: Id
    reason: Text = ""
