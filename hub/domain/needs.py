"""Which aggregates must be in memory before something is decided or evolved.

Ended checks and sales leave memory once their table holds them. Whoever decides a command, or evolves an entry that is
read from the journal, brings these back first.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from hub.domain.commands import Command, MergeCheck, PlaceOrder, RefundSale, UnmergeCheck, VoidSale
from hub.domain.commands_clock import CorrectClock
from hub.domain.commands_credit import FailPayment, PayAccount, ReversePayment, SettlePayment
from hub.domain.commands_day import CloseDay, CountRegister, MoveDrawer, SettleRegister
from hub.domain.commands_layaway import CancelLayaway, CompleteLayaway, OpenLayaway
from hub.domain.commands_receipt import (
    IssueAccountReceipts,
    IssueDepositReceipts,
    ReissueAccountReceipt,
    ReissueDepositReceipt,
    WithdrawAccountReceipt,
    WithdrawDepositReceipt,
)
from hub.domain.commands_sale import CompleteSale
from hub.domain.device import Device
from hub.domain.fact import OfCheck
from hub.domain.facts import (
    CheckUnmerged,
    EntryRecovered,
    Fact,
    MasterApplied,
    SaleCompleted,
    SaleRefunded,
    SaleVoided,
)
from hub.domain.facts_clock import ClockCorrected
from hub.domain.facts_credit import AccountReversed, OfAccount, OfPayment, PaymentDeferred, PaymentSettled
from hub.domain.facts_customer import CUSTOMER_FACTS, CustomerMerged
from hub.domain.facts_day import DayClosed, DrawerMoved, RegisterCounted, RegisterSettled
from hub.domain.facts_layaway import OfLayaway
from hub.domain.facts_receipt import OfReceipt
from hub.domain.facts_staff import ApprovalDenied, ApprovalGranted, ApprovalUsed
from hub.domain.register import register_key
from hub.domain.report import counted
from hub.domain.state import Meta, State

# (shelf, key)
Need = tuple[str, str]


def command_needs(command: Command, target: str) -> Iterator[Need]:
    if isinstance(command, (VoidSale, RefundSale)):
        yield "sales", target
        return
    if isinstance(command, (MergeCheck, UnmergeCheck, PlaceOrder, CompleteSale)) and command.check_id:
        yield "checks", command.check_id
    if target:
        yield "checks", target


def retiming_needs(command: CorrectClock) -> Iterator[Need]:
    """What a correction of the clock moves."""
    return _retimed(command)


def fact_needs(fact: Fact, meta: Meta) -> Iterator[Need]:
    """For an entry that is read: the state it met when it was made may have left memory since."""
    if isinstance(fact, EntryRecovered):
        inner = counted(fact, meta)
        if inner is not None:
            yield from fact_needs(*inner)
    elif isinstance(fact, (DrawerMoved, RegisterCounted, RegisterSettled)):
        yield from _drawer(fact.date, fact.register_id)
    elif isinstance(fact, ClockCorrected):
        yield from _retimed(fact)
    elif isinstance(fact, DayClosed):
        yield "days", fact.date
        for register_id in fact.registers:
            yield "registers", register_key(fact.date, register_id)
    elif isinstance(fact, OfPayment):
        yield "payments", fact.payment_id
        if not isinstance(fact, PaymentDeferred):
            yield "sales", fact.sale_id
            yield from _drawer(meta.business_date, fact.register_id)
        if isinstance(fact, PaymentSettled):
            yield from _drawer(meta.business_date, fact.taken_off_at)
    elif isinstance(fact, OfAccount):
        yield from _drawer(meta.business_date, fact.register_id)
        if isinstance(fact, AccountReversed):
            yield "received", fact.payment_id
    elif isinstance(fact, OfReceipt):
        if fact.sale_id is not None:
            yield "sales", fact.sale_id
        else:
            yield "layaways" if fact.layaway_id is not None else "received", fact.about
    elif isinstance(fact, (SaleVoided, SaleRefunded)):
        yield "sales", fact.sale_id
        if fact.customer_id is not None:
            yield "customers", fact.customer_id
        yield from _drawer(meta.business_date, fact.register_id)
        if isinstance(fact, SaleVoided) and fact.layaway_id is not None:
            yield "layaways", fact.layaway_id
    elif isinstance(fact, OfLayaway):
        yield "layaways", fact.layaway_id
        yield from _drawer(meta.business_date, fact.register_id)
    elif isinstance(fact, SaleCompleted):
        yield from _drawer(meta.business_date, fact.register_id)
        if fact.check_id is not None:
            yield "checks", fact.check_id
        if fact.customer_id is not None:
            yield "customers", fact.customer_id
    elif isinstance(fact, (ApprovalGranted, ApprovalDenied, ApprovalUsed)):
        yield "approvals", fact.approval_id
    elif isinstance(fact, CUSTOMER_FACTS):
        yield "customers", fact.customer_id
        if isinstance(fact, CustomerMerged):
            yield "customers", fact.merged_id
    elif isinstance(fact, MasterApplied):
        for change in fact.changes:
            if change.kind == "customer":
                yield "customers", change.id
    elif isinstance(fact, OfCheck):
        yield "checks", fact.check_id
        if isinstance(fact, CheckUnmerged):
            yield "checks", fact.unmerged_check_id


THINGS: Final = {
    "sale": "sales",
    "refund": "sales",
    "check": "checks",
    "plan": "checks",
    "payment": "payments",
    "session": "staff_sessions",
    "approval": "approvals",
    "received": "received",
    "layaway": "layaways",
    "number": "number_uses",
    "customer": "customers",
    "check_end": "checks",
    "void": "sales",
    "payment_end": "payments",
    "layaway_end": "layaways",
    "account": "accounts",
    "plan_end": "checks",
    "approval_end": "approvals",
    "approval_use": "approvals",
    "device": "devices",
    "device_end": "devices",
    "settlement": "registers",
    "band": "settings",
}


def _retimed(fact: ClockCorrected | CorrectClock) -> Iterator[Need]:
    for share in fact.days:
        for date in (share.from_, share.to):
            yield "days", date
            for drawer in share.drawers:
                yield "registers", register_key(date, drawer.register_id)
    for thing in fact.things:
        yield THINGS[thing.kind], thing.id
        if thing.number:
            yield "number_uses", thing.number


DRAWER_COMMANDS: Final = frozenset(
    {
        CompleteSale, VoidSale, RefundSale, MoveDrawer, CountRegister, SettleRegister, CloseDay,
        SettlePayment, FailPayment, PayAccount, ReversePayment, OpenLayaway, CompleteLayaway, CancelLayaway,
    }
)  # fmt: skip
# Where a command's target lies, if it is no check and no sale.
TARGETS: Final[dict[type[Command], str]] = {
    SettlePayment: "payments",
    FailPayment: "payments",
    ReversePayment: "received",
    CompleteLayaway: "layaways",
    CancelLayaway: "layaways",
    IssueDepositReceipts: "layaways",
    ReissueDepositReceipt: "layaways",
    WithdrawDepositReceipt: "layaways",
    IssueAccountReceipts: "received",
    ReissueAccountReceipt: "received",
    WithdrawAccountReceipt: "received",
}


def drawer_needs(
    state: State, command: Command, target: str, device: Device, business_date: str
) -> Iterator[Need]:
    """The days and drawers that one of DRAWER_COMMANDS moves. business_date: that of its entries."""
    match command:
        case CompleteSale():
            yield from _drawer(business_date, command.register_id or device.device_id)
        case VoidSale() | RefundSale():
            sale = state.sales.get(target)
            own = device.device_id if device.role == "register" or sale is None else sale.register_id
            yield from _drawer(business_date, command.register_id or own)
            if sale is not None and sale.layaway_id is not None:
                yield "layaways", sale.layaway_id
        case SettlePayment() | FailPayment():
            payment = state.payments.get(target)
            if payment is not None:
                yield "sales", payment.sale_id
                yield from _drawer(business_date, payment.register_id)
            yield from _drawer(business_date, getattr(command, "register_id", None) or device.device_id)
        case ReversePayment():
            received = state.received.get(target)
            own = device.device_id if device.role == "register" or received is None else received.register_id
            yield from _drawer(business_date, command.register_id or own)
        case CompleteLayaway() | CancelLayaway():
            layaway = state.layaways.get(target)
            yield from _drawer(business_date, command.register_id or device.device_id)
            if layaway is not None:
                yield from _drawer(business_date, layaway.register_id)
                if (lacking := customer_missing(state, layaway.customer_id)) is not None:
                    yield "customers", lacking
        case PayAccount() | OpenLayaway():
            yield from _drawer(business_date, command.register_id or device.device_id)
        case MoveDrawer():
            yield from _drawer(business_date, target)
        case CountRegister() | SettleRegister():
            yield from _drawer(command.date or business_date, target)
        case CloseDay():
            yield "days", target
            day = state.days.get(target)
            for register_id in () if day is None else day.registers:
                yield "registers", register_key(target, register_id)


def _drawer(business_date: str, register_id: str) -> Iterator[Need]:
    yield "days", business_date
    yield "registers", register_key(business_date, register_id)


def customer_missing(state: State, customer_id: str | None) -> str | None:
    """The first record that memory lacks on the way to the one that stands for the customer."""
    while customer_id is not None:
        customer = state.customers.get(customer_id)
        if customer is None:
            return customer_id
        customer_id = customer.merged_into
    return None
