"""Facts about people at devices. None of them holds a PIN, or anything it could be guessed from without the box."""

from __future__ import annotations

from typing import ClassVar, Literal

from hub.domain.fact import Fact
from hub.domain.staff import ApprovedLine, Operation

SignOutReason = Literal["signed_out", "replaced", "by_manager"]


class _OfSession(Fact, frozen=True, omit_defaults=True, kw_only=True):
    session_id: str
    device_id: str
    staff_id: str

    def subject(self) -> str:
        return f"staff/{self.staff_id}"


class StaffSignedIn(_OfSession, frozen=True, omit_defaults=True, kw_only=True):
    """expires_at: by the hub's clock. name and role: as the staff master had them."""

    TYPE: ClassVar[str] = "staff.signed_in"
    name: str
    role: str
    expires_at: str


class StaffSignedOut(_OfSession, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "staff.signed_out"
    reason: SignOutReason = "signed_out"


class StaffPinSet(Fact, frozen=True, omit_defaults=True, kw_only=True):
    """hash empty: the member of staff has no PIN any more. Not shown on the feed."""

    TYPE: ClassVar[str] = "staff.pin_set"
    staff_id: str
    hash: str = ""

    def subject(self) -> str:
        return f"staff/{self.staff_id}"


class _OfApproval(Fact, frozen=True, omit_defaults=True, kw_only=True):
    approval_id: str
    operation: Operation
    # What it is about: `subject` is the word for the entry's.
    about: str = ""

    def subject(self) -> str:
        return f"approvals/{self.approval_id}"


class ApprovalAsked(_OfApproval, frozen=True, omit_defaults=True, kw_only=True):
    """device_id and staff_id: where it was asked and who did."""

    TYPE: ClassVar[str] = "approval.asked"
    device_id: str
    expires_at: str
    staff_id: str | None = None
    reason: str = ""
    lines: tuple[ApprovedLine, ...] = ()


class ApprovalGranted(_OfApproval, frozen=True, omit_defaults=True, kw_only=True):
    """device_id: where it was granted; staff_id: by whom, None for a manager's device where nobody is signed in."""

    TYPE: ClassVar[str] = "approval.granted"
    device_id: str
    staff_id: str | None = None


class ApprovalDenied(_OfApproval, frozen=True, omit_defaults=True, kw_only=True):
    TYPE: ClassVar[str] = "approval.denied"
    device_id: str
    staff_id: str | None = None


class ApprovalUsed(_OfApproval, frozen=True, omit_defaults=True, kw_only=True):
    """The command whose facts follow was accepted with it. granted_by: whose leave it was."""

    TYPE: ClassVar[str] = "approval.used"
    granted_by: str | None = None


STAFF_FACTS = (
    StaffSignedIn, StaffSignedOut, StaffPinSet, ApprovalAsked, ApprovalGranted, ApprovalDenied, ApprovalUsed,
)  # fmt: skip
