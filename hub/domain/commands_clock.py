"""What the box asks of itself when the right time has come."""

from __future__ import annotations

from hub.domain.command import Command
from hub.domain.facts_clock import Correction, DayShare, Thing


class CorrectClock(Command, frozen=True, forbid_unknown_fields=True):
    """A part of what was found wrong; the fields are those of clock.corrected."""

    source: str
    upto_seq: int
    corrections: tuple[Correction, ...]
    days: tuple[DayShare, ...] = ()
    things: tuple[Thing, ...] = ()
