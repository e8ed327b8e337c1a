"""Customers: what is known of a person (sealed), the state of the record, and the ledger of points."""

from __future__ import annotations

from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal, get_args

from msgspec import Meta, Struct

from hub.domain.errors import Conflict
from hub.domain.menu import Id

Short = Annotated[str, Meta(max_length=100)]
# Of a person in a file, in the order of its columns; and all of them.
PERSON_COLUMNS: Final = ("code", "name", "kana", "phone", "email", "card", "note")
CUSTOMER_COLUMNS: Final = ("id", *PERSON_COLUMNS, "points", "points_seq")
# base64 of nonce and ciphertext; readable only with the customer's own key.
Sealed = Annotated[str, Meta(pattern=r"^[A-Za-z0-9+/=]{40,8000}$(?!\n)")]


class Person(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What is personal. In clear only on its way in, on its way out, and in memory: never on the disk."""

    name: Short = ""
    kana: Short = ""
    phone: Annotated[str, Meta(max_length=40)] = ""
    email: Annotated[str, Meta(max_length=200)] = ""
    code: Annotated[str, Meta(max_length=64)] = ""
    card: Annotated[str, Meta(max_length=64)] = ""
    note: Annotated[str, Meta(max_length=500)] = ""

    @property
    def findable(self) -> bool:
        """Whether a search could ever bring this person up."""
        return any((self.name, self.kana, self.phone, self.code, self.card))


class CustomerStatus(StrEnum):
    # Ends by a merge, a deletion on request, or when the cloud takes the record away.
    ACTIVE = "active"
    # Another record stands for the person: `merged_into`. Final, but that one may be forgotten.
    MERGED = "merged"
    # Deleted on request: the key is destroyed. Final: nothing that the cloud sends brings the person back.
    FORGOTTEN = "forgotten"
    # The cloud has the record no longer, and the key is destroyed. Ends when the cloud sends it again.
    GONE = "gone"


class CustomerMove(StrEnum):
    CHANGE = "change"
    MERGE = "merge"
    FORGET = "forget"
    DROP = "drop"
    RETURN = "return"


NEXT: Final[dict[tuple[CustomerStatus, CustomerMove], CustomerStatus]] = {
    (CustomerStatus.ACTIVE, CustomerMove.CHANGE): CustomerStatus.ACTIVE,
    (CustomerStatus.ACTIVE, CustomerMove.MERGE): CustomerStatus.MERGED,
    (CustomerStatus.ACTIVE, CustomerMove.FORGET): CustomerStatus.FORGOTTEN,
    (CustomerStatus.ACTIVE, CustomerMove.DROP): CustomerStatus.GONE,
    (CustomerStatus.ACTIVE, CustomerMove.RETURN): CustomerStatus.ACTIVE,
    (CustomerStatus.MERGED, CustomerMove.FORGET): CustomerStatus.FORGOTTEN,
    (CustomerStatus.MERGED, CustomerMove.DROP): CustomerStatus.MERGED,
    (CustomerStatus.GONE, CustomerMove.FORGET): CustomerStatus.FORGOTTEN,
    (CustomerStatus.GONE, CustomerMove.DROP): CustomerStatus.GONE,
    (CustomerStatus.GONE, CustomerMove.RETURN): CustomerStatus.ACTIVE,
}


class MasterCustomer(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A customer in `master.applied`, with the person sealed.

    points: the sender's figure, None when it says nothing of points. points_seq: the last seq of this hub's entries
    that the figure has counted.
    """

    id: Id
    points: Annotated[int, Meta(ge=-999_999_999, le=999_999_999)] | None = None
    points_seq: Annotated[int, Meta(ge=0)] | None = None
    sealed: Sealed | None = None


class Customer(Struct, frozen=True, omit_defaults=True):
    """The record as it stands; nothing in it tells who it is.

    points: the balance, below 0 when points that were granted had been used before their sale was undone.
    figure: what the cloud or a file last said; uncounted: (seq, points) of moves that its figure does not hold yet.
    """

    id: str
    points: int = 0
    sealed: str = ""
    status: CustomerStatus = CustomerStatus.ACTIVE
    version: int = 1
    # Where the record began: a store's own is looked at when the cloud brings new customers.
    origin: Literal["store", "master"] = "master"
    merged_into: str | None = None
    figure: int = 0
    uncounted: tuple[tuple[int, int], ...] = ()
    # The business date of the last grant or use: points expire counted from it.
    moved_on: str = ""
    # (business date, points used on it), for the limit while the cloud cannot be asked: the last that changed last.
    uses: tuple[tuple[str, int], ...] = ()

    @property
    def active(self) -> bool:
        return self.status is CustomerStatus.ACTIVE

    def used_on(self, day: str) -> int:
        return sum(points for date, points in self.uses if date == day)

    def with_used(self, day: str, points: int) -> tuple[tuple[str, int], ...]:
        """`uses` after so many more on that business day; below 0: they turned out to be of another."""
        total = max(0, self.used_on(day) + points)
        others = tuple(one for one in self.uses if one[0] != day)
        return (*others, (day, total))[-USED_DAYS_MAX:] if total else others

    def after(self, move: CustomerMove) -> CustomerStatus:
        """Raises Conflict when the record cannot make that move."""
        status = NEXT.get((self.status, move))
        if status is None:
            raise Conflict(reason=f"The customer was {self.status} already.")
        return status


MovementKind = Literal[
    "opening", "cloud", "merged", "expired", "adjusted", "used", "granted", "returned", "revoked"
]
# Of so many days: more than one matter only while the clock is wrong, as a use may turn out to be of today.
USED_DAYS_MAX: Final = 8
# Movements of one entry stand in this order.
_ORDER: Final[tuple[str, ...]] = get_args(MovementKind)


class Movement(Struct, frozen=True, omit_defaults=True):
    """A line of a customer's ledger: the balance is the sum of them, and only they change it."""

    customer_id: str
    kind: MovementKind
    points: int
    balance: int
    seq: int
    epoch: str
    at: str
    business_date: str
    device_id: str
    sale_id: str | None = None
    reason: str = ""

    @property
    def key(self) -> str:
        """In the order of the ledger. An entry that came back may have the seq of another epoch's."""
        return f"{self.customer_id}:{self.seq:012d}:{self.epoch}:{_ORDER.index(self.kind)}"


def expiry(moved_on: str, days: int) -> str | None:
    """The last business date on which the points can be used; None when they do not expire."""
    if not days or not moved_on:
        return None
    return (date.fromisoformat(moved_on) + timedelta(days=days)).isoformat()
