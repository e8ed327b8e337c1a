"""The shapes of what is read about people."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from hub.domain.staff import ApprovedLine, Operation


class StaffView(Struct):
    """signed_in_at: the ids of the devices where they are."""

    id: str
    code: str
    name: str
    role: str
    has_pin: bool
    signed_in_at: list[str]


class StaffList(Struct):
    staff: list[StaffView]


class SessionView(Struct):
    session_id: str
    staff_id: str
    role: str
    signed_in_at: str
    expires_at: str


class StaffHere(Struct):
    """may: the operations that need no approval here and now, beside what the device's role allows."""

    session: SessionView | None
    may: list[Operation]


class ApprovalView(Struct):
    """decided_by null and decided_at set: on a manager's device where nobody was signed in."""

    approval_id: str
    operation: Operation
    subject: str
    reason: str
    lines: list[ApprovedLine]
    status: Literal["asked", "granted", "denied", "used", "expired"]
    device_id: str
    staff_id: str | None
    asked_at: str
    expires_at: str
    decided_at: str | None
    decided_by: str | None
    used_at: str | None


class ApprovalList(Struct):
    approvals: list[ApprovalView]


VIEWS: Final[dict[str, type[Struct]]] = {
    "StaffList": StaffList,
    "StaffHere": StaffHere,
    "ApprovalList": ApprovalList,
}
