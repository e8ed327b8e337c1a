"""Reads about people: the staff, who is signed in where, and approvals."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from hub.api.reply import allowed, box_of, ref, reply
from hub.domain.device import Device
from hub.domain.permissions import Committed, may_do, role_at, roles_for, session_at
from hub.domain.staff import OPERATIONS, Approval
from hub.service.box import Box

router = APIRouter(tags=["staff"])


@router.get("/v1/staff", summary="The staff, and who is signed in where", responses=ref("StaffList"))
async def staff(request: Request, _: Annotated[Device, Depends(allowed("staff.session"))]) -> Response:
    box = box_of(request)
    state = box.core.state
    people, now = Committed(state), box.clock.unix_s()
    places: dict[str, list[str]] = {}
    for device_id in state.staff_sessions.committed:
        session = session_at(people, device_id, now)
        if session is not None:
            places.setdefault(session.staff_id, []).append(device_id)
    rows = [
        {
            "id": one.id,
            "code": one.code,
            "name": one.name,
            "role": one.role,
            "has_pin": one.id in state.staff_pins.committed,
            "signed_in_at": sorted(places.get(one.id, ())),
        }
        for one in state.staff.committed.values()
    ]
    return reply({"staff": rows})


@router.get(
    "/v1/staff-sessions/current",
    summary="Who is signed in at this device, and what it may do",
    responses=ref("StaffHere"),
)
async def here(request: Request, device: Annotated[Device, Depends(allowed("staff.session"))]) -> Response:
    box = box_of(request)
    people, now = Committed(box.core.state), box.clock.unix_s()
    session = session_at(people, device.device_id, now)
    role = role_at(people, device, now)
    view = None
    if session is not None:
        view = {
            "session_id": session.session_id,
            "staff_id": session.staff_id,
            "role": role,
            "signed_in_at": session.signed_in_at,
            "expires_at": session.expires_at,
        }
    may = [name for name in OPERATIONS if (roles := roles_for(people, name)) is None or may_do(roles, role)]
    return reply({"session": view, "may": may})


@router.get("/v1/approvals", summary="Approvals of these days, newest first", responses=ref("ApprovalList"))
async def approvals(request: Request, _: Annotated[Device, Depends(allowed("approval"))]) -> Response:
    box = box_of(request)
    found = sorted(box.core.state.approvals.committed.values(), key=lambda one: one.asked_at, reverse=True)
    return reply({"approvals": [_view(box, one) for one in found]})


def _view(box: Box, approval: Approval) -> dict[str, Any]:
    return {
        "approval_id": approval.approval_id,
        "operation": approval.operation,
        "subject": approval.subject,
        "reason": approval.reason,
        "lines": approval.lines,
        "status": approval.standing(box.clock.unix_s()),
        "device_id": approval.device_id,
        "staff_id": approval.staff_id,
        "asked_at": approval.asked_at,
        "expires_at": approval.expires_at,
        "decided_at": approval.decided_at,
        "decided_by": approval.decided_by,
        "used_at": approval.used_at,
    }
