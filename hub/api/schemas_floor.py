"""The shapes of what is read about tables and a check's history, for the OpenAPI document."""

from __future__ import annotations

from msgspec import Struct

from hub.domain.band import BandNow
from hub.domain.check import Status
from hub.service.history import Happening


class SeatedCheck(Struct):
    """An open or billed check at a table."""

    check_id: str
    check_no: int
    status: Status
    name: str
    guests: int
    shared: bool
    opened_at: str
    total: int
    version: int


class TableView(Struct):
    """checks: who sits there, first come first; several only where all of them share (相席)."""

    id: str
    name: str
    area: str
    checks: list[SeatedCheck]


class TableList(Struct):
    tables: list[TableView]


class SharesView(Struct):
    """割り勘. each: what everyone pays as the check stands now, first the agreed amounts, then `parts` alike.

    null: the agreed amounts do not fit what the check comes to any more; agree anew.
    """

    parts: int
    amounts: list[int]
    each: list[int] | None


class HistoryView(Struct):
    """merged_into, split_from: the checks whose histories tell the rest."""

    check_id: str
    check_no: int
    merged_into: str | None
    split_from: str | None
    items: list[Happening]
    next_cursor: str | None


FLOOR_VIEWS = (TableList, HistoryView, BandNow)
