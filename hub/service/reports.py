"""Day reports follow the journal in memory: they serve reading only, so they cost an order no page on the disk."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from hub.domain.facts import Fact
from hub.domain.report import fold, shares
from hub.domain.report_sums import DayReport
from hub.domain.state import Meta

Fetch = Callable[[str], Awaitable[DayReport | None]]
# Days that stay in memory: today, and yesterday's late entries.
DAYS_KEPT = 3


class Reports:
    """`known`: the days that have a saved report.

    A fact for a saved day that is not in memory waits until it is fetched.
    """

    def __init__(self, known: Iterable[str] = (), loaded: Iterable[DayReport] = ()) -> None:
        self._known = set(known)
        self._days: dict[str, DayReport] = {report.business_date: report for report in loaded}
        self._waiting: dict[str, list[tuple[Fact, Meta]]] = {}
        self._dirty: set[str] = set()

    def fold(self, facts: Sequence[tuple[Fact, Meta]]) -> None:
        for pair in facts:
            for fact, meta in shares(*pair):
                date = meta.business_date
                report = self._days.get(date)
                if report is None:
                    if date in self._known:
                        self._waiting.setdefault(date, []).append((fact, meta))
                        continue
                    report = self._days[date] = DayReport(business_date=date)
                    self._known.add(date)
                fold(report, fact, meta)
                self._dirty.add(date)

    async def of(self, date: str, fetch: Fetch) -> DayReport | None:
        """The report of a day up to the last committed entry; None for a day without entries."""
        if date not in self._days and date in self._known:
            fetched = await fetch(date)
            report = self._days.setdefault(date, fetched or DayReport(business_date=date))
            for fact, meta in self._waiting.pop(date, []):
                fold(report, fact, meta)
                self._dirty.add(date)
        return self._days.get(date)

    async def glance(self, date: str, fetch: Fetch) -> DayReport | None:
        """The same for whoever reads many days: an old one does not stay in memory."""
        if date in self._days or date in self._waiting or date not in self._known:
            return await self.of(date, fetch)
        return await fetch(date)

    async def unsaved(self, fetch: Fetch) -> list[DayReport]:
        """Bring late facts into their days; then what changed since saved() was last called."""
        # While one day is fetched, a late fact of another may come: whoever saves must have that as well.
        while self._waiting:
            await self.of(next(iter(self._waiting)), fetch)
        return [self._days[date] for date in self._dirty]

    def saved(self, reports: Sequence[DayReport]) -> None:
        """These are about to be written as they are now."""
        self._dirty.difference_update(report.business_date for report in reports)

    def not_saved(self, reports: Sequence[DayReport]) -> None:
        self._dirty.update(report.business_date for report in reports)

    def forget_old(self) -> None:
        for date in sorted(self._days)[:-DAYS_KEPT]:
            if date not in self._dirty:
                del self._days[date]
