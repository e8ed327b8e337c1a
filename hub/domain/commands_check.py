"""What can be asked of a check beside its orders: who the guests are."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from hub.domain.command import Command, Groups, Guests
from hub.domain.menu import Dining


class ChangeCheck(Command, frozen=True, forbid_unknown_fields=True):
    """Guests, customer groups (客層), name, dining or 相席 of an open check. What is not stated stays as it is.

    dining: lines of the class `food` that do not say their own change their tax rate with it, to the rate of now.
    customer_groups: all of them anew. shared false is refused while somebody else sits at one of its tables.
    """

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("name",)
    guests: Guests | None = None
    customer_groups: Groups | None = None
    name: Annotated[str, Meta(max_length=100)] | None = None
    dining: Dining | None = None
    shared: bool | None = None
