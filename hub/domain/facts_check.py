"""Facts about who sits at a check and how it stands among others."""

from __future__ import annotations

from typing import ClassVar

import msgspec
from msgspec import Struct

from hub.domain.check import Line
from hub.domain.fact import OfCheck
from hub.domain.menu import Dining


class LineRate(Struct, frozen=True):
    """The rate that a line has from now on. None: exempt."""

    line_id: str
    tax_rate: str | None


class CheckChanged(OfCheck, frozen=True, omit_defaults=True, kw_only=True):
    """Everything that can be changed, as it is after it. rerated: the lines whose tax the new dining changed."""

    TYPE: ClassVar[str] = "check.changed"
    check_no: int
    guests: int
    name: str
    dining: Dining
    shared: bool
    customer_groups: dict[str, int]
    check_version: int
    check_total: int
    rerated: tuple[LineRate, ...] = ()


class CheckUnmerged(OfCheck, frozen=True, omit_defaults=True, kw_only=True):
    """check_id gave unmerged_check_id back: these lines, as they are there now, and its guests and tables.

    table_ids, guests and customer_groups: those that check_id has from now on.
    """

    TYPE: ClassVar[str] = "check.unmerged"
    check_no: int
    table_ids: tuple[str, ...]
    guests: int
    check_version: int
    check_total: int
    unmerged_check_id: str
    unmerged_check_no: int
    unmerged_check_version: int
    unmerged_check_total: int
    unmerged_table_ids: tuple[str, ...]
    lines: tuple[Line, ...]
    customer_groups: dict[str, int] = msgspec.field(default_factory=dict)


class SharesPlanned(OfCheck, frozen=True, omit_defaults=True, kw_only=True):
    """shares: what each pays as the check stands now: first the amounts that were agreed, then `parts` alike.

    None of all these: the check is paid as a whole.
    """

    TYPE: ClassVar[str] = "shares.planned"
    check_no: int
    amounts: tuple[int, ...]
    parts: int
    shares: tuple[int, ...]
    check_version: int
    check_total: int


CHECK_FACTS = (CheckChanged, CheckUnmerged, SharesPlanned)
