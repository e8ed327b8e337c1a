"""What can be asked: the bodies of the write requests, in the words of CONTRACT section 5.

A command says what someone wants; decide() answers with facts or refuses. Unknown fields are refused.
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta

from hub.domain.command import (
    LINE_TEXTS,
    Command,
    Groups,
    Guests,
    LineIn,
    LineQuantities,
    LineQuantity,
    OptionIn,
    Quantity,
    Text,
)
from hub.domain.commands_check import ChangeCheck, ShareCheck, UnmergeCheck
from hub.domain.commands_customer import Match
from hub.domain.commands_sale import (
    CompleteSale,
    DiscountIn,
    RefundSale,
    TakenIn,
    TakenLineIn,
    TakeNumbers,
    TenderIn,
    VoidSale,
)
from hub.domain.device import Role
from hub.domain.facts import MasterChange
from hub.domain.menu import END, Availability, Dining, Id, Instant, Price


class OpenCheck(Command, frozen=True, forbid_unknown_fields=True):
    """Check-in (入店): a party sits down, or a takeout or counter check without a table begins.

    shared: others may sit at the same tables, and this party with them if they allow it (相席). customer_groups:
    how many of the guests are of each group; without guests these are their sum.
    """

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("name",)
    table_ids: Annotated[tuple[Id, ...], Meta(max_length=20)] = ()
    guests: Guests = 0
    name: Annotated[str, Meta(max_length=100)] = ""
    dining: Dining = "eat_in"
    shared: bool = False
    customer_groups: Groups = msgspec.field(default_factory=dict)


class PlaceOrder(Command, frozen=True, forbid_unknown_fields=True):
    """One send from one device. Names a check, or a table (whose check is opened when there is none)."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = LINE_TEXTS
    lines: Annotated[tuple[LineIn, ...], Meta(min_length=1, max_length=200)]
    table_id: Id | None = None
    check_id: Id | None = None
    guests: Guests | None = None
    ordered_at: Instant | None = None


class ChangeProduct(Command, frozen=True, forbid_unknown_fields=True):
    """Sold out (売切), portions left (残数) or price, from this moment on for every device.

    remaining null: not counted any more.
    """

    availability: Availability | None = None
    remaining: Annotated[int, Meta(ge=0, le=999999)] | msgspec.UnsetType | None = msgspec.UNSET
    price: Price | None = None


class RecordFact(Command, frozen=True, forbid_unknown_fields=True):
    """A fact of the handheld maker's own, kept, shared and replayed but not interpreted. At most 32 KiB."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("data", "subject")
    type: Annotated[str, Meta(pattern=r"^x\.[a-z0-9-]{1,32}(\.[a-z0-9_-]{1,64}){1,4}" + END)]
    data: msgspec.Raw
    subject: Annotated[str, Meta(max_length=200, min_length=1)] | None = None


class PairDevice(Command, frozen=True, forbid_unknown_fields=True):
    """A device that has shown a valid code, or was added on the command line."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("name",)
    device_id: Id
    name: Annotated[str, Meta(min_length=1, max_length=100)]
    role: Role
    token_hash: str
    table_id: Id | None = None


class OfferToken(Command, frozen=True, forbid_unknown_fields=True):
    """A device wants another token; the one it has stays good until the new one is used."""

    device_id: Id
    token_hash: str


class TakeToken(Command, frozen=True, forbid_unknown_fields=True):
    """The new token was used: the one before it is no good any more."""

    device_id: Id
    token_hash: str


class RevokeDevice(Command, frozen=True, forbid_unknown_fields=True):
    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    reason: Text = ""


class ApplyMaster(Command, frozen=True, forbid_unknown_fields=True):
    """Master data from the cloud or a file. full: what is not among the changes is gone.

    kinds: of these kinds only (a file of products says nothing about tables); none: of all.
    matches: customers of the cloud's who are ones that the store registered, found while they were sealed.
    """

    source: str
    changes: tuple[MasterChange, ...]
    full: bool = False
    kinds: tuple[str, ...] = ()
    cursor: str | None = None
    matches: tuple[Match, ...] = ()


class VoidLines(Command, frozen=True, forbid_unknown_fields=True):
    """Take portions off a check before it is paid; the stock gets them back."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    lines: LineQuantities
    reason: Text


class ServeLines(Command, frozen=True, forbid_unknown_fields=True):
    """These portions reached the guest."""

    lines: LineQuantities


class MoveCheck(Command, frozen=True, forbid_unknown_fields=True):
    """The party sits at these tables from now on, and at no other. shared: see check-in; as it was when not stated."""

    table_ids: Annotated[tuple[Id, ...], Meta(min_length=1, max_length=20)]
    shared: bool | None = None


class MergeCheck(Command, frozen=True, forbid_unknown_fields=True):
    """check_id: the check whose lines, guests and tables come to the one in the path; it ends as merged."""

    check_id: Id


class SplitCheck(Command, frozen=True, forbid_unknown_fields=True):
    """These portions go to a new check (個別会計)."""

    lines: LineQuantities


class BillCheck(Command, frozen=True, forbid_unknown_fields=True):
    """The guest gets the bill: no more orders until the check is reopened."""


class ReopenCheck(Command, frozen=True, forbid_unknown_fields=True):
    """A billed check takes orders again."""


class AbortCheck(Command, frozen=True, forbid_unknown_fields=True):
    """取引中止: the check ends unpaid. It cannot be undone."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    reason: Text


class CallStaff(Command, frozen=True, forbid_unknown_fields=True):
    """A guest asks for someone to come. A table's tablet calls for its own table; others name one."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    table_id: Id | None = None
    reason: Annotated[str, Meta(max_length=100)] = ""


class RecoverEntry(Command, frozen=True, forbid_unknown_fields=True):
    """An entry that this disk had lost and another place still has: its exact bytes as text."""

    epoch: str
    seq: int
    hash: str
    entry: str
    source: Literal["cloud", "mirror", "device", "disk"] = "cloud"
    # The desk found that the same key was answered by another entry since.
    answered_again: bool = False


__all__ = [
    "AbortCheck",
    "ApplyMaster",
    "BillCheck",
    "CallStaff",
    "ChangeCheck",
    "ChangeProduct",
    "Command",
    "CompleteSale",
    "DiscountIn",
    "LineIn",
    "LineQuantities",
    "LineQuantity",
    "MergeCheck",
    "MoveCheck",
    "OfferToken",
    "OpenCheck",
    "OptionIn",
    "PairDevice",
    "PlaceOrder",
    "Quantity",
    "RecordFact",
    "RecoverEntry",
    "RefundSale",
    "ReopenCheck",
    "RevokeDevice",
    "ServeLines",
    "ShareCheck",
    "SplitCheck",
    "TakeNumbers",
    "TakeToken",
    "TakenIn",
    "TakenLineIn",
    "TenderIn",
    "UnmergeCheck",
    "VoidLines",
    "VoidSale",
]
