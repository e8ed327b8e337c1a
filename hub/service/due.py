"""Tells the floor in time which deferred payments must soon be known, and which should have been."""

from __future__ import annotations

import asyncio
from typing import Final

from hub.domain.state import State
from hub.domain.views_credit import Due, due_of
from hub.ports import Announcer, Clock

# A warning comes minutes ahead: seconds do not matter.
EVERY_S: Final = 5.0


class DueWatch:
    """Announces `due` on the live feed whenever the list changes, also to say that it is empty again.

    The list has ids and times only: every device hears it, tables too.
    """

    def __init__(self, state: State, clock: Clock, announcer: Announcer) -> None:
        self._state = state
        self._clock = clock
        self._announcer = announcer
        self._told: dict[str, Due] = {}

    def look(self) -> None:
        now = self._clock.stamp().unix_s
        found: dict[str, Due] = {}
        times: dict[str, str] = {}
        for payment in self._state.payments.committed.values():
            due = due_of(payment, now)
            if due is not None and due != "later":
                found[payment.payment_id] = due
                times[payment.payment_id] = payment.due_at
        if found != self._told:
            self._told = found
            rows = [{"payment_id": key, "due": due, "due_at": times[key]} for key, due in found.items()]
            self._announcer.announce("due", {"payments": sorted(rows, key=lambda row: row["due_at"])})

    async def run(self) -> None:
        while True:
            self.look()
            await asyncio.sleep(EVERY_S)
