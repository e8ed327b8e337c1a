"""Keeps a second medium's bases in step with the journal, and its size in bounds."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from hub.mirror.bases import Base, Shipment, drop_old
from hub.mirror.medium import Medium, first_seq_of, segments
from hub.ports import JournalReader

log = logging.getLogger(__name__)

# A new base after so many entries, about a week of a store: what a replaced box reads again, against wear.
EVERY_ENTRIES: Final = 20_000
# After a base that could not be made or written.
AGAIN_S: Final = 3600.0


class Stock:
    """look(), step() and close() are for the medium's thread. make: writes a base to a file of the box.

    A base is due when the journal or the medium does not begin with the first entry. Then entries that the journal has
    removed and the bases know go from the medium too.
    """

    def __init__(
        self, medium: Medium, journal: JournalReader, make: Callable[[], Awaitable[tuple[Path, int] | None]]
    ) -> None:
        self._medium = medium
        self._journal = journal
        self._make = make
        self._known: list[Base] = []
        self._first = 1
        # Where the journal began when the medium was tidied last.
        self._tidied = 1
        self._making: asyncio.Task[tuple[Path, int] | None] | None = None
        self._shipment: Shipment | None = None
        self._not_before = 0.0

    def look(self) -> None:
        """See what is on the medium, which may be another than before. Raises OSError."""
        if self._shipment is not None:
            self._shipment.begin_again()
        self._tidy()

    def due(self, seq: int) -> bool:
        """Whether step() has something to do, while the medium stands at this entry; begins to make a base."""
        self._take()
        idle = self._shipment is None and self._making is None and time.monotonic() >= self._not_before
        if idle and self._wanted(seq):
            self._making = asyncio.ensure_future(self._make())
        arrived = self._shipment is not None and self._shipment.seq <= seq
        return arrived or self._tidied != self._journal.first_seq

    def _wanted(self, seq: int) -> bool:
        if self._journal.first_seq == 1 and self._first <= 1:
            return False
        return not self._known or seq - self._known[0].seq >= EVERY_ENTRIES

    def _take(self) -> None:
        """A base that has been made is sent when the medium's entries have come to it."""
        task = self._making
        if task is None or not task.done():
            return
        self._making = None
        if (error := task.exception()) is not None:
            log.warning("a base for the mirror could not be made: %r", error)
        made = task.result() if error is None else None
        if made is None or (self._known and made[1] <= self._known[0].seq):
            self._not_before = time.monotonic() + AGAIN_S
        else:
            self._shipment = Shipment(made[0], self._medium.folder, made[1])

    def step(self) -> bool:
        """One piece of work; whether there is more. Raises OSError when the medium cannot even be read."""
        if self._shipment is not None and not self._joins(self._shipment.seq):
            # Made before the medium was begun anew, or for another one.
            self._shipment.give_up()
            self._shipment = None
        if self._shipment is not None and self._shipment.seq <= self._medium.position.seq:
            try:
                if self._shipment.step():
                    return True
            except OSError as error:
                # Entries matter more: those may still fit. A medium that is gone shows with the next one.
                log.warning("a base could not be written to the mirror: %s", error)
                self._shipment.give_up()
                self._not_before = time.monotonic() + AGAIN_S
            self._shipment = None
        self._tidy()
        return False

    def _joins(self, base: int) -> bool:
        """Whether the medium's entries go on from a base of this one."""
        return base >= self._first - 1

    def _tidy(self) -> None:
        self._first = self._begins()
        self._known = [base for base in drop_old(self._medium.folder) if self._joins(base.seq)]
        self._tidied = self._journal.first_seq
        if self._known:
            # The entry that a base is as of stays, to prove that the two belong together.
            self._medium.forget_before(min(self._tidied, self._known[-1].seq))
            self._first = self._begins()

    def _begins(self) -> int:
        """The medium's first entry, which may be still to come."""
        found = segments(self._medium.folder)
        return first_seq_of(found[0]) if found else self._medium.position.seq + 1

    def end(self) -> None:
        """No other base is begun."""
        if self._making is not None:
            self._making.cancel()

    def close(self) -> None:
        """Let go of the files."""
        if self._shipment is not None:
            self._shipment.begin_again()
