"""Who stands at a device, and what the store lets them do.

Two locks, one behind the other. The device's role (hub/domain/device.py) says what a device may ask at all. Behind it,
only where the store switched it on, the role of the member of staff says who may do the operations below.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, Literal, get_args

from msgspec import Struct

Operation = Literal[
    "abort", "discount", "drawer", "points", "price", "refund", "report", "settlement", "staff", "stock", "void",
    "void_sale",
]  # fmt: skip
OPERATIONS: Final[tuple[Operation, ...]] = get_args(Operation)

# A role of the staff master may be any word; these are the ones the table knows. Whoever has another may do none of it.
MANAGER: Final = "manager"
LEADER: Final = "leader"
CASHIER: Final = "cashier"
# Anyone who is signed in.
EVERYONE: Final = "*"
# The default table: operation -> the staff roles that do it without asking. A setting `permission.<operation>` with
# roles separated by commas, or `*`, stands in its place.
DEFAULTS: Final[dict[Operation, frozenset[str]]] = {
    "abort": frozenset({MANAGER, LEADER}),
    "discount": frozenset({MANAGER, LEADER, CASHIER}),
    "drawer": frozenset({MANAGER, LEADER, CASHIER}),
    "points": frozenset({MANAGER, LEADER}),
    "price": frozenset({MANAGER}),
    "refund": frozenset({MANAGER, LEADER}),
    "report": frozenset({MANAGER, LEADER}),
    "settlement": frozenset({MANAGER, LEADER, CASHIER}),
    "staff": frozenset({MANAGER}),
    "stock": frozenset({MANAGER, LEADER}),
    "void": frozenset({MANAGER, LEADER, CASHIER}),
    "void_sale": frozenset({MANAGER, LEADER}),
}

STAFF_REQUIRED: Final = "staff_required"
SESSION_MINUTES: Final = "staff_session_minutes"
APPROVAL_MINUTES: Final = "approval_minutes"
# A shift. A handheld that was left signed in overnight is nobody's in the morning.
SESSION_MINUTES_DEFAULT: Final = 12 * 60
# As long as a guest waits for a manager.
APPROVAL_MINUTES_DEFAULT: Final = 10
MINUTES_MAX: Final = 24 * 60


class StaffSession(Struct, frozen=True):
    """One member of staff at one device. A device has one at a time: whoever signs in takes it over."""

    session_id: str
    device_id: str
    staff_id: str
    signed_in_at: str
    expires_at: str
    expires_unix_s: float


class StaffPin(Struct, frozen=True):
    """hash: scrypt over the PIN, keyed with a secret of the box that is in no entry, with its parameters and salt."""

    staff_id: str
    hash: str
    set_at: str


# asked: until a manager answers or its minutes are over.  granted: for one use, within its minutes.
# denied: a manager said no, or took back what was granted.  used: a command was accepted with it.
ApprovalStatus = Literal["asked", "granted", "denied", "used"]


class ApprovalMove(StrEnum):
    GRANT = "grant"
    DENY = "deny"
    USE = "use"


NEXT: Final[dict[tuple[ApprovalStatus, ApprovalMove], ApprovalStatus]] = {
    ("asked", ApprovalMove.GRANT): "granted",
    ("asked", ApprovalMove.DENY): "denied",
    ("granted", ApprovalMove.DENY): "denied",
    ("granted", ApprovalMove.USE): "used",
}


class ApprovedLine(Struct, frozen=True):
    """So many portions of a line, at most."""

    line_id: str
    quantity: int


class Approval(Struct, frozen=True, omit_defaults=True):
    """Leave to do one operation once, asked for at a device. subject: what it is about, e.g. the id of a check.

    lines: what the one command may take off or give back; none: whatever it is.
    """

    approval_id: str
    operation: Operation
    device_id: str
    business_date: str
    asked_at: str
    expires_at: str
    expires_unix_s: float
    status: ApprovalStatus = "asked"
    subject: str = ""
    reason: str = ""
    staff_id: str | None = None
    decided_at: str | None = None
    decided_by: str | None = None
    decided_on: str | None = None
    used_at: str | None = None
    lines: tuple[ApprovedLine, ...] = ()

    def covers(self, taken: Mapping[str, int]) -> bool:
        """Whether a command that takes so much off these lines does no more than was allowed."""
        if not self.lines:
            return True
        most = {line.line_id: line.quantity for line in self.lines}
        return bool(taken) and all(quantity <= most.get(line_id, 0) for line_id, quantity in taken.items())

    def standing(self, unix_s: float) -> str:
        """The status, or `expired` for one that nobody used in time."""
        over = self.status in ("asked", "granted") and unix_s >= self.expires_unix_s
        return "expired" if over else self.status
