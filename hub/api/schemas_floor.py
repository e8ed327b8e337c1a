"""The shapes of what is read about tables and a check's history, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from hub.domain.band import BandNow
from hub.domain.check import Status


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


class HistoryItem(Struct):
    """at: the hub's time. device_time: what the device said, if anything. data: that of the entry, by its type."""

    seq: int
    type: str
    at: str
    time_trusted: bool
    business_date: str
    device_id: str
    device_name: str | None
    staff_id: str | None
    device_time: str | None
    recovered: bool
    data: dict[str, Any]


class HistoryView(Struct):
    """merged_into, split_from: the checks whose histories tell the rest."""

    check_id: str
    check_no: int
    merged_into: str | None
    split_from: str | None
    items: list[HistoryItem]
    next_cursor: str | None


FLOOR_VIEWS = (TableList, HistoryView, BandNow)
