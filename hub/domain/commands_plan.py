"""What can be asked of plans and of the table charge."""

from __future__ import annotations

from typing import Annotated, ClassVar

from msgspec import Meta

from hub.domain.command import Command, Guests, OptionIn, Ref
from hub.domain.menu import Id


class StartPlan(Command, frozen=True, forbid_unknown_fields=True):
    """Staff starts a plan (飲み放題/食べ放題): its time runs from now by the hub's clock.

    guests: for whom it is paid; none: all guests of the check.
    """

    product_id: Ref
    guests: Annotated[int, Meta(ge=1, le=999)] | None = None
    options: Annotated[tuple[OptionIn, ...], Meta(max_length=50)] = ()


class ExtendPlan(Command, frozen=True, forbid_unknown_fields=True):
    """More time, charged for each guest of the plan. plan_id: when the check has more than one that runs.

    times: so many extensions at once.
    """

    plan_id: Id | None = None
    times: Annotated[int, Meta(ge=1, le=24)] = 1


class StopPlan(Command, frozen=True, forbid_unknown_fields=True):
    """End a plan before, or after, its time: from now on its items cost what they cost. What was paid for it stays."""

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    plan_id: Id | None = None
    reason: Annotated[str, Meta(max_length=500)] = ""


class SetTableCharge(Command, frozen=True, forbid_unknown_fields=True):
    """For how many guests the table charge (お通し/チャージ) is on the check; 0: it is taken off.

    guests none: those that the check has now. line_id: when the check has more than one, as after a merge.
    """

    guests: Guests | None = None
    line_id: Id | None = None
