"""The fact that the time of earlier entries was wrong: which they are, and what that moves from day to day."""

from __future__ import annotations

from typing import ClassVar, Literal

from msgspec import Struct, field

from hub.domain.fact import Fact
from hub.domain.figures import Tenders
from hub.domain.numbering import NumberRange
from hub.domain.report_sums import CountTotal, DayReport

ThingKind = Literal[
    "sale",
    "refund",
    "check",
    "plan",
    "payment",
    "session",
    "approval",
    "received",
    "layaway",
    "number",
    "customer",
    "check_end",
    "void",
    "payment_end",
    "layaway_end",
    "account",
    "plan_end",
    "approval_end",
    "approval_use",
    "device",
    "device_end",
    "settlement",
    "band",
]


class Correction(Struct, frozen=True):
    """Entries first_seq to last_seq were made shift_ms later than they say (earlier, below 0), on another business day
    perhaps. The times are those of the first of them.

    exact: False when nobody ever knew the time in that boot, so that the new one only fits what came before and after.
    """

    first_seq: int
    last_seq: int
    old_business_date: str
    new_business_date: str
    old_time: str
    new_time: str
    shift_ms: int
    boot_id: str = ""
    exact: bool = True


class DrawerShare(Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What of a register's present run, and which of its settlements (by seq), were of another day."""

    register_id: str
    float_: int = field(name="float", default=0)
    cash_in: int = 0
    cash_out: int = 0
    openings: int = 0
    counts: int = 0
    tenders: Tenders = ()
    settled: tuple[int, ...] = ()


class DayShare(Struct, frozen=True, kw_only=True):
    """What moves from one business day's figures to another's; from and to are one day when only hours change.

    report: its sums, with the hours that were right. hours: those that were wrong.
    """

    from_: str = field(name="from")
    to: str
    report: DayReport
    hours: dict[int, CountTotal]
    drawers: tuple[DrawerShare, ...] = ()
    # Receipt numbers that may have been handed out: of a block that was, none is.
    numbers: tuple[NumberRange, ...] = ()


class Thing(Struct, frozen=True, omit_defaults=True):
    """Something that carries a time of a corrected entry. part: a refund of the sale, a plan of the check, the
    seq of the entry that settled a drawer or moved an account.

    number: on its paper. Of a customer whose points moved: was is the business date that this had, points are those
    that were used; part `opening` when it was master data that moved them. Of the kinds that say when something ended
    (`…_end`, `void` of a sale), was done (`device` paired, `approval_use`, `settlement`, `band` switched by hand) or
    moved last (`account`): at is the time that this had; what has another by now was done anew, and stays.
    """

    kind: ThingKind
    id: str
    shift_ms: int
    business_date: str
    part: str = ""
    number: str = ""
    was: str = ""
    at: str = ""
    points: int = 0


class ClockCorrected(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """The entries stay as they are; whoever reads them applies this. source: who knew the right time.

    upto_seq: every entry up to this one is right, or corrected.
    """

    TYPE: ClassVar[str] = "clock.corrected"
    source: str
    upto_seq: int
    corrections: tuple[Correction, ...]
    days: tuple[DayShare, ...] = ()
    things: tuple[Thing, ...] = ()

    def subject(self) -> str:
        return "clock"


class DayLeft(Fact, frozen=True):
    """For day reports only: these figures turned out to be another day's."""

    TYPE: ClassVar[str] = "day.left"
    share: DayShare

    def subject(self) -> str:
        return f"days/{self.share.from_}"


class DayJoined(Fact, frozen=True):
    """For day reports only: these figures turned out to be this day's."""

    TYPE: ClassVar[str] = "day.joined"
    share: DayShare

    def subject(self) -> str:
        return f"days/{self.share.to}"


CLOCK_FACTS = (ClockCorrected,)
