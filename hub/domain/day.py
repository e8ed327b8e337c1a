"""A business day (営業日): open, closed by hand or by itself, and what came in after that."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

from msgspec import Struct

from hub.domain.figures import NO_FIGURES, NOTHING, Figures, Tally

# open: nobody has closed it; it may have begun or not.
# closed: its figures are frozen in a day.closed entry.
# amended: something came in after that (a sale taken without the hub, an entry that was lost, a sale past closing).
#          Its figures differ from the frozen ones; closing it again freezes the new ones beside the old.
DayStatus = Literal["open", "closed", "amended"]


class DayMove(StrEnum):
    """TRADE: a sale, void or refund of that day."""

    TRADE = "trade"
    CLOSE = "close"


# To close a day twice with nothing new in between is refused: there is nothing to freeze.
NEXT: Final[dict[tuple[DayStatus, DayMove], DayStatus]] = {
    ("open", DayMove.TRADE): "open",
    ("open", DayMove.CLOSE): "closed",
    ("closed", DayMove.TRADE): "amended",
    ("amended", DayMove.TRADE): "amended",
    ("amended", DayMove.CLOSE): "closed",
}


class Day(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """figures: as of now. frozen: those of the newest day.closed entry. late: what came in since the first closing.

    registers: those that did something on this day.
    """

    business_date: str
    status: DayStatus = "open"
    figures: Figures = NO_FIGURES
    registers: tuple[str, ...] = ()
    frozen: Figures | None = None
    revision: int = 0
    closed_at: str | None = None
    closed_by: Literal["hand", "auto"] | None = None
    unsent: int = 0
    late: Tally = NOTHING

    @property
    def open(self) -> bool:
        return self.status == "open"
