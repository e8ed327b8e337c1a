"""Facts about customers and points. Who the customer is stands in `sealed`, under a key that is not in the journal."""

from __future__ import annotations

from typing import ClassVar, Literal

from hub.domain.fact import Fact


class _OfCustomer(Fact, frozen=True, omit_defaults=True, kw_only=True):
    customer_id: str

    def subject(self) -> str:
        return f"customers/{self.customer_id}"


class CustomerRegistered(_OfCustomer, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "customer.registered"
    sealed: str


class CustomerChanged(_OfCustomer, frozen=True, omit_defaults=True, kw_only=True):
    """changed: the names of the fields that are new."""

    TYPE: ClassVar[str] = "customer.changed"
    sealed: str
    changed: tuple[str, ...]


class CustomerMerged(_OfCustomer, frozen=True, omit_defaults=True, kw_only=True):
    """merged_id was the same person: its points are customer_id's now, and its key is destroyed.

    by_hand False: found when the cloud brought customer_id (docs/customers.md has the rule).
    """

    TYPE: ClassVar[str] = "customer.merged"
    merged_id: str
    points: int
    by_hand: bool
    sealed: str | None = None


class CustomerForgotten(_OfCustomer, frozen=True, omit_defaults=True, kw_only=True):
    """The key is destroyed, so what the journal holds of the person is unreadable. points: those that lapse."""

    TYPE: ClassVar[str] = "customer.forgotten"
    points: int = 0


class PointsChanged(_OfCustomer, frozen=True, omit_defaults=True, kw_only=True):
    """Points that no sale moved. balance: what there is afterwards."""

    TYPE: ClassVar[str] = "points.changed"
    kind: Literal["adjusted", "expired"]
    points: int
    balance: int
    reason: str = ""


CUSTOMER_FACTS = (CustomerRegistered, CustomerChanged, CustomerMerged, CustomerForgotten, PointsChanged)
