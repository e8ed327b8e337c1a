"""A check (伝票): one party's stay, its lines and what it comes to."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from hub.domain.menu import Dining, TaxClass
from hub.domain.money import Rounding, amount_due

# open: takes orders.  billed: frozen, the guest has the bill; reopen or pay ends it.
# closed: paid.  aborted: ended unpaid, with a reason.  merged: its lines went to another check.
Status = Literal["open", "billed", "closed", "aborted", "merged"]
ENDED: tuple[Status, ...] = ("closed", "aborted", "merged")


class ChosenOption(Struct, frozen=True):
    """quantity is per unit of the line's product; price is that of one."""

    option_id: str
    name: str
    quantity: int
    price: int


class Line(Struct, frozen=True, omit_defaults=True):
    """One product on a check, priced when it was ordered: later master changes do not alter it.

    unit_price holds the chosen options; amount = quantity * unit_price. quantity is what is left after voids.
    """

    line_id: str
    product_id: str
    name: str
    quantity: int
    unit_price: int
    amount: int
    tax_class: TaxClass
    tax_rate: str | None
    tax_included: bool
    options: tuple[ChosenOption, ...] = ()
    dining: Dining | None = None
    note: str = ""
    seat: str = ""
    course: str = ""
    served: int = 0

    def with_quantity(self, quantity: int) -> Line:
        return replace(
            self, quantity=quantity, amount=quantity * self.unit_price, served=min(self.served, quantity)
        )


class Check(Struct, frozen=True, omit_defaults=True):
    check_id: str
    check_no: int
    business_date: str
    status: Status
    version: int
    table_ids: tuple[str, ...]
    guests: int
    dining: Dining
    opened_at: str
    lines: tuple[Line, ...] = ()
    total: int = 0
    name: str = ""
    ended_at: str | None = None
    sale_id: str | None = None
    merged_into: str | None = None
    reason: str | None = None

    @property
    def ended(self) -> bool:
        return self.status in ENDED

    def line(self, line_id: str) -> Line | None:
        return next((line for line in self.lines if line.line_id == line_id), None)


def sums_of(lines: tuple[Line, ...] | list[Line]) -> dict[tuple[str | None, bool], int]:
    """The amounts of the lines by (tax rate, tax included): what tax is rounded on."""
    sums: dict[tuple[str | None, bool], int] = {}
    for line in lines:
        key = (line.tax_rate, line.tax_included)
        sums[key] = sums.get(key, 0) + line.amount
    return sums


def total_of(lines: tuple[Line, ...] | list[Line], rounding: Rounding = Rounding.DOWN) -> int:
    return amount_due(sums_of(lines), rounding)
