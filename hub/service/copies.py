"""How far each second copy of the journal has come, and the wait of an acknowledgement for one of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, Literal

from msgspec import Struct

from hub.domain.errors import NotReady, OutcomeUnknown
from hub.domain.facts import After

Kind = Literal["mirror", "standby"]
KINDS: Final[tuple[Kind, ...]] = ("standby", "mirror")
# following: has everything, or will in a moment. late: it did not come in time and is not waited for until it has
# caught up. gone: nothing is heard of it. none: there is none.
State = Literal["none", "following", "late", "gone"]
# A copy that is behind by no more than this has caught up: under load it never stands exactly at the end.
CAUGHT_UP_ENTRIES: Final = 100
# A standby asks again within milliseconds; one that has not for this long is switched off or cut off.
SILENT_S: Final = 3.0


class Copy(Struct):
    """seq: the last entry that is on the copy's stable storage. since: of the state, RFC 3339."""

    kind: Kind
    state: State = "none"
    seq: int = 0
    since: str = ""
    reason: str = ""


class Copies:
    """wait_for None: nothing waits. otherwise: what happens when the copy does not come within wait_s.

    `answer`: the device is answered, and the lag says what the copy lacks. `refuse`: the device is told to ask again,
    and nothing more is accepted until the copy is there.
    """

    def __init__(
        self,
        *,
        position: Callable[[], After],
        now: Callable[[], str],
        wait_for: Kind | None = None,
        otherwise: Literal["answer", "refuse"] = "answer",
        wait_s: float = 2.0,
    ) -> None:
        self._position = position
        self._now = now
        self.wait_for = wait_for
        self._otherwise = otherwise
        self._wait_s = wait_s
        self._copies: dict[Kind, Copy] = {kind: Copy(kind) for kind in KINDS}
        self._moved = asyncio.Event()
        self._visits: dict[Kind, int] = {}
        self._silent: dict[Kind, asyncio.TimerHandle] = {}

    def of(self, kind: Kind) -> Copy:
        return self._copies[kind]

    def reached(self, kind: Kind, seq: int) -> None:
        """The copy has everything up to seq, on its stable storage."""
        copy = self._copies[kind]
        copy.seq = seq
        if copy.state != "following" and self._position().seq - seq <= CAUGHT_UP_ENTRIES:
            self._enter(copy, "following", "")
        elif copy.state in ("none", "gone"):
            self._enter(copy, "late", "catching-up: it is being filled")
        self._wake()

    def visit(self, kind: Kind, seq: int) -> None:
        """The copy asks for what follows seq, so it has that; leave() when it was answered."""
        self._visits[kind] = self._visits.get(kind, 0) + 1
        if (timer := self._silent.pop(kind, None)) is not None:
            timer.cancel()
        self.reached(kind, seq)

    def leave(self, kind: Kind) -> None:
        """If it does not ask again soon, it is gone."""
        self._visits[kind] -= 1
        if not self._visits[kind]:
            self._silent[kind] = asyncio.get_running_loop().call_later(
                SILENT_S, self.gone, kind, "silent: it does not ask any more"
            )

    def gone(self, kind: Kind, reason: str) -> None:
        """Nothing is heard of it, or it cannot be written."""
        copy = self._copies[kind]
        if copy.state == "gone":
            copy.reason = reason
        else:
            self._enter(copy, "gone", reason)
        self._wake()

    def _enter(self, copy: Copy, state: State, reason: str) -> None:
        copy.state, copy.reason, copy.since = state, reason, self._now()

    def _wake(self) -> None:
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    # -- waiting ------------------------------------------------------------------------------------------------

    @property
    def missed(self) -> Copy | None:
        """The copy without which nothing may be accepted, while it is not there."""
        if self.wait_for is None or self._otherwise == "answer":
            return None
        copy = self._copies[self.wait_for]
        return None if copy.state == "following" else copy

    def check(self) -> None:
        """Raises NotReady while nothing may be accepted because the copy is not there."""
        if (copy := self.missed) is not None:
            reason = f"no second copy: {copy.reason or 'none is there yet'}"
            raise NotReady(reason=reason, retry_after_s=1)

    async def kept(self, seq: int) -> OutcomeUnknown | None:
        """Return once the copy has the entry, or has been waited for; what the devices that wait are then told."""
        if self.wait_for is None:
            return None
        copy = self._copies[self.wait_for]
        try:
            async with asyncio.timeout(self._wait_s):
                while copy.seq < seq and copy.state == "following":
                    await self._moved.wait()
        except TimeoutError:
            self._enter(copy, "late", f"slow: it did not come within {self._wait_s:g} s")
        if copy.seq >= seq or self._otherwise == "answer":
            return None
        return OutcomeUnknown(retry_after_s=1)

    # -- showing ------------------------------------------------------------------------------------------------

    def view(self) -> dict[str, Any]:
        """`mirror` of GET /v1/sync: the copy that matters most, and all of them."""
        last = self._position().seq
        rows = [
            {
                "kind": copy.kind,
                "state": copy.state,
                "seq": copy.seq,
                "lag_entries": max(0, last - copy.seq),
                "since": copy.since or None,
                "reason": copy.reason,
            }
            for copy in self._copies.values()
            if copy.state != "none" or copy.kind == self.wait_for
        ]
        rows.sort(key=lambda row: row["kind"] != self.wait_for)
        first = (
            rows[0]
            if rows
            else {"kind": None, "state": "none", "seq": 0, "lag_entries": last, "since": None, "reason": ""}
        )
        return {**first, "waits": self.wait_for, "otherwise": self._otherwise, "copies": rows}
