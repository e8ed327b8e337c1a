"""What can come of a call to the cloud, in one vocabulary: signals for the link, and Trouble."""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

# The longest Retry-After that is obeyed: a mistaken one must not close the store's line for a day.
RETRY_AFTER_S_MAX: Final = 3600.0


class Signal(Enum):
    """What the link monitor is told."""

    ANSWERED = auto()  # An answer that was believed, in good time.
    SLOW = auto()  # Believed, but late or at a trickle.
    WAITING = auto()  # No answer yet, longer than usual.
    ACCEPTED = auto()  # The cloud took entries.
    BUSY = auto()  # 429, 5xx: the cloud is there and cannot now.
    LOST = auto()  # A connection that had worked broke.
    UNREACHABLE = auto()  # No address, no connection, or silence.
    INTERCEPTED = auto()  # Somebody else answered, or nobody who knows our journal.
    DENIED = auto()  # 401, 403, unknown hub, or a history that cannot be continued.
    REJECTED = auto()  # Five entries in a row refused.
    PAUSE = auto()
    RESUME = auto()
    RETRY = auto()  # A person asked for another try.


class Trouble(Exception):
    """A call that brought nothing. reason: a key, a colon and words for the technician."""

    def __init__(
        self,
        signal: Signal,
        reason: str,
        *,
        retry_after_s: float | None = None,
        timed_out: bool = False,
        successor: str = "",
    ) -> None:
        super().__init__(reason)
        # The box that the cloud hears from in this one's place.
        self.successor = successor
        self.signal = signal
        self.reason = reason
        self.retry_after_s = (
            None if retry_after_s is None else min(max(retry_after_s, 0.0), RETRY_AFTER_S_MAX)
        )
        # The line may be too slow for what was sent: send less next time.
        self.timed_out = timed_out
