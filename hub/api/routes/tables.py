"""Who sits where."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from hub.api.reply import allowed, box_of, ref, reply
from hub.api.schemas_floor import SeatedCheck, TableView
from hub.domain.check import Check
from hub.domain.device import Device
from hub.domain.menu import Table
from hub.domain.seats import shown
from hub.domain.state import State

router = APIRouter(tags=["floor"])


@router.get("/v1/tables", summary="Every table and who sits there", responses=ref("TableList"))
async def tables(request: Request, _: Annotated[Device, Depends(allowed("floor.read"))]) -> Response:
    state = box_of(request).core.state
    known = state.tables.committed
    # A store may work without having named its tables, and one may be taken off the list while somebody sits there.
    unnamed = [
        Table(table_id, table_id) for table_id in sorted(state.seated.committed) if table_id not in known
    ]
    return reply({"tables": [_view(state, table) for table in (*known.values(), *unnamed)]})


def _view(state: State, table: Table) -> TableView:
    checks = [state.checks.committed.get(check_id) for check_id in shown(state, table.id)]
    return TableView(
        table.id, table.name, table.area, [_seated(check) for check in checks if check is not None]
    )


def _seated(check: Check) -> SeatedCheck:
    return SeatedCheck(
        check_id=check.check_id,
        check_no=check.check_no,
        status=check.status,
        name=check.name,
        guests=check.guests,
        shared=check.shared,
        opened_at=check.opened_at,
        total=check.total,
        version=check.version,
    )
