"""What can be asked about people: signing in and out, PINs, and a manager's leave."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from msgspec import Meta

from hub.domain.command import Command, LineQuantity, Text
from hub.domain.menu import END
from hub.domain.staff import Operation

# What stands in a command in the place of a PIN that was found right. No PIN looks like it, and none goes further.
PROVEN: Final = "proven"
Code = Annotated[str, Meta(min_length=1, max_length=32, description="the staff code")]
Pin = Annotated[str, Meta(pattern="^[0-9]{4,12}" + END, description="4 to 12 digits", examples=["4711"])]


class Shown(Command, frozen=True, forbid_unknown_fields=True):
    """Who someone is: a staff code or a staff_id, and the PIN."""

    code: Code | None = None
    pin: Pin | None = None


class SignIn(Shown, frozen=True, forbid_unknown_fields=True):
    """Sign in at this device, by staff code or staff id; with the PIN where the member of staff has one.

    Whoever was signed in at the device is signed out.
    """


class SignOut(Command, frozen=True, forbid_unknown_fields=True):
    """The session in the path ends: that of this device, or of any for a manager's device."""


class SetPin(Command, frozen=True, forbid_unknown_fields=True):
    """The PIN of the member of staff in the path, from now on; null: none any more. Sessions go on."""

    pin: Pin | None


class AskApproval(Command, frozen=True, forbid_unknown_fields=True):
    """Ask for a manager's leave to do an operation once.

    subject: the id that the command will have in its path (a check, a sale, a product), or of the check to settle;
    left out, the leave is for any. lines: those of the one command that is to take them off or give them back, with
    how many portions; it may do less of it, and nothing else.
    """

    FREE_TEXT: ClassVar[tuple[str, ...]] = ("reason", "subject")
    operation: Operation
    subject: Annotated[str, Meta(max_length=200)] = ""
    reason: Text = ""
    lines: Annotated[tuple[LineQuantity, ...], Meta(max_length=200)] = ()


class GrantApproval(Shown, frozen=True, forbid_unknown_fields=True):
    """Allow it: as who is signed in at this device, or as who shows code and PIN (then also on the asking device)."""


class DenyApproval(Shown, frozen=True, forbid_unknown_fields=True):
    """Refuse it, or take back a leave that was not used yet."""
