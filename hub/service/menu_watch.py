"""Tells the floor that the menu is another one: something ran out or came back, or was changed by someone."""

from __future__ import annotations

from hub.domain.goods import SOLD_OUT_VERSION
from hub.domain.state import State
from hub.domain.views import menu_version
from hub.ports import Announcer


class MenuWatch:
    """Announces `menu` with the version that GET /v1/menu answers with, to every device, tables too.

    Not at every portion that is sold, of which the orders tell: when other things can be ordered than before.
    """

    def __init__(self, state: State, announcer: Announcer) -> None:
        self._state = state
        self._announcer = announcer
        self._told = self._seen()

    def _seen(self) -> tuple[int, int]:
        counters = self._state.counters.committed
        return counters.get("menu_version", 0), counters.get(SOLD_OUT_VERSION, 0)

    def look(self) -> None:
        """After each commit: two look-ups."""
        seen = self._seen()
        if seen != self._told:
            self._told = seen
            self._announcer.announce("menu", {"version": menu_version(self._state)})
