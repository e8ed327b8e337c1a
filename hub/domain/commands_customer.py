"""What can be asked about customers and their points.

The first four come from devices in clear. Before they are decided, the person in them is sealed at the edge
(hub/service/customers.py): what is decided, and what becomes an entry, is one of the Sealed… commands.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import UNSET, Meta, Struct, UnsetType

from hub.domain.command import Command, Text
from hub.domain.customer import Sealed, Short
from hub.domain.menu import Id

_Phone = Annotated[str, Meta(max_length=40, examples=["090-1234-5678"])]
_Long = Annotated[str, Meta(max_length=200)]
_Code = Annotated[str, Meta(max_length=64)]
_PERSON = ("name", "kana", "phone", "email", "code", "card", "note")


class OfPerson(Command, frozen=True, forbid_unknown_fields=True):
    """Base of commands that hold what is personal: sealed before they are decided, never hashed without a key."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = _PERSON


class OfCustomer(Command, frozen=True, forbid_unknown_fields=True):
    """Base of commands about the customer in the path."""


class RegisterCustomer(OfPerson, frozen=True, forbid_unknown_fields=True):
    """A new customer, with or without the cloud. At least a name, kana, phone, code or card.

    card is the number of the store's own member card; one that looks like a payment card's is refused.
    """

    name: Short = ""
    kana: Short = ""
    phone: _Phone = ""
    email: _Long = ""
    code: _Code = ""
    card: _Code = ""
    note: Text = ""


class ChangeCustomer(OfPerson, OfCustomer, frozen=True, forbid_unknown_fields=True):
    """What is named becomes so; an empty text takes it away."""

    name: Short | UnsetType = UNSET
    kana: Short | UnsetType = UNSET
    phone: _Phone | UnsetType = UNSET
    email: _Long | UnsetType = UNSET
    code: _Code | UnsetType = UNSET
    card: _Code | UnsetType = UNSET
    note: Text | UnsetType = UNSET


class MergeCustomer(OfCustomer, frozen=True, forbid_unknown_fields=True):
    """customer_id: the other record of the same person; its points come to the one in the path."""

    customer_id: Id


class ForgetCustomer(OfCustomer, frozen=True, forbid_unknown_fields=True):
    """Deletion on request: the key is destroyed, and nobody can read the person's data again."""


class AdjustPoints(OfCustomer, frozen=True, forbid_unknown_fields=True):
    """Points by hand, added or taken (below 0)."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    points: Annotated[int, Meta(ge=-9_999_999, le=9_999_999, examples=[100])]
    reason: Annotated[str, Meta(min_length=1, max_length=200)]


class SealedRegister(Command, frozen=True, forbid_unknown_fields=True):
    """taken_by: a customer who has the same code or card already."""

    customer_id: str
    sealed: Sealed
    taken_by: str | None = None


class SealedChange(OfCustomer, frozen=True, forbid_unknown_fields=True):
    """changed: the names of the fields that are new."""

    sealed: Sealed
    changed: tuple[str, ...]
    taken_by: str | None = None


class SealedMerge(OfCustomer, frozen=True, forbid_unknown_fields=True):
    """sealed: what both records know of the person, under the key of the one in the path; None: nothing is added."""

    customer_id: str
    sealed: Sealed | None


class Match(Struct, frozen=True):
    """A customer of the cloud's who is one that the store registered: customer_id stays, merged_id ends."""

    customer_id: str
    merged_id: str
