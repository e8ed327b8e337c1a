"""Late facts of days whose reports are not in memory: none is missed by whoever saves."""

from __future__ import annotations

from hub.domain.facts import OrderPlaced
from hub.domain.report_sums import DayReport
from hub.domain.state import Meta
from hub.service.reports import Reports

ORDER = OrderPlaced(check_id="c", order_id="o", check_no=1, lines=(), check_total=0, check_version=2)


def on(date: str) -> tuple[OrderPlaced, Meta]:
    return ORDER, Meta(1, "e", f"{date}T23:00:00+09:00", date, "d1")


async def test_a_late_fact_that_comes_while_another_day_is_fetched_is_saved_with_it() -> None:
    reports = Reports(known=("2026-11-20", "2026-11-21"))
    reports.fold([on("2026-11-20")])

    async def fetch(date: str) -> DayReport:
        if date == "2026-11-20":
            reports.fold([on("2026-11-21")])
        return DayReport(business_date=date, orders=7)

    found = {report.business_date: report.orders for report in await reports.unsaved(fetch)}
    assert found == {"2026-11-20": 8, "2026-11-21": 8}
