"""The live feed's frames: what is new after a cursor, and short announcements that are no entries.

A subscriber is a cursor, not a queue: one that reads slowly costs the hub nothing but its connection.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any, Final

import msgspec

from hub.domain.entries import Entry
from hub.ports import JournalReader

ANNOUNCED_MAX: Final = 64
# Frames are kept for this many entries, so that fifty devices cost one encoding.
FRAMES_MAX: Final = 512


class _Typed(msgspec.Struct):
    type: str


_typed: Final = msgspec.json.Decoder(_Typed)


class Feed:
    def __init__(self, journal: JournalReader) -> None:
        self._journal = journal
        self._announced: deque[tuple[int, bytes]] = deque(maxlen=ANNOUNCED_MAX)
        self._standing: dict[str, bytes] = {}
        self._count = 0
        self.closed = False
        self._news = asyncio.Event()
        self._frames: dict[tuple[str, int], tuple[str, bytes]] = {}

    def announce(self, event: str, data: dict[str, Any]) -> None:
        """Say it to everyone who listens now (ports.Announcer)."""
        self._count += 1
        frame = b"event: %b\ndata: %b\n\n" % (event.encode(), msgspec.json.encode(data))
        self._announced.append((self._count, frame))
        self._standing[event] = frame
        self.wake()

    def wake(self) -> None:
        """There is something new: called after each commit."""
        news, self._news = self._news, asyncio.Event()
        news.set()

    def standing(self) -> bytes:
        """The last announcement of each kind, for whoever comes later."""
        return b"".join(self._standing.values())

    @property
    def announced(self) -> int:
        return self._count

    def announcements(self, after: int) -> tuple[int, list[bytes]]:
        """The announcements after the given count, and the count now."""
        return self._count, [frame for number, frame in self._announced if number > after]

    @property
    def news(self) -> asyncio.Event:
        """Set as soon as there is something new. Take it before you look: what comes meanwhile must be heard of."""
        return self._news

    def frame(self, entry: Entry) -> tuple[str, bytes]:
        """An entry's type and its frame."""
        name = (entry.epoch, entry.seq)
        made = self._frames.get(name)
        if made is None:
            kind = _typed.decode(entry.raw).type
            made = (
                kind,
                b"id: %b:%d\nevent: %b\ndata: %b\n\n"
                % (entry.epoch.encode(), entry.seq, kind.encode(), entry.raw),
            )
            if len(self._frames) >= FRAMES_MAX:
                self._frames.pop(next(iter(self._frames)))
            self._frames[name] = made
        return made

    def close(self) -> None:
        """The hub stops: let every subscriber go."""
        self.closed = True
        self.wake()

    @property
    def journal(self) -> JournalReader:
        return self._journal
