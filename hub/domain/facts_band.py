"""Facts about time bands."""

from __future__ import annotations

from typing import ClassVar

from hub.domain.fact import Fact


class BandSwitched(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """band_id: which rules from now on, None: none. until: when the clock rules again, None: when somebody says so.

    by_clock: the clock rules again from now on; band_id is then the one that it says.
    """

    TYPE: ClassVar[str] = "time_band.switched"
    band_id: str | None
    name: str
    by_clock: bool
    until: str | None
    menu_version: int
    reason: str = ""

    def subject(self) -> str:
        return f"time-bands/{self.band_id}" if self.band_id is not None else "time-bands"


BAND_FACTS = (BandSwitched,)
