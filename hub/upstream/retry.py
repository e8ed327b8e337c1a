"""How long to wait before the cloud is tried again (tenacity)."""

from __future__ import annotations

from pathlib import Path

from tenacity import RetryCallState, wait_random_exponential
from tenacity.wait import wait_base

from hub.upstream.outcomes import Signal, Trouble
from hub.upstream.timing import Timing


class Patience(wait_base):
    """Full jitter up to 15 s; what the cloud asked for, when it asked; 15 minutes when it refuses what we send."""

    def __init__(self, timing: Timing) -> None:
        self._timing = timing
        self._jitter = wait_random_exponential(multiplier=timing.wait_s_first, max=timing.wait_s_max)

    def __call__(self, retry_state: RetryCallState) -> float:
        wait = min(max(self._jitter(retry_state), self._timing.wait_s_min), self._timing.wait_s_max)
        error = retry_state.outcome.exception() if retry_state.outcome else None
        if isinstance(error, Trouble):
            if error.signal is Signal.REJECTED:
                return self._timing.rejected_wait_s
            if error.retry_after_s is not None:
                # A little more than asked, so that a fleet that was told the same does not return together.
                return error.retry_after_s + min(wait, 1.0)
        return wait


def routes() -> str:
    """What the system knows of ways out; a change while the line is down is a reason to try at once."""
    found = []
    for path in ("/proc/net/route", "/proc/net/if_inet6"):
        try:
            # The first four columns name the way; later ones count its use.
            found += [" ".join(line.split()[:4]) for line in Path(path).read_text().splitlines()]
        except OSError:
            continue
    return "\n".join(found)
