"""What can be asked: the bodies of the write requests, in the words of CONTRACT section 5.

A command says what someone wants; decide() answers with facts or refuses. Unknown fields are refused.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta, Struct

from hub.domain.device import Role
from hub.domain.facts import MasterChange
from hub.domain.menu import Availability, Dining, Id, Instant, Price

Quantity = Annotated[int, Meta(ge=1, le=9999, examples=[2])]
Text = Annotated[str, Meta(max_length=500)]
Guests = Annotated[int, Meta(ge=0, le=999)]


class Command(Struct, frozen=True, forbid_unknown_fields=True):
    """Base of all commands. FREE_TEXT names the fields that are searched for card numbers."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ()


class OpenCheck(Command, frozen=True, forbid_unknown_fields=True):
    """Check-in (入店): a party sits down, or a takeout or counter check without a table begins."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("name",)
    table_ids: Annotated[tuple[Id, ...], Meta(max_length=20)] = ()
    guests: Guests = 0
    name: Annotated[str, Meta(max_length=100)] = ""
    dining: Dining = "eat_in"


class OptionIn(Struct, frozen=True, forbid_unknown_fields=True):
    option_id: Id
    quantity: Annotated[int, Meta(ge=1, le=99)] = 1


class LineIn(Struct, frozen=True, forbid_unknown_fields=True):
    """unit_price: for open-price products only. dining: when it differs from the check's."""

    product_id: Id
    quantity: Quantity
    line_id: Id | None = None
    options: Annotated[tuple[OptionIn, ...], Meta(max_length=50)] = ()
    unit_price: Price | None = None
    dining: Dining | None = None
    note: Text = ""
    seat: Annotated[str, Meta(max_length=32)] = ""
    course: Annotated[str, Meta(max_length=32)] = ""


class PlaceOrder(Command, frozen=True, forbid_unknown_fields=True):
    """One send from one device. Names a check, or a table (whose check is opened when there is none)."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("lines[].note",)
    lines: Annotated[tuple[LineIn, ...], Meta(min_length=1, max_length=200)]
    table_id: Id | None = None
    check_id: Id | None = None
    guests: Guests | None = None
    staff_id: Id | None = None
    ordered_at: Instant | None = None


class ChangeProduct(Command, frozen=True, forbid_unknown_fields=True):
    """Sold out (売切), portions left (残数) or price, from this moment on for every device. remaining null: not counted."""

    availability: Availability | None = None
    remaining: Annotated[int, Meta(ge=0, le=999_999)] | None | msgspec.UnsetType = msgspec.UNSET
    price: Price | None = None


class RecordFact(Command, frozen=True, forbid_unknown_fields=True):
    """A fact of the handheld maker's own, kept, shared and replayed but not interpreted. At most 32 KiB."""

    type: Annotated[str, Meta(pattern=r"^x\.[a-z0-9-]{1,32}(\.[a-z0-9_-]{1,64}){1,4}$")]
    data: msgspec.Raw
    subject: Annotated[str, Meta(max_length=200, min_length=1)] | None = None


class PairDevice(Command, frozen=True, forbid_unknown_fields=True):
    """A device that has shown a valid code, or was added on the command line."""

    device_id: Id
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    role: Role
    token_hash: str
    table_id: Id | None = None


class RevokeDevice(Command, frozen=True, forbid_unknown_fields=True):
    reason: Text = ""


class ApplyMaster(Command, frozen=True, forbid_unknown_fields=True):
    """Master data from the cloud or a file. full: what is not among the changes is gone."""

    source: str
    changes: tuple[MasterChange, ...]
    full: bool = False
    cursor: str | None = None
