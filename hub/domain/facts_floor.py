"""Facts about checks between their opening and their end. Each tells how the check stands after it."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec import Struct

from hub.domain.check import Line
from hub.domain.discount import Discount
from hub.domain.fact import Fact, OfCheck
from hub.domain.reckoning import TaxRow


class VoidedLine(Struct, frozen=True):
    """What was taken off a line: the kitchen prints it, the stock gets it back. amount is positive."""

    line_id: str
    product_id: str
    name: str
    quantity: int
    amount: int


class LineCount(Struct, frozen=True):
    line_id: str
    quantity: int


class _Standing(OfCheck, frozen=True, omit_defaults=True, kw_only=True):
    check_version: int
    check_total: int


class LinesVoided(_Standing, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "lines.voided"
    check_no: int
    lines: tuple[VoidedLine, ...]
    reason: str


class LinesServed(_Standing, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "lines.served"
    lines: tuple[LineCount, ...]


class CheckMoved(_Standing, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "check.moved"
    check_no: int
    from_table_ids: tuple[str, ...]
    table_ids: tuple[str, ...]
    # None: as it was.
    shared: bool | None = None


class Renamed(Struct, frozen=True):
    line_id: str
    new_line_id: str


class CheckMerged(_Standing, frozen=True, omit_defaults=True, kw_only=True):
    """check_id took in all lines, guests and tables of merged_check_id.

    renamed: lines of the merged check whose ids the other check had too, with the ids they go by now.
    """

    TYPE: ClassVar[str] = "check.merged"
    check_no: int
    merged_check_id: str
    table_ids: tuple[str, ...]
    guests: int
    renamed: tuple[Renamed, ...] = ()
    customer_groups: dict[str, int] = msgspec.field(default_factory=dict)


class CheckSplit(_Standing, frozen=True, omit_defaults=True, kw_only=True):
    """lines left check_id for a new check, which has no table: the party's table stays with check_id.

    A line that left as a whole keeps its id; a part of a line has a new one.
    """

    TYPE: ClassVar[str] = "check.split"
    check_no: int
    lines: tuple[LineCount, ...]
    new_check_id: str
    new_check_no: int
    new_check_version: int
    new_check_total: int
    new_lines: tuple[Line, ...]


class CheckBilled(_Standing, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "check.billed"
    check_no: int
    table_ids: tuple[str, ...]
    taxes: tuple[TaxRow, ...]
    # What the guest pays, and how it comes to that beside the lines; null in entries of before there were charges.
    due: int | None = None
    charges: tuple[Line, ...] = ()
    discounts: tuple[Discount, ...] = ()
    round_to: int = 1


class CheckReopened(_Standing, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "check.reopened"
    check_no: int


class CheckAborted(_Standing, frozen=True, omit_defaults=True, kw_only=True):
    """check_total: what was on the check and will not be paid."""

    TYPE: ClassVar[str] = "check.aborted"
    check_no: int
    reason: str


class StaffCalled(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """check_id: the check at the table, if there is one."""

    TYPE: ClassVar[str] = "staff.called"
    table_id: str
    check_id: str | None
    reason: str = ""

    def subject(self) -> str:
        return f"checks/{self.check_id}" if self.check_id else f"tables/{self.table_id}"


FLOOR_FACTS = (
    LinesVoided, LinesServed, CheckMoved, CheckMerged, CheckSplit, CheckBilled, CheckReopened, CheckAborted,
    StaffCalled,
)  # fmt: skip
