"""The link monitor: is the cloud within reach, and if not, why and since when. A pure table, fed with signals."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from hub.ports import LinkState, LinkStatus
from hub.upstream.outcomes import Signal, Trouble

log = logging.getLogger(__name__)


class Link(Enum):
    """Finer than what is shown: see SHOWN."""

    # The cloud answers, in time, what fits our journal. Ended by any trouble.
    ONLINE = auto()
    # It answers, but late, or asks for patience. Ended by an answer in good time, or by none.
    DEGRADED = auto()
    # No address, no connection or no answer. Ended by any answer.
    OFFLINE = auto()
    # Something between us and the cloud answers in its place. Ended by an answer of the cloud.
    CAPTIVE = auto()
    # The cloud does not know this box or its history. Ended by an answer that accepts it.
    REFUSED = auto()
    # Five entries in a row refused: a bad set-up. Ended by an accepted entry or by a person.
    REJECTED = auto()
    # A person's wish. Ended by a person.
    PAUSED = auto()


# The contract's words.
SHOWN: Final[dict[Link, LinkState]] = {
    Link.ONLINE: "online",
    Link.DEGRADED: "degraded",
    Link.OFFLINE: "offline",
    Link.CAPTIVE: "captive_portal",
    Link.REFUSED: "refused",
    Link.REJECTED: "refused",
    Link.PAUSED: "paused",
}

_TRYING: Final = (Link.ONLINE, Link.DEGRADED, Link.OFFLINE, Link.CAPTIVE, Link.REFUSED)
_OUTCOMES: Final = {
    Signal.ANSWERED: Link.ONLINE,
    Signal.SLOW: Link.DEGRADED,
    Signal.BUSY: Link.DEGRADED,
    Signal.UNREACHABLE: Link.OFFLINE,
    Signal.INTERCEPTED: Link.CAPTIVE,
    Signal.DENIED: Link.REFUSED,
    Signal.REJECTED: Link.REJECTED,
    Signal.PAUSE: Link.PAUSED,
}

# A pair that is not here changes nothing.
MOVES: Final[dict[tuple[Link, Signal], Link]] = {
    **{(link, signal): to for link in _TRYING for signal, to in _OUTCOMES.items()},
    # One broken connection is not yet a broken line: a cloud may close an idle one.
    (Link.ONLINE, Signal.LOST): Link.DEGRADED,
    (Link.DEGRADED, Signal.LOST): Link.OFFLINE,
    (Link.OFFLINE, Signal.LOST): Link.OFFLINE,
    (Link.CAPTIVE, Signal.LOST): Link.OFFLINE,
    (Link.REFUSED, Signal.LOST): Link.OFFLINE,
    # Said while a call still waits, so that a dead line shows before the call is given up.
    (Link.ONLINE, Signal.WAITING): Link.DEGRADED,
    (Link.REJECTED, Signal.ACCEPTED): Link.ONLINE,
    (Link.REJECTED, Signal.RETRY): Link.OFFLINE,
    (Link.REJECTED, Signal.PAUSE): Link.PAUSED,
    (Link.PAUSED, Signal.RESUME): Link.OFFLINE,
}

# An answer after this is slow. One between the two says nothing new: the state does not flap at a threshold.
SLOW_S: Final = 4.0
PROMPT_S: Final = 2.0
# Less than this a second for a body worth measuring is a trickle: a 64 kbit/s line carries 8 KiB/s.
TRICKLE_BYTES_PER_S: Final = 12 * 1024
TRICKLE_BYTES_MIN: Final = 16 * 1024

HISTORY_MAX: Final = 10


class LinkMonitor:
    """Holds the state. `now` gives RFC 3339 and `monotonic` seconds, so that tests own the time."""

    def __init__(
        self,
        *,
        now: Callable[[], str],
        monotonic: Callable[[], float],
        changed: Callable[[LinkStatus], None] = lambda status: None,
        paused: bool = False,
        superseded: Callable[[str], None] = lambda box: None,
    ) -> None:
        """superseded: told which box the cloud hears from in this one's place."""
        self._superseded = superseded
        self._now = now
        self._monotonic = monotonic
        self._changed = changed
        self._link = Link.PAUSED if paused else Link.OFFLINE
        self._reason = "paused: by hand" if paused else "starting: not tried yet"
        self._since = now()
        self._opened = asyncio.Event()
        # The end of the last believed exchange.
        self.heard_at: float | None = None
        # What the cloud asked for with Retry-After holds for every call, not only for the one that was told.
        self.hold_until = 0.0
        self.history: deque[tuple[str, str]] = deque([(self.state, self._since)], maxlen=HISTORY_MAX)

    @property
    def link(self) -> Link:
        return self._link

    @property
    def state(self) -> LinkState:
        return SHOWN[self._link]

    @property
    def status(self) -> LinkStatus:
        return LinkStatus(self.state, self._since, self._reason)

    @property
    def online(self) -> bool:
        return self._link in (Link.ONLINE, Link.DEGRADED)

    def signal(self, signal: Signal, reason: str = "") -> None:
        """Make the table's move. The reason is kept fresh also where the state stays."""
        to = MOVES.get((self._link, signal))
        if to is None:
            return
        before, self._link = self._link, to
        self._reason = reason
        if to is before:
            return
        if SHOWN[to] != SHOWN[before]:
            self._since = self._now()
            self.history.append((self.state, self._since))
            level = logging.INFO if to is Link.ONLINE else logging.WARNING
            log.log(level, "cloud link %s -> %s: %s", SHOWN[before], self.state, reason or "well")
        if self.online:
            self._opened.set()
        else:
            self._opened.clear()
        self._changed(self.status)

    def answered(self, took_s: float, sent_bytes: int = 0) -> None:
        """An exchange that was believed."""
        self.heard_at = self._monotonic()
        trickle = sent_bytes >= TRICKLE_BYTES_MIN and sent_bytes < TRICKLE_BYTES_PER_S * took_s
        if took_s >= SLOW_S or trickle:
            self.signal(Signal.SLOW, f"slow: an answer took {took_s:.1f} s")
        elif took_s <= PROMPT_S or not self.online:
            self.signal(Signal.ANSWERED, "")

    def trouble(self, trouble: Trouble) -> None:
        if trouble.retry_after_s is not None:
            self.hold_until = self._monotonic() + trouble.retry_after_s
        self.signal(trouble.signal, trouble.reason)
        if trouble.successor:
            self._superseded(trouble.successor)

    async def wait_open(self) -> None:
        """Return once the cloud can be called by others than the replicator, which alone tries a line that is down."""
        while True:
            await self._opened.wait()
            hold = self.hold_until - self._monotonic()
            if hold <= 0:
                return
            await asyncio.sleep(hold)
