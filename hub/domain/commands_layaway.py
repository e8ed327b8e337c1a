"""What can be asked about layaways."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from hub.domain.command import Command, LineIn, Text
from hub.domain.commands_sale import DiscountIn, Points, TenderIn
from hub.domain.menu import END, Dining, Id

Tenders = Annotated[tuple[TenderIn, ...], Meta(max_length=50)]


class OpenLayaway(Command, frozen=True, forbid_unknown_fields=True):
    """Set goods aside at today's prices. The tenders are the deposit; none is one, too. The name is kept in clear."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = (
        "name",
        "note",
        "tenders[].reference",
        "discounts[].name",
        "lines[].note",
        "lines[].seat",
        "lines[].course",
    )
    lines: Annotated[tuple[LineIn, ...], Meta(min_length=1, max_length=500)]
    tenders: Tenders = ()
    discounts: Annotated[tuple[DiscountIn, ...], Meta(max_length=50)] = ()
    customer_id: Id | None = None
    name: Annotated[str, Meta(max_length=100)] = ""
    until: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}" + END)] | None = None
    note: Text = ""
    dining: Dining = "takeout"
    register_id: Id | None = None


class CompleteLayaway(Command, frozen=True, forbid_unknown_fields=True):
    """The goods are fetched: a sale, of which the tenders pay what the deposit does not."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("tenders[].reference", "tenders[].account_name")
    tenders: Tenders = ()
    points_used: Points | None = None
    register_id: Id | None = None


class CancelLayaway(Command, frozen=True, forbid_unknown_fields=True):
    """The goods go back on the shelf; the tenders say how the whole deposit is given back."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason", "tenders[].reference")
    reason: Text
    tenders: Tenders = ()
    register_id: Id | None = None
