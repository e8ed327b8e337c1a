"""The shapes of what is read about tables and a check's history, for the OpenAPI document."""

from __future__ import annotations

from msgspec import Struct

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


FLOOR_VIEWS = (TableList,)
