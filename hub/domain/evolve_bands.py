"""What the facts of time bands mean."""

from __future__ import annotations

import msgspec

from hub.domain.band import BY_HAND, ByHand
from hub.domain.facts_band import BandSwitched
from hub.domain.state import Meta, State


def band_switched(state: State, fact: BandSwitched, meta: Meta) -> None:
    if fact.by_clock:
        state.settings.remove(BY_HAND)
    else:
        by_hand = ByHand(fact.band_id, since=meta.time, until=fact.until)
        state.settings.put(BY_HAND, msgspec.json.encode(by_hand).decode())
    # Other prices count now: devices read the menu again, and what is derived from it is derived anew.
    state.counters.put("menu_version", max(fact.menu_version, state.menu_version + 1))
