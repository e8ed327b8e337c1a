"""A register's drawer on one business day: what should be in it, and what was counted.

A register is an id: that of the device, unless a sale or a drawer's move names another.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct, field
from msgspec.structs import replace

from hub.domain.figures import Tenders, TenderTotal, add_tenders, cash_in
from hub.domain.menu import TenderKind
from hub.domain.sale import Tender

# closed: nothing has happened on this day; a float or a sale opens it.
# open: it takes money; a settlement (精算) ends that.
# settled: counted and done; another float or sale begins a second run of the same day, which is settled again.
RegisterStatus = Literal["closed", "open", "settled"]


class RegisterMove(StrEnum):
    """TRADE: a tender was taken or given back. DRAWER: opened without a sale. COUNT: 点検, SETTLE: 精算."""

    FLOAT = "float"
    IN = "in"
    OUT = "out"
    DRAWER = "open"
    TRADE = "trade"
    COUNT = "count"
    SETTLE = "settle"


# Every move that is not here is refused. Money is never refused: who sells at a settled register opens it again.
# Nothing is taken out of a drawer of which nobody has said what is in it, and it is not counted either.
NEXT: Final[dict[tuple[RegisterStatus, RegisterMove], RegisterStatus]] = {
    ("closed", RegisterMove.FLOAT): "open",
    ("closed", RegisterMove.IN): "open",
    ("closed", RegisterMove.TRADE): "open",
    ("closed", RegisterMove.DRAWER): "closed",
    ("open", RegisterMove.FLOAT): "open",
    ("open", RegisterMove.IN): "open",
    ("open", RegisterMove.OUT): "open",
    ("open", RegisterMove.DRAWER): "open",
    ("open", RegisterMove.TRADE): "open",
    ("open", RegisterMove.COUNT): "open",
    ("open", RegisterMove.SETTLE): "settled",
    ("settled", RegisterMove.FLOAT): "open",
    ("settled", RegisterMove.TRADE): "open",
    ("settled", RegisterMove.DRAWER): "settled",
}

# Kinds of notes and coins in circulation, in minor units (Bank of Japan; US Mint and Bureau of Engraving).
# A currency that is not here takes any kind.
DENOMINATIONS: Final[dict[str, tuple[int, ...]]] = {
    "JPY": (10_000, 5_000, 2_000, 1_000, 500, 100, 50, 10, 5, 1),
    "USD": (10_000, 5_000, 2_000, 1_000, 500, 200, 100, 50, 25, 10, 5, 1),
}


class Pieces(Struct, frozen=True):
    """So many notes or coins of one kind; value in the currency's minor unit."""

    value: int
    count: int


class SettledTender(Struct, frozen=True, omit_defaults=True):
    """One tender at a settlement. Cash is counted as a whole, with the float: its rows say what sales brought."""

    method: str
    name: str
    kind: TenderKind
    count: int
    expected: int
    counted: int | None = None
    over_short: int | None = None


class Settlement(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """One run of a register, counted and done. late: tenders of that time that the hub heard of only afterwards.

    at: by the hub's clock. expected and counted: cash in the drawer, the float included.
    """

    number: int
    at: str
    epoch: str
    seq: int
    float_: int = field(name="float")
    cash_in: int
    cash_out: int
    expected: int
    counted: int
    tenders: tuple[SettledTender, ...] = ()
    unsent: int = 0
    late: Tenders = ()

    @property
    def expected_now(self) -> int:
        return self.expected + cash_in(self.late)


class Count(Struct, frozen=True):
    """点検: when the drawer was counted, what should have been in it, and what was."""

    at: str
    expected: int
    counted: int


class RegisterDay(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A register on one business day. Amounts are of the present run: what no settlement has counted yet.

    day_closed: its day was closed, and what it has leaves memory.
    """

    register_id: str
    business_date: str
    status: RegisterStatus = "closed"
    float_: int = field(name="float", default=0)
    cash_in: int = 0
    cash_out: int = 0
    openings: int = 0
    counts: int = 0
    tenders: Tenders = ()
    settlements: tuple[Settlement, ...] = ()
    day_closed: bool = False
    last_count: Count | None = None

    @property
    def cash_sales(self) -> int:
        return cash_in(self.tenders)

    @property
    def expected(self) -> int:
        """The cash that should be in the drawer now."""
        return self.float_ + self.cash_in - self.cash_out + self.cash_sales

    def moved(self, move: RegisterMove, amount: int = 0) -> RegisterDay:
        """After a move of the drawer that NEXT allows."""
        status = NEXT[self.status, move]
        match move:
            case RegisterMove.FLOAT:
                return replace(self, status=status, float_=self.float_ + amount)
            case RegisterMove.IN:
                return replace(self, status=status, cash_in=self.cash_in + amount)
            case RegisterMove.OUT:
                return replace(self, status=status, cash_out=self.cash_out + amount)
            case RegisterMove.DRAWER:
                return replace(self, status=status, openings=self.openings + 1)
            case RegisterMove.COUNT:
                return replace(self, status=status, counts=self.counts + 1)
            case _:
                return replace(self, status=status)

    def traded(self, tenders: tuple[Tender, ...], sign: int, *, before: str | None) -> RegisterDay:
        """After tenders were taken (sign 1) or given back (-1).

        before: when they were, if the hub heard of it late. What had been in the drawer when it was counted
        belongs to that settlement and opens no new run.
        """
        place = None if before is None else self._counted_after(before)
        if place is None:
            return replace(
                self,
                status=NEXT[self.status, RegisterMove.TRADE],
                tenders=add_tenders(self.tenders, tenders, sign),
            )
        settlements = list(self.settlements)
        settled = settlements[place]
        settlements[place] = replace(settled, late=add_tenders(settled.late, tenders, sign))
        return replace(self, settlements=tuple(settlements))

    def _counted_after(self, time: str) -> int | None:
        """The index of the first settlement at or after the time."""
        when = datetime.fromisoformat(time)
        for index, settled in enumerate(self.settlements):
            if when <= datetime.fromisoformat(settled.at):
                return index
        return None


def tender_totals(settled: tuple[SettledTender, ...]) -> Tenders:
    return tuple(TenderTotal(row.method, row.name, row.kind, row.count, row.expected) for row in settled)


def register_key(business_date: str, register_id: str) -> str:
    """Where a register's day stands on its shelf."""
    return f"{business_date}|{register_id}"
