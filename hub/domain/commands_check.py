"""What can be asked of a check beside its orders: who the guests are, what was merged, who pays how much."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from hub.domain.command import Command, Groups, Guests
from hub.domain.commands_sale import Money
from hub.domain.menu import Dining, Id


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


class UnmergeCheck(Command, frozen=True, forbid_unknown_fields=True):
    """check_id: a check that was merged into the one in the path. It is open again, under its own number, with what
    of its lines still stands on the other, its guests, and its tables as far as they can be given back.
    """

    check_id: Id


class ShareCheck(Command, frozen=True, forbid_unknown_fields=True):
    """割り勘: the check is paid in parts. First the amounts that were agreed, then so many equal parts of the rest.

    Nothing stated: as many equal parts as there are guests. parts 1 alone: paid as a whole again. The yen that cannot
    be divided are paid by the first of the equal parts. All parts are tenders of the one sale that settles the check.
    """

    parts: Annotated[int, Meta(ge=0, le=50)] | None = None
    amounts: Annotated[tuple[Money, ...], Meta(max_length=50)] = ()
