"""What can be asked of a register's drawer and of the business day."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta, Struct

from hub.domain.command import Command, Text
from hub.domain.commands_sale import Money
from hub.domain.menu import END, Id

Day = Annotated[
    str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}" + END, description="YYYY-MM-DD", examples=["2026-11-21"])
]


class PiecesIn(Struct, frozen=True, forbid_unknown_fields=True):
    """value: of one note or coin, in the currency's minor unit."""

    value: Annotated[int, Meta(ge=1, le=999_999_999, examples=[1000])]
    count: Annotated[int, Meta(ge=0, le=99_999, examples=[12])]


class TenderCountIn(Struct, frozen=True, forbid_unknown_fields=True):
    """What the slips of one tender come to."""

    method: Id
    amount: Annotated[int, Meta(ge=-999_999_999, le=999_999_999)]


Pieces = Annotated[tuple[PiecesIn, ...], Meta(max_length=40)]


class MoveDrawer(Command, frozen=True, forbid_unknown_fields=True):
    """Change float put in (釣銭準備金), cash in or out with its reason, or the drawer opened without a sale.

    amount, or the pieces it is made of. `open` moves no money.
    """

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    kind: Literal["float", "in", "out", "open"]
    amount: Money | None = None
    pieces: Pieces = ()
    reason: Text = ""


class CountRegister(Command, frozen=True, forbid_unknown_fields=True):
    """点検 (x_report): the drawer is counted, nothing changes. The amount, or notes and coins by kind.

    date: the business day of the register, today's when not said.
    """

    amount: Money | None = None
    pieces: Pieces = ()
    tenders: Annotated[tuple[TenderCountIn, ...], Meta(max_length=50)] = ()
    date: Day | None = None


class SettleRegister(Command, frozen=True, forbid_unknown_fields=True):
    """精算: the drawer is counted and the run ends. Offline as well; the answer says what is still unsent.

    tenders: what the slips of other tenders come to. date: the business day, today's when not said.
    """

    amount: Money | None = None
    pieces: Pieces = ()
    tenders: Annotated[tuple[TenderCountIn, ...], Meta(max_length=50)] = ()
    date: Day | None = None


class CloseDay(Command, frozen=True, forbid_unknown_fields=True):
    """締め: the day's figures are frozen. Offline as well; the answer says what is still unsent.

    open_checks: what to do when checks are still open. refuse, or carry them over: they are paid on a later day.
    """

    open_checks: Literal["refuse", "carry"] = "refuse"
