"""Who stands in the doors: every open connection, how long each may stay, and who goes when it gets full."""

from __future__ import annotations

import resource
from collections import deque
from collections.abc import Callable, Collection
from enum import Enum
from heapq import nsmallest
from typing import Final

# A hundred devices behind one router that all come back at once fit beside a crowd from its very address: nobody has to
# go before the house is full.
CONNECTIONS_MAX: Final = 2000
# A connection with TLS takes 80 KB even when it says nothing. Two for each of a hundred devices, twice over.
TLS_CONNECTIONS_MAX: Final = 400
# Descriptors that the journal, the replay, the local socket and mDNS need beside the connections.
DESCRIPTORS_KEPT: Final = 100
DESCRIPTORS_WANTED: Final = 4096
# An address with fewer connections than this is no crowd: then whoever has waited longest anywhere goes.
CROWD: Final = 8
# Looked for together: in a flood each newcomer would search the whole house.
LOOKED_FOR_AT_ONCE: Final = 32


class Stage(Enum):
    """What a connection is doing. A table of limits in seconds says how long; None: as long as it likes."""

    SHAKING = "shaking"  # its TLS handshake
    ASKING = "asking"  # opened, or in the middle of a request's head
    SENDING = "sending"  # in the middle of a request's body
    ANSWERED = "answered"  # it has its answer, but the body goes on
    WAITING = "waiting"  # its request is whole and being answered
    FOLLOWING = "following"  # its answer is the feed, which ends when the client does
    RESTING = "resting"  # kept alive between two requests


LIMITS_S: Final[dict[Stage, float | None]] = {
    Stage.SHAKING: 10.0,
    Stage.ASKING: 10.0,
    Stage.SENDING: 15.0,
    Stage.ANSWERED: 2.0,
    Stage.WAITING: None,
    Stage.FOLLOWING: None,
    Stage.RESTING: 75.0,
}
# A client that takes nothing of its answer for this long is dropped; so is one that takes too little.
STALLED_S_MAX: Final = 15.0
# Who goes first when it gets full: those that have not asked yet, those that rest, then those that follow the feed,
# who come back and hear what they missed. Who waits for an answer stays.
_LEAVE_FIRST: Final = (
    (Stage.SHAKING, Stage.ASKING, Stage.SENDING, Stage.ANSWERED),
    (Stage.RESTING,),
    (Stage.FOLLOWING,),
)


def _nothing() -> None:
    return


class Visit:
    """One connection from the moment it is accepted.

    cut() ends it at once; unread() is what its client has yet to take.
    """

    __slots__ = (
        "_left",
        "_stuck_since",
        "address",
        "close",
        "cut",
        "paused_since",
        "since",
        "stage",
        "unread",
    )

    def __init__(self, address: str, stage: Stage, now: float, cut: Callable[[], None]) -> None:
        self.address = address
        self.stage = stage
        self.since = now
        self.cut = cut
        # Says good-bye: for who has rested long enough and did nothing wrong.
        self.close = cut
        self.unread: Callable[[], int] = int
        # Since when the answer has been waiting for the client to make room.
        self.paused_since: float | None = None
        self._left = 0
        self._stuck_since: float | None = None

    def let_go(self) -> None:
        """The connection is gone: nothing of it is held here."""
        self.cut = self.close = _nothing
        self.unread = int

    def overdue(self, now: float) -> bool:
        """Whether its time is over. Called about once a second: it also watches whether the client takes anything."""
        limit = LIMITS_S[self.stage]
        if limit is not None and now - self.since > limit:
            return True
        if self.paused_since is not None and now - self.paused_since > STALLED_S_MAX:
            return True
        left = self.unread()
        if not left or left < self._left or self._stuck_since is None:
            self._stuck_since = now if left else None
        self._left = left
        return self._stuck_since is not None and now - self._stuck_since > STALLED_S_MAX


class Doors:
    """All visits, by address."""

    def __init__(self, *, connections_max: int = CONNECTIONS_MAX) -> None:
        self.connections_max = connections_max
        self.refused = 0
        self.cut = 0
        self._here: dict[str, dict[Visit, None]] = {}
        self._count = 0
        # Who goes next, and since when it had been doing what it did when it was chosen.
        self._leaving: deque[tuple[Visit, float]] = deque()

    def __len__(self) -> int:
        return self._count

    def open_of(self, address: str) -> int:
        return len(self._here.get(address, ()))

    def enter(self, visit: Visit) -> bool:
        """Whether it may come in. When it is full, somebody who asks nothing makes room."""
        if self._count >= self.connections_max and not self._make_room():
            self.refused += 1
            return False
        self._here.setdefault(visit.address, {})[visit] = None
        self._count += 1
        return True

    def leave(self, visit: Visit) -> None:
        """It is gone; to say so twice does no harm."""
        crowd = self._here.get(visit.address)
        if crowd is None or visit not in crowd:
            return
        del crowd[visit]
        self._count -= 1
        if not crowd:
            del self._here[visit.address]

    def sweep(self, now: float) -> None:
        """Show out everyone whose time is over. Called about once a second."""
        # Who was to leave a while ago need not be who should leave next time: an hour later it may be a feed.
        self._leaving.clear()
        late = [visit for crowd in self._here.values() for visit in crowd if visit.overdue(now)]
        for visit in late:
            if visit.stage is Stage.RESTING and not visit.unread():
                self.leave(visit)
                visit.close()
            else:
                self._show_out(visit)

    def _make_room(self) -> bool:
        while True:
            while self._leaving:
                visit, since = self._leaving.popleft()
                if visit.since == since and visit in self._here.get(visit.address, ()):
                    self._show_out(visit)
                    return True
            self._leaving.extend(self._who_leaves())
            if not self._leaving:
                return False

    def _who_leaves(self) -> list[tuple[Visit, float]]:
        """The next few: of the greediest address, or of all when there is no crowd, or all of the crowd must stay."""
        greediest = max(self._here.values(), key=len)
        few = _first_to_leave(greediest) if len(greediest) >= CROWD else []
        return few or _first_to_leave([visit for crowd in self._here.values() for visit in crowd])

    def _show_out(self, visit: Visit) -> None:
        self.cut += 1
        self.leave(visit)
        visit.cut()


def _first_to_leave(visits: Collection[Visit]) -> list[tuple[Visit, float]]:
    """They are of one kind: the turn of the others may never come."""
    for stages in _LEAVE_FIRST:
        leaving = [visit for visit in visits if visit.stage in stages]
        if leaving:
            first = nsmallest(LOOKED_FOR_AT_ONCE, leaving, key=lambda visit: visit.since)
            return [(visit, visit.since) for visit in first]
    return []


def doors_of_this_process(*, tls: bool) -> Doors:
    """As many connections as there are descriptors for, after asking for as many as the system lets us have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(DESCRIPTORS_WANTED, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    most = TLS_CONNECTIONS_MAX if tls else CONNECTIONS_MAX
    if soft == resource.RLIM_INFINITY:
        return Doors(connections_max=most)
    return Doors(connections_max=max(16, min(most, soft - DESCRIPTORS_KEPT)))
