"""What the facts about people mean for sessions, PINs and approvals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from hub.domain.evolve_floor import Misfit
from hub.domain.fact import Fact
from hub.domain.facts_staff import (
    ApprovalAsked,
    ApprovalDenied,
    ApprovalGranted,
    ApprovalUsed,
    StaffPinSet,
    StaffSignedIn,
    StaffSignedOut,
)
from hub.domain.permissions import unix_of
from hub.domain.staff import NEXT, Approval, ApprovalMove, StaffPin, StaffSession
from hub.domain.state import Meta, State


def signed_in(state: State, fact: StaffSignedIn, meta: Meta) -> None:
    now = state.staff_sessions.get(fact.device_id)
    session = StaffSession(
        session_id=fact.session_id,
        device_id=fact.device_id,
        staff_id=fact.staff_id,
        signed_in_at=meta.time,
        expires_at=fact.expires_at,
        expires_unix_s=unix_of(fact.expires_at),
    )
    # Only a recovered entry can find one there: whoever has signed in since stays.
    if now is None or now.signed_in_at <= session.signed_in_at:
        state.staff_sessions.put(fact.device_id, session)


def signed_out(state: State, fact: StaffSignedOut, meta: Meta) -> None:
    session = state.staff_sessions.get(fact.device_id)
    # A recovered one may be of a session that another has followed.
    if session is not None and session.session_id == fact.session_id:
        state.staff_sessions.remove(fact.device_id)


def pin_set(state: State, fact: StaffPinSet, meta: Meta) -> None:
    if fact.hash:
        state.staff_pins.put(fact.staff_id, StaffPin(fact.staff_id, fact.hash, meta.time))
    elif state.staff_pins.get(fact.staff_id) is not None:
        state.staff_pins.remove(fact.staff_id)


def approval_asked(state: State, fact: ApprovalAsked, meta: Meta) -> None:
    state.approvals.put(
        fact.approval_id,
        Approval(
            approval_id=fact.approval_id,
            operation=fact.operation,
            device_id=fact.device_id,
            business_date=meta.business_date,
            asked_at=meta.time,
            expires_at=fact.expires_at,
            expires_unix_s=unix_of(fact.expires_at),
            subject=fact.about,
            reason=fact.reason,
            staff_id=fact.staff_id,
            lines=fact.lines,
        ),
    )


def approval_granted(state: State, fact: ApprovalGranted, meta: Meta) -> None:
    _decided(state, fact, meta, ApprovalMove.GRANT)


def approval_denied(state: State, fact: ApprovalDenied, meta: Meta) -> None:
    _decided(state, fact, meta, ApprovalMove.DENY)


def _decided(state: State, fact: ApprovalGranted | ApprovalDenied, meta: Meta, move: ApprovalMove) -> None:
    approval = replace(
        _moved(state, fact.approval_id, move),
        decided_at=meta.time,
        decided_by=fact.staff_id,
        decided_on=fact.device_id,
    )
    state.approvals.put(fact.approval_id, approval)


def approval_used(state: State, fact: ApprovalUsed, meta: Meta) -> None:
    approval = replace(_moved(state, fact.approval_id, ApprovalMove.USE), used_at=meta.time)
    state.approvals.put(fact.approval_id, approval)


def _moved(state: State, approval_id: str, move: ApprovalMove) -> Approval:
    approval = state.approvals.get(approval_id)
    if approval is None:
        raise Misfit(f"approval {approval_id} is not there")
    status = NEXT.get((approval.status, move))
    if status is None:
        raise Misfit(f"approval {approval_id} is {approval.status}: no {move.value}")
    return replace(approval, status=status)


def left(state: State, staff_id: str) -> None:
    """Someone left the staff: the PIN goes with them. A session of theirs counts for nothing."""
    if state.staff_pins.get(staff_id) is not None:
        state.staff_pins.remove(staff_id)


EVOLUTIONS: Final[dict[type[Fact], Callable[[State, Any, Meta], None]]] = {
    StaffSignedIn: signed_in,
    StaffSignedOut: signed_out,
    StaffPinSet: pin_set,
    ApprovalAsked: approval_asked,
    ApprovalGranted: approval_granted,
    ApprovalDenied: approval_denied,
    ApprovalUsed: approval_used,
}
