"""What has ended and left memory: brought back for whoever decides with it, and let go of again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

from hub.domain.needs import Need
from hub.domain.state import State
from hub.ports import StateKeeper

# So long it stays: whoever brings several things, one after the other, has them all at the end, and a sale that is
# looked at is often refunded next.
STAY_S: Final = 60.0


class Cold:
    def __init__(self, state: State, keeper: StateKeeper) -> None:
        self._state = state
        self._keeper = keeper
        # When it was brought, the oldest first, and as what.
        self._brought: dict[Need, tuple[float, Any]] = {}

    async def bring(self, needs: Callable[[], Iterable[Need]]) -> None:
        """Bring to memory what is named, as far as it is kept at all; what comes may name more. Raises StoreError.

        No pause follows the last look, so that what a save lets go of meanwhile is brought again: decide at once.
        """
        absent: set[Need] = set()
        while missing := [one for one in dict.fromkeys(needs()) if one not in absent and self._lacks(one)]:
            by_shelf: dict[str, list[str]] = {}
            for shelf, key in missing:
                by_shelf.setdefault(shelf, []).append(key)
            for shelf, keys in by_shelf.items():
                await self._keeper.fetch(self._state, shelf, keys)
                absent.update(self._noted(shelf, keys))

    def let_go(self) -> None:
        """Forget what came a while ago and is still what it was; what has changed since, a save lets go of."""
        now = time.monotonic()
        for need, (since, value) in list(self._brought.items()):
            if now - since < STAY_S:
                break
            shelf = getattr(self._state, need[0])
            if shelf.committed.get(need[1]) is value:
                shelf.forget(need[1])
            # One that a decision under way rests on is kept, and looked at again.
            if shelf.committed.get(need[1]) is not value:
                del self._brought[need]

    def _lacks(self, need: Need) -> bool:
        return getattr(self._state, need[0]).get(need[1]) is None

    def _noted(self, shelf: str, keys: Iterable[str]) -> Iterable[Need]:
        """Of what was just fetched, what is not there."""
        now = time.monotonic()
        committed = getattr(self._state, shelf).committed
        for key in keys:
            value = committed.get(key)
            self._brought.pop((shelf, key), None)
            if value is not None:
                self._brought[shelf, key] = (now, value)
            # Also what is on disk as it was before a decision removed it: to look for that again would never end.
            if self._lacks((shelf, key)):
                yield shelf, key
