"""Signing in and out, PINs, and a manager's leave."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hub.domain.commands_staff import (
    PROVEN,
    AskApproval,
    DenyApproval,
    GrantApproval,
    SetPin,
    SignIn,
    SignOut,
)
from hub.domain.decide.at import At
from hub.domain.errors import ApprovalRequired, Conflict, Forbidden, InvalidRequest, NotFound, SignInRefused
from hub.domain.facts import Fact
from hub.domain.facts_staff import (
    ApprovalAsked,
    ApprovalDenied,
    ApprovalGranted,
    SignOutReason,
    StaffPinSet,
    StaffSignedIn,
    StaffSignedOut,
)
from hub.domain.menu import Staff
from hub.domain.permissions import find_staff, may_do, minutes_of, role_at, roles_for, session_at
from hub.domain.staff import (
    APPROVAL_MINUTES,
    APPROVAL_MINUTES_DEFAULT,
    DEFAULTS,
    NEXT,
    SESSION_MINUTES,
    SESSION_MINUTES_DEFAULT,
    Approval,
    ApprovalMove,
    ApprovedLine,
    StaffSession,
)
from hub.domain.state import State


def sign_in(state: State, command: SignIn, at: At) -> list[Fact]:
    staff = _shown(state, command)
    before = state.staff_sessions.get(at.device.device_id)
    minutes = minutes_of(state, SESSION_MINUTES, SESSION_MINUTES_DEFAULT)
    facts: list[Fact] = [] if before is None else [_out(before, "replaced")]
    facts.append(
        StaffSignedIn(
            session_id=at.mint(),
            device_id=at.device.device_id,
            staff_id=staff.id,
            name=staff.name,
            role=staff.role,
            expires_at=_in_minutes(at, minutes),
        )
    )
    return facts


def _shown(state: State, command: SignIn | GrantApproval | DenyApproval) -> Staff:
    """Who shows a code and, where there is one, a PIN that was found right. Raises SignInRefused."""
    if command.staff_id is None and command.code is None:
        raise InvalidRequest.at("code", "name a staff code or a staff_id")
    staff = find_staff(state, command.staff_id, command.code)
    if staff is None or (state.staff_pins.get(staff.id) is not None) != (command.pin == PROVEN):
        raise SignInRefused
    return staff


def _out(session: StaffSession, reason: SignOutReason) -> StaffSignedOut:
    return StaffSignedOut(
        session_id=session.session_id,
        device_id=session.device_id,
        staff_id=session.staff_id,
        reason=reason,
    )


def _in_minutes(at: At, minutes: int) -> str:
    then = datetime.fromisoformat(at.stamp.time) + timedelta(minutes=minutes)
    return then.isoformat(timespec="milliseconds")


def sign_out(state: State, command: SignOut, at: At) -> list[Fact]:
    found = [session for _, session in state.staff_sessions.items() if session.session_id == at.target]
    if not found:
        raise NotFound(kind="staff session", id=at.target)
    own = found[0].device_id == at.device.device_id
    if not own and at.device.role != "manager":
        raise Forbidden(role=at.device.role)
    return [_out(found[0], "signed_out" if own else "by_manager")]


def set_pin(state: State, command: SetPin, at: At) -> list[Fact]:
    if state.staff.get(at.target) is None:
        raise NotFound(kind="staff", id=at.target)
    return [StaffPinSet(staff_id=at.target, hash=command.pin or "")]


def ask_approval(state: State, command: AskApproval, at: At) -> list[Fact]:
    session = session_at(state, at.device.device_id, at.stamp.unix_s)
    return [
        ApprovalAsked(
            approval_id=at.mint(),
            operation=command.operation,
            about=command.subject,
            device_id=at.device.device_id,
            expires_at=_in_minutes(at, minutes_of(state, APPROVAL_MINUTES, APPROVAL_MINUTES_DEFAULT)),
            staff_id=command.staff_id or (None if session is None else session.staff_id),
            reason=command.reason,
            lines=tuple(ApprovedLine(line.line_id, line.quantity) for line in command.lines),
        )
    ]


def grant_approval(state: State, command: GrantApproval, at: At) -> list[Fact]:
    approval = _open_approval(state, at, ApprovalMove.GRANT)
    return [
        ApprovalGranted(
            approval_id=approval.approval_id,
            operation=approval.operation,
            about=approval.subject,
            device_id=at.device.device_id,
            staff_id=_decider(state, command, approval, at),
        )
    ]


def deny_approval(state: State, command: DenyApproval, at: At) -> list[Fact]:
    approval = _open_approval(state, at, ApprovalMove.DENY)
    return [
        ApprovalDenied(
            approval_id=approval.approval_id,
            operation=approval.operation,
            about=approval.subject,
            device_id=at.device.device_id,
            staff_id=_decider(state, command, approval, at),
        )
    ]


def _open_approval(state: State, at: At, move: ApprovalMove) -> Approval:
    approval = state.approvals.get(at.target)
    if approval is None:
        raise NotFound(kind="approval", id=at.target)
    standing = approval.standing(at.stamp.unix_s)
    if (standing, move) not in NEXT:
        raise Conflict(reason=f"The approval is {standing}: ask for a new one.")
    return approval


def _decider(state: State, command: GrantApproval | DenyApproval, approval: Approval, at: At) -> str | None:
    """Who decides; None for a manager's own device where nobody is signed in. Raises ApprovalRequired, SignInRefused.

    A code alone decides nothing: it stands on a badge. So who is not signed in shows a PIN.
    """
    roles = roles_for(state, approval.operation) or DEFAULTS[approval.operation]
    if command.code is not None or command.staff_id is not None:
        staff = _shown(state, command)
        if command.pin != PROVEN:
            raise SignInRefused
        role: str | None = staff.role
        staff_id: str | None = staff.id
    else:
        session = session_at(state, at.device.device_id, at.stamp.unix_s)
        role = role_at(state, at.device, at.stamp.unix_s)
        staff_id = None if session is None else session.staff_id
    if not may_do(roles, role):
        raise ApprovalRequired(operation=approval.operation, approval_status=approval.status)
    return staff_id


DECISIONS: dict[type[Any], Any] = {
    SignIn: sign_in,
    SignOut: sign_out,
    SetPin: set_pin,
    AskApproval: ask_approval,
    GrantApproval: grant_approval,
    DenyApproval: deny_approval,
}
