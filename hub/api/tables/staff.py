"""People at devices, and a manager's leave."""

from __future__ import annotations

from typing import Final

from hub.api.tables.write import Write
from hub.domain import commands_staff as commands
from hub.domain import facts_staff as facts

_SHOWN: Final = ("sign-in-refused", "too-many-requests")

WRITES: Final[tuple[Write, ...]] = (
    Write(
        "POST", "/v1/staff-sessions", commands.SignIn, facts.StaffSignedIn, ("staff.session",),
        "Sign in at this device", 201, refusals=_SHOWN, example={"code": "12", "pin": "4711"}, secret=True,
    ),
    Write(
        "DELETE", "/v1/staff-sessions/{id}", commands.SignOut, facts.StaffSignedOut, ("staff.session",), "Sign out",
    ),
    Write(
        "POST", "/v1/staff/{id}/pin", commands.SetPin, facts.StaffPinSet, ("staff.pin",), "Set or take away a PIN",
        example={"pin": "4711"}, secret=True,
    ),
    Write(
        "POST", "/v1/approvals", commands.AskApproval, facts.ApprovalAsked, ("approval",), "Ask for a manager's leave",
        201, example={
            "operation": "void", "subject": "c-1", "reason": "dropped", "lines": [{"line_id": "l-1", "quantity": 2}],
        },
    ),
    Write(
        "POST", "/v1/approvals/{id}/grant", commands.GrantApproval, facts.ApprovalGranted, ("approval",),
        "Allow it once", refusals=("conflict", *_SHOWN), example={}, secret=True,
    ),
    Write(
        "POST", "/v1/approvals/{id}/deny", commands.DenyApproval, facts.ApprovalDenied, ("approval",), "Refuse it",
        refusals=("conflict", *_SHOWN), example={"code": "1", "pin": "4711"}, secret=True,
    ),
)  # fmt: skip
