"""What can be asked about the stock of goods."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from hub.domain.command import Command, Text
from hub.domain.menu import Id, Pieces
from hub.domain.stock import Counted, MovedBy


class MoveStock(Command, frozen=True, forbid_unknown_fields=True):
    """Goods come (quantity above 0) or go (below 0). The first movement of a product begins its stock."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    product_id: Id
    quantity: Pieces
    kind: MovedBy
    reason: Text = ""


class CountedIn(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """quantity: what was found. shown: the stock that the device showed when it was counted.

    What was sold between the count and its arrival is then not counted twice; left out: the stock of this moment.
    """

    product_id: Id
    quantity: Counted
    shown: Pieces | None = None


class CountStock(Command, frozen=True, forbid_unknown_fields=True):
    """棚卸: what was found on the shelf. The difference to what was shown becomes a movement, also when it is 0."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    lines: Annotated[tuple[CountedIn, ...], Meta(min_length=1, max_length=200)]
    reason: Text = ""
