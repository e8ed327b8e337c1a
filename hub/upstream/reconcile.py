"""Compare with the cloud per business day: counts, amounts and the last entry's hash."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date
from typing import Any, Final

from hub.ports import JournalReader
from hub.upstream.answers import Totals
from hub.upstream.client import CloudClient
from hub.upstream.keeper import Keeper
from hub.upstream.ledger import Day
from hub.upstream.records import Row

log = logging.getLogger(__name__)

DAYS_COMPARED_MAX: Final = 10


class Reconciler:
    """`rows` hold the newest comparison of each of the last days."""

    def __init__(
        self,
        *,
        keeper: Keeper,
        client: CloudClient,
        journal: JournalReader,
        now: Callable[[], str],
        monotonic: Callable[[], float],
        every_s: float,
    ) -> None:
        self._keeper = keeper
        self._client = client
        self._journal = journal
        self._now = now
        self._monotonic = monotonic
        self._every_s = every_s
        self._compared_at: float | None = None
        self._failed_at: float | None = None

    def soon(self) -> None:
        """Somebody wants to see: compare all days anew as soon as there is nothing to send."""
        self._keeper.changed.update(name for name, _ in self._keeper.ledger.recent(DAYS_COMPARED_MAX))
        self._compared_at = self._failed_at = None

    def due(self, *, drained_replay: bool) -> bool:
        """After a replay at once, else about once a minute while days change."""
        if not self._keeper.changed:
            return False
        if self._failed_at is not None and self._monotonic() - self._failed_at < self._every_s:
            return False
        if drained_replay or self._compared_at is None:
            return True
        return self._monotonic() - self._compared_at >= self._every_s

    async def compare(self) -> None:
        """Ask for each changed day; new entries to send come first. Raises Trouble."""
        # A cloud that cannot add up must not keep the replay from its work.
        self._failed_at = self._monotonic()
        await self._compare()
        self._failed_at = None

    async def _compare(self) -> None:
        await self._keeper.recount()
        for name, day in list(self._keeper.ledger.recent(DAYS_COMPARED_MAX)):
            if name not in self._keeper.changed:
                continue
            upto = self._keeper.ledger.at
            if self._journal.position.seq > self._keeper.acked.seq or upto.seq > self._keeper.acked.seq:
                return
            # What was counted is compared, though the day may grow while the answer is on its way.
            mine = _sums(day)
            partial = day.partial
            totals, answer = await self._client.totals(name, upto) if _is_date(name) else (None, None)
            if answer is not None:
                self._client.trust(answer)
            self._put(name, mine, totals, partial=partial)
            self._keeper.changed.discard(name)
        self._compared_at = self._monotonic()
        self._keeper.changed &= {name for name, _ in self._keeper.ledger.recent(DAYS_COMPARED_MAX)}
        await self._keeper.save(now=True)

    def _put(self, name: str, mine: dict[str, Any], totals: Totals | None, *, partial: bool) -> None:
        theirs = None if totals is None else _sums(totals)
        agrees = None if theirs is None or partial else theirs == mine
        if agrees is False:
            log.error("%s: the cloud does not agree. Ours: %s. Its: %s", name, mine, theirs)
        row = Row(business_date=name, agrees=agrees, hub=mine, cloud=theirs, at=self._now())
        rows = [one for one in self._keeper.progress.rows if one.business_date != name]
        rows.append(row)
        rows.sort(key=lambda one: one.business_date, reverse=True)
        self._keeper.progress.rows = rows[:DAYS_COMPARED_MAX]


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _sums(day: Day | Totals) -> dict[str, int | str]:
    return {
        "entries": day.entries,
        "sales": day.sales,
        "total": day.total,
        "last_seq": day.last_seq,
        "hash": day.hash,
    }
