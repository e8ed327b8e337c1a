"""The business day closes by itself (自動締め): the box orders what a manager would have, when the day has turned."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime
from typing import Final

from hub.domain.commands_day import CloseDay
from hub.domain.decide.days import left_open
from hub.domain.errors import Conflict, HubError
from hub.domain.register import register_key
from hub.domain.state import State
from hub.domain.views_day import unsettled
from hub.ports import Clock, Office, StoreError

log = logging.getLogger(__name__)

# The day turns at a minute of the clock: a few seconds after it is soon enough, and a look costs nothing.
EVERY_S: Final = 5.0


class DayCloser:
    """Closes every business day that is over and still open, the oldest first: yesterday, and days on which the box
    was off. Checks that are open are carried over.

    wait_minutes: how long after its end a day is left open while one of its checks is not paid or one of its registers
    not settled. A day that was closed once is never closed again by the box: what came late is for a person to look at.
    """

    def __init__(self, state: State, clock: Clock, office: Office, *, wait_minutes: int) -> None:
        self._state = state
        self._clock = clock
        self._office = office
        self._wait_s = wait_minutes * 60.0

    def over(self) -> list[str]:
        """The days that are to be closed now."""
        stamp = self._clock.stamp()
        days = sorted(
            day.business_date
            for day in self._state.days.committed.values()
            if day.open and day.business_date < stamp.business_date
        )
        if not self._wait_s or not days:
            return days
        then = datetime.fromtimestamp(stamp.unix_s - self._wait_s, UTC).isoformat()
        waited = self._clock.business_date(then) or stamp.business_date
        return [day for day in days if day < waited or not self._unfinished(day)]

    def _unfinished(self, name: str) -> bool:
        day = self._state.days.committed[name]
        found = (self._state.registers.committed.get(register_key(name, one)) for one in day.registers)
        return bool(
            left_open(self._state.checks.committed.values(), name)
            or unsettled(register for register in found if register is not None)
        )

    async def look(self) -> None:
        """Close what is over. What is refused or cannot be written now is tried again at the next look."""
        for name in self.over():
            try:
                await self._office.order(CloseDay("carry"), target=name)
            except Conflict:
                # Somebody closed it by hand a moment ago.
                continue
            except (HubError, StoreError) as error:
                log.warning("%s could not be closed by itself yet: %s", name, error)
                return
            log.info("%s was closed by itself", name)

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except Exception:
                # The store would find out weeks later that no day was closed any more.
                log.exception("the day could not be closed by itself")
            await asyncio.sleep(EVERY_S)
