"""The shapes of customers as they are read, for the OpenAPI document."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from hub.domain.customer import MovementKind


class CustomerView(Struct):
    """points: the balance. points_available: what can be used today. expires_on: the last day for that."""

    customer_id: str
    name: str
    kana: str
    phone: str
    email: str
    code: str
    card: str
    note: str
    points: int
    points_available: int
    expires_on: str | None
    origin: Literal["store", "master"]
    version: int


class CustomerList(Struct):
    """complete: false for some seconds after a start, while there may be others who are not found yet."""

    customers: list[CustomerView]
    next_cursor: str | None
    complete: bool


class LedgerLine(Struct):
    """balance: after it. reason: of a change by hand; of a merge, the other record."""

    kind: MovementKind
    points: int
    balance: int
    seq: int
    at: str
    business_date: str
    device_id: str
    sale_id: str | None
    reason: str


class Ledger(Struct):
    customer_id: str
    points: int
    points_available: int
    expires_on: str | None
    movements: list[LedgerLine]
    next_cursor: str | None


VIEWS: Final[dict[str, type[Struct]]] = {view.__name__: view for view in (CustomerView, CustomerList, Ledger)}
