"""What all commands share: their base, and the types of their fields."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta, Struct

from hub.domain.menu import Dining, Id, Price
from hub.domain.menu_types import IdOfMany

Quantity = Annotated[int, Meta(ge=1, le=9999, examples=[2])]
Text = Annotated[str, Meta(max_length=500)]
Guests = Annotated[int, Meta(ge=0, le=999)]


# 客層: how many of the guests are of each group. The groups' ids are the store's own.
Groups = Annotated[
    dict[Id, Annotated[int, Meta(ge=1, le=999)]], Meta(max_length=20, examples=[{"adults": 2, "children": 1}])
]


class Command(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False, kw_only=True):
    """Base of all commands. FREE_TEXT names the fields that are searched for card numbers.

    New fields go to the end and have a default: then a request that was answered before an update is known after it.
    staff_id: who does it; when left out, whoever is signed in at the device. approval_id: a manager's leave for it.
    """

    FREE_TEXT: ClassVar[tuple[str, ...]] = ()
    staff_id: Id | None = None
    approval_id: Id | None = None


# An id that is looked up and refused when it is not there needs no pattern: an order names twenty of them.
Ref = Annotated[str, Meta(min_length=1, max_length=64)]


class OptionIn(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    option_id: Ref
    quantity: Annotated[int, Meta(ge=1, le=99)] = 1


class CustomIn(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """How it is to be made, in the guest's words or as the id or name of one of the product's custom contents."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    quantity: Annotated[int, Meta(ge=1, le=99)] = 1


class ChildIn(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """What is chosen for a slot of a set. quantity: in one unit of the set.

    slot_id: when the product stands in more than one slot. course, hold: when they differ from the slot's.
    """

    product_id: Ref
    quantity: Annotated[int, Meta(ge=1, le=99)] = 1
    slot_id: Ref | None = None
    options: Annotated[tuple[OptionIn, ...], Meta(max_length=50)] = ()
    custom: Annotated[tuple[CustomIn, ...], Meta(max_length=50)] = ()
    note: Text = ""
    course: Annotated[str, Meta(max_length=32)] | None = None
    hold: bool | None = None


class LineIn(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, gc=False):
    """unit_price: for open-price products only. dining: when it differs from the check's.

    children: what fills the slots of a set. hold: the kitchen waits until the line is fired.
    """

    product_id: Ref
    quantity: Quantity
    line_id: IdOfMany | None = None
    options: Annotated[tuple[OptionIn, ...], Meta(max_length=50)] = ()
    unit_price: Price | None = None
    dining: Dining | None = None
    note: Text = ""
    seat: Annotated[str, Meta(max_length=32)] = ""
    course: Annotated[str, Meta(max_length=32)] = ""
    custom: Annotated[tuple[CustomIn, ...], Meta(max_length=50)] = ()
    children: Annotated[tuple[ChildIn, ...], Meta(max_length=100)] = ()
    hold: bool = False


# Where an order's lines hold what people type.
LINE_TEXTS = (
    "lines[].note",
    "lines[].seat",
    "lines[].course",
    "lines[].custom[].name",
    "lines[].children[].note",
    "lines[].children[].course",
    "lines[].children[].custom[].name",
)


class LineQuantity(Struct, frozen=True, forbid_unknown_fields=True):
    line_id: Id
    quantity: Quantity


LineQuantities = Annotated[tuple[LineQuantity, ...], Meta(min_length=1, max_length=200)]
