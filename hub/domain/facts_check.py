"""Facts about who sits at a check and how it stands among others."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

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


CHECK_FACTS = (CheckChanged,)
