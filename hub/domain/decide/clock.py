"""The right time has come: what it changes is worked out from the journal (hub/domain/retiming.py), and kept here."""

from __future__ import annotations

from typing import Any

from hub.domain.commands_clock import CorrectClock
from hub.domain.decide.at import At
from hub.domain.fact import Fact
from hub.domain.facts_clock import ClockCorrected
from hub.domain.state import State


def correct_clock(state: State, command: CorrectClock, at: At) -> list[Fact]:
    if not command.corrections and not command.things:
        return []
    return [
        ClockCorrected(
            source=command.source,
            upto_seq=command.upto_seq,
            corrections=command.corrections,
            days=command.days,
            things=command.things,
        )
    ]


DECISIONS: dict[type[Any], Any] = {CorrectClock: correct_clock}
