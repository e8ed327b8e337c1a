"""Facts about registers' drawers and business days."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct, field

from hub.domain.fact import Fact
from hub.domain.figures import NOTHING, Figures, Tally
from hub.domain.register import Pieces, RegisterStatus, SettledTender


class _OfRegister(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """date: the business day of the register."""

    register_id: str
    date: str

    def subject(self) -> str:
        return f"registers/{self.register_id}"


class DrawerMoved(_OfRegister, frozen=True, omit_defaults=True, kw_only=True):
    """kind float, in or out: so much cash came or went; open: the drawer was opened without a sale.

    expected: the cash that should be in the drawer after it.
    """

    TYPE: ClassVar[str] = "drawer.moved"
    kind: Literal["float", "in", "out", "open"]
    amount: int
    reason: str
    expected: int
    register_status: RegisterStatus
    pieces: tuple[Pieces, ...] = ()


class _Counted(_OfRegister, frozen=True, omit_defaults=True, kw_only=True):
    """Cash in the drawer, the float included: expected, counted, and counted less expected. unsent: entries that
    the cloud had not acknowledged at that time.
    """

    float_: int = field(name="float")
    cash_in: int
    cash_out: int
    cash_sales: int
    expected: int
    counted: int
    over_short: int
    openings: int
    tenders: tuple[SettledTender, ...]
    unsent: int
    pieces: tuple[Pieces, ...] = ()


class RegisterCounted(_Counted, frozen=True, omit_defaults=True, kw_only=True):
    """点検: an interim count."""

    TYPE: ClassVar[str] = "register.counted"


class RegisterSettled(_Counted, frozen=True, omit_defaults=True, kw_only=True):
    """精算. number: the first, second, … settlement of this register on this day."""

    TYPE: ClassVar[str] = "register.settled"
    number: int


class OpenCheckLeft(Struct, frozen=True):
    """A check that was open when its day was closed: it is carried over."""

    check_id: str
    check_no: int
    table_ids: tuple[str, ...]
    total: int


class DrawerSum(Struct, frozen=True):
    """All settlements of a day's registers together."""

    expected: int = 0
    counted: int = 0
    over_short: int = 0


class DayClosed(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """totals: the day's figures, frozen. revision 2 and on: closed again, after late entries had changed them.

    registers: those that did something on that day; unsettled: those of them that were not counted.
    late: what had come in after the first closing.
    """

    TYPE: ClassVar[str] = "day.closed"
    date: str
    revision: int
    by: Literal["hand", "auto"]
    totals: Figures
    drawers: DrawerSum
    registers: tuple[str, ...]
    unsettled: tuple[str, ...]
    open_checks: tuple[OpenCheckLeft, ...]
    unsent: int
    late: Tally = NOTHING

    def subject(self) -> str:
        return f"days/{self.date}"


DAY_FACTS = (DrawerMoved, RegisterCounted, RegisterSettled, DayClosed)
