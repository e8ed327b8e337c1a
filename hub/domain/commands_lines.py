"""What can be asked about lines that are on a check, and about the options that they take portions of."""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta, Struct

from hub.domain.command import Command, LineQuantities, Text
from hub.domain.menu import Availability, Id


class ChangeQuantity(Command, frozen=True, forbid_unknown_fields=True):
    """数量変更 before billing. quantity: what the line is to have.

    More costs what one cost when it was ordered, less is a void of the difference.
    """

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    lines: LineQuantities
    reason: Text = ""


class LineRef(Struct, frozen=True, forbid_unknown_fields=True):
    line_id: Id


LineRefs = Annotated[tuple[LineRef, ...], Meta(max_length=200)]


class FireLines(Command, frozen=True, forbid_unknown_fields=True):
    """The kitchen may begin: with these lines, or with this course; with neither, with the next course that is held."""

    lines: LineRefs = ()
    course: Annotated[str, Meta(max_length=32)] | None = None


class HoldLines(Command, frozen=True, forbid_unknown_fields=True):
    """The kitchen waits with these lines, or with what it has not served of this course."""

    lines: LineRefs = ()
    course: Annotated[str, Meta(max_length=32)] | None = None


class RecallLines(Command, frozen=True, forbid_unknown_fields=True):
    """These portions were marked as served, but the guest does not have them."""

    lines: LineQuantities


class ChangeOption(Command, frozen=True, forbid_unknown_fields=True):
    """Sold out (売切) or portions left (残数) of an option of the group, from this moment on for every device.

    remaining null: not counted any more.
    """

    option_id: Id
    availability: Availability | None = None
    remaining: Annotated[int, Meta(ge=0, le=999999)] | msgspec.UnsetType | None = msgspec.UNSET
