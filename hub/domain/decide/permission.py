"""The one place where a command's needed permission is looked up and checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from hub.domain.commands import (
    AbortCheck,
    CallStaff,
    ChangeProduct,
    Command,
    CompleteSale,
    RecordFact,
    RefundSale,
    TakeNumbers,
    VoidLines,
    VoidSale,
)
from hub.domain.commands_band import SwitchBand
from hub.domain.commands_credit import FailPayment, ReversePayment
from hub.domain.commands_customer import AdjustPoints
from hub.domain.commands_day import CloseDay, MoveDrawer, SettleRegister
from hub.domain.commands_layaway import CancelLayaway, OpenLayaway
from hub.domain.commands_lines import ChangeQuantity
from hub.domain.commands_plan import SetTableCharge
from hub.domain.commands_price import STAFF_PRICES, DiscountCheck, RepriceCheck
from hub.domain.commands_receipt import WithdrawAccountReceipt, WithdrawDepositReceipt, WithdrawFormalReceipt
from hub.domain.commands_staff import AskApproval, DenyApproval, GrantApproval, SetPin, Shown, SignIn, SignOut
from hub.domain.commands_stock import CountStock, MoveStock
from hub.domain.decide.at import At
from hub.domain.device import HUB_ID, Role
from hub.domain.errors import ApprovalRequired, InvalidRequest, SignInRequired
from hub.domain.facts_staff import ApprovalUsed
from hub.domain.permissions import may_do, required, role_at, roles_for, session_at
from hub.domain.staff import NEXT, ApprovalMove, Operation
from hub.domain.state import State


def _of_sale(state: State, command: CompleteSale, at: At) -> tuple[Operation, ...]:
    found: list[Operation] = ["discount"] if command.discounts or command.price_list == STAFF_PRICES else []
    if command.points_used:
        found.append("points")
    return tuple(found)


def _of_discount(state: State, command: DiscountCheck, at: At) -> tuple[Operation, ...]:
    """What a coupon takes off is not for whoever types it in to decide."""
    return ("discount",) if command.coupon is None else ()


def _of_prices(state: State, command: RepriceCheck, at: At) -> tuple[Operation, ...]:
    return ("discount",) if command.price_list == STAFF_PRICES else ()


def _of_product(state: State, command: ChangeProduct, at: At) -> tuple[Operation, ...]:
    return () if command.price is None else ("price",)


def _of_quantities(state: State, command: ChangeQuantity, at: At) -> tuple[Operation, ...]:
    """Fewer of what was ordered is a void by another name."""
    check = state.checks.get(at.target)
    lines = {} if check is None else {line.line_id: line.quantity for line in check.lines}
    fewer = any(line.quantity < lines.get(line.line_id, 0) for line in command.lines)
    return ("void",) if fewer else ()


def _of_table_charge(state: State, command: SetTableCharge, at: At) -> tuple[Operation, ...]:
    """So is a charge for fewer guests."""
    check = state.checks.get(at.target)
    if check is None:
        return ()
    guests = check.guests if command.guests is None else command.guests
    charged = sum(
        line.quantity
        for line in check.lines
        if line.kind == "charge" and command.line_id in (None, line.line_id)
    )
    return ("void",) if guests < charged else ()


def _of_layaway(state: State, command: OpenLayaway, at: At) -> tuple[Operation, ...]:
    return ("discount",) if command.discounts else ()


def _taken_off(state: State, command: Command, at: At) -> dict[str, int]:
    """How many portions of which lines the command voids or gives back."""
    taken: dict[str, int] = {}
    if isinstance(command, (VoidLines, RefundSale)):
        for line in command.lines:
            taken[line.line_id] = taken.get(line.line_id, 0) + line.quantity
    elif isinstance(command, ChangeQuantity):
        check = state.checks.get(at.target)
        had = {} if check is None else {line.line_id: line.quantity for line in check.lines}
        for line in command.lines:
            if (fewer := had.get(line.line_id, 0) - line.quantity) > 0:
                taken[line.line_id] = fewer
    return taken


Needs = tuple[Operation, ...] | Callable[[State, Any, At], tuple[Operation, ...]]
# Command type -> the operations that it is, or what tells them. A type that is not here needs none.
NEEDS: Final[dict[type[Command], Needs]] = {
    VoidLines: ("void",),
    ChangeQuantity: _of_quantities,
    SetTableCharge: _of_table_charge,
    AbortCheck: ("abort",),
    DiscountCheck: _of_discount,
    RepriceCheck: _of_prices,
    CompleteSale: _of_sale,
    VoidSale: ("void_sale",),
    RefundSale: ("refund",),
    FailPayment: ("refund",),
    ReversePayment: ("refund",),
    WithdrawFormalReceipt: ("refund",),
    WithdrawDepositReceipt: ("refund",),
    WithdrawAccountReceipt: ("refund",),
    OpenLayaway: _of_layaway,
    CancelLayaway: ("refund",),
    ChangeProduct: _of_product,
    SwitchBand: ("price",),
    MoveDrawer: ("drawer",),
    SettleRegister: ("settlement",),
    CloseDay: ("settlement",),
    MoveStock: ("stock",),
    CountStock: ("stock",),
    SetPin: ("staff",),
    AdjustPoints: ("points",),
}

# The devices that people share and do business at. A manager's own needs no sign-in, a kitchen display has no till.
SHARED: Final[frozenset[Role]] = frozenset({"handheld", "register"})
# What is done before anyone is signed in, or by no one: a maker's own facts, numbers for a register.
BY_NOBODY: Final[frozenset[type[Command]]] = frozenset(
    {SignIn, SignOut, AskApproval, GrantApproval, DenyApproval, RecordFact, TakeNumbers, CallStaff}
)


def permitted(state: State, command: Command, at: At) -> ApprovalUsed | None:
    """Let the command pass; with the approval that it passes by, which is used with it.

    Raises SignInRequired, ApprovalRequired, or InvalidRequest for a staff_id that the store does not know.
    """
    if at.device.device_id == HUB_ID or getattr(command, "taken", None) is not None:
        return None  # What a device sold without the hub has happened: nobody can be asked any more.
    if command.staff_id is not None and not isinstance(command, Shown):
        _known_staff(state, command.staff_id)
    kind = type(command)
    if (
        required(state)
        and at.device.role in SHARED
        and kind not in BY_NOBODY
        and session_at(state, at.device.device_id, at.stamp.unix_s) is None
    ):
        raise SignInRequired
    needs = NEEDS.get(kind)
    if needs is None:
        return None
    used = None
    for operation in needs if isinstance(needs, tuple) else needs(state, command, at):
        roles = roles_for(state, operation)
        if roles is not None and not may_do(roles, role_at(state, at.device, at.stamp.unix_s)):
            used = _approved(state, command, operation, at)
    return used


def _known_staff(state: State, staff_id: str) -> None:
    # A store that keeps no staff is not kept from working: any id will do.
    if state.staff.get(staff_id) is None and next(iter(state.staff.items()), None) is not None:
        raise InvalidRequest.at("staff_id", f"no such member of staff: {staff_id}")


def _approved(state: State, command: Command, operation: Operation, at: At) -> ApprovalUsed:
    """The use of the approval that the command carries. Raises ApprovalRequired when it does not cover it.

    An approval is of one operation, for the device that asked, about what it was asked for, once. It covers one command
    with all its lines.
    """
    if command.approval_id is None:
        raise ApprovalRequired(operation=operation, approval_status=None)
    approval = state.approvals.get(command.approval_id)
    status = "unknown" if approval is None else approval.standing(at.stamp.unix_s)
    if approval is None or (status, ApprovalMove.USE) not in NEXT:
        raise ApprovalRequired(operation=operation, approval_status=status)
    about = at.target or getattr(command, "check_id", None) or ""
    if (approval.operation, approval.device_id) != (operation, at.device.device_id) or (
        approval.subject not in ("", about) or not approval.covers(_taken_off(state, command, at))
    ):
        raise ApprovalRequired(operation=operation, approval_status="of_something_else")
    return ApprovalUsed(
        approval_id=approval.approval_id,
        operation=operation,
        about=approval.subject,
        granted_by=approval.decided_by,
    )
