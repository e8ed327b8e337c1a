"""What can be asked about time bands."""

from __future__ import annotations

from typing import ClassVar

from hub.domain.command import Command, Text
from hub.domain.menu import Id


class SwitchBand(Command, frozen=True, forbid_unknown_fields=True):
    """Let a band rule from now on, whatever the clock says, until the clock's own next turn; null: none of them.

    by_clock: the clock rules again, at once.
    """

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason",)
    band_id: Id | None = None
    by_clock: bool = False
    reason: Text = ""
