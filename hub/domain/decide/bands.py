"""Switching the time band by hand: the party that stays on, the evening that begins early."""

from __future__ import annotations

from typing import Any

from hub.domain.commands_band import SwitchBand
from hub.domain.decide.at import At
from hub.domain.errors import Conflict, InvalidRequest
from hub.domain.facts import Fact
from hub.domain.facts_band import BandSwitched
from hub.domain.state import State


def switch_band(state: State, command: SwitchBand, at: At) -> list[Fact]:
    bands = state.bands
    if bands is None:
        raise Conflict(reason="The store has no time bands.")
    now = at.stamp.time
    if command.by_clock:
        if command.band_id is not None:
            raise InvalidRequest.at("band_id", "the clock says which, when it rules again")
        band = bands.by_clock(now)
    else:
        band = None if command.band_id is None else bands.band(command.band_id)
        if band is None and command.band_id is not None:
            raise InvalidRequest.at("band_id", f"no such time band: {command.band_id}")
    return [
        BandSwitched(
            band_id=None if band is None else band.id,
            name="" if band is None else band.name,
            by_clock=command.by_clock,
            until=None if command.by_clock else bands.clock_turns_at(now),
            menu_version=state.menu_version + 1,
            reason=command.reason,
        )
    ]


DECISIONS: dict[type[Any], Any] = {SwitchBand: switch_band}
