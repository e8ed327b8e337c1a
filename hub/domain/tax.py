"""Which rate of consumption tax applies, by class, dining and date: rates are data with a start date-time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time
from typing import Literal

from hub.domain.menu import Dining, TaxClass, TaxRate

RateClass = Literal["standard", "reduced", "zero", "exempt"]


def rate_class(tax_class: TaxClass, dining: Dining) -> RateClass:
    """Food is at the reduced rate when taken out and at the standard rate when eaten in."""
    if tax_class == "food":
        return "reduced" if dining == "takeout" else "standard"
    return tax_class


class TaxSchedule:
    """Rates by class and the instant from which they hold."""

    __slots__ = ("_by_class",)

    def __init__(self, rates: Iterable[TaxRate], *, change_time: str = "") -> None:
        """change_time: HH:MM at which the store lets a rate begin that is said to begin at midnight; "": at midnight.

        A store that is open past midnight then closes its day at the rates with which it began it. Anything that is no
        time of day counts as none: a word that nobody knows must not stop the store.
        """
        later_s = _seconds(change_time)
        self._by_class: dict[str, list[tuple[float, str]]] = {}
        for rate in rates:
            start = datetime.fromisoformat(rate.since)
            since = start.timestamp() + (later_s if start.time() == time() else 0)
            self._by_class.setdefault(rate.tax_class, []).append((since, rate.rate))
        for steps in self._by_class.values():
            steps.sort(reverse=True)

    def rate(self, tax_class: TaxClass, dining: Dining, at: float) -> str | None:
        """The rate as a decimal string; None for exempt. `at` in seconds since 1970.

        A class without any rate yet is at '0': a store without tax data can still sell.
        """
        name = rate_class(tax_class, dining)
        if name == "exempt":
            return None
        for since, rate in self._by_class.get(name, ()):
            if since <= at:
                return rate
        return "0"


def _seconds(text: str) -> int:
    try:
        when = time.fromisoformat(text)
    except ValueError:
        return 0
    return when.hour * 3600 + when.minute * 60
