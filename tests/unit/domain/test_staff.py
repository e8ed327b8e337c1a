"""Who is signed in, what they may do, and a manager's leave: used once, in time, by whoever asked."""

from __future__ import annotations

from itertools import product as pairs
from typing import Any, get_args

import pytest
from domain_world import MENU, World
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.domain.commands import (
    AbortCheck,
    ChangeProduct,
    Command,
    CompleteSale,
    DiscountIn,
    LineIn,
    LineQuantity,
    PlaceOrder,
    RecordFact,
    TakenIn,
    TakenLineIn,
    TenderIn,
    VoidLines,
    VoidSale,
)
from hub.domain.commands_lines import ChangeQuantity
from hub.domain.commands_staff import (
    PROVEN,
    AskApproval,
    DenyApproval,
    GrantApproval,
    SetPin,
    SignIn,
    SignOut,
)
from hub.domain.decide.permission import NEEDS
from hub.domain.device import HUB_ID
from hub.domain.errors import (
    ApprovalRequired,
    Conflict,
    Forbidden,
    HubError,
    InvalidRequest,
    NotFound,
    SignInRefused,
    SignInRequired,
)
from hub.domain.menu import Staff
from hub.domain.menu_file import MenuFileError, command_of, read_menu
from hub.domain.permissions import session_at
from hub.domain.staff import DEFAULTS, NEXT, OPERATIONS, ApprovalMove, ApprovalStatus

STAFF = (
    Staff("s-1", "1", "店長", "manager"),
    Staff("s-2", "2", "Aoi"),
    Staff("s-3", "3", "Ren", "leader"),
    Staff("s-9", "9", "Two"),
    Staff("s-10", "9", "Two more"),
)
VOID_LISTED = {"permission.void": "manager, leader"}


def shop(settings: dict[str, str] | None = None) -> World:
    return World(replace(MENU, staff=STAFF), settings)


def ordered(world: World, device: str = "d1") -> tuple[str, str]:
    """A check and its line, made where nobody needs to be signed in."""
    placed = world.do(PlaceOrder((LineIn("tea", 5),), table_id="t1"), device="boss", role="manager")
    return placed.check_id, placed.lines[0].line_id


def void(line_id: str, **more: Any) -> VoidLines:
    return VoidLines((LineQuantity(line_id, 1),), "wrong", **more)


def asked(world: World, operation: Any = "void", subject: str = "", device: str = "d1") -> str:
    return str(world.do(AskApproval(operation, subject, "hurry"), device=device).approval_id)


def test_one_at_a_device_and_the_next_takes_it_over() -> None:
    world = shop()
    first = world.do(SignIn(code="2"))
    assert (first.staff_id, first.name, first.role) == ("s-2", "Aoi", "staff")
    world.do(SignIn(staff_id="s-3"))
    assert [fact.TYPE for fact, _ in world.facts[-3:]] == [
        "staff.signed_in", "staff.signed_out", "staff.signed_in",
    ]  # fmt: skip
    world.do(SignIn(code="2"), device="d2")
    assert {key: one.staff_id for key, one in world.state.staff_sessions.items()} == {
        "d1": "s-3",
        "d2": "s-2",
    }
    world.same()


@pytest.mark.parametrize(("more", "error"), [
    ({"code": "7"}, SignInRefused), ({"staff_id": "s-7"}, SignInRefused), ({}, InvalidRequest),
    ({"code": "9"}, SignInRefused), ({"code": "2", "pin": PROVEN}, SignInRefused),
])  # fmt: skip
def test_who_cannot_sign_in(more: dict[str, Any], error: type[HubError]) -> None:
    world = shop()
    with pytest.raises(error):
        world.do(SignIn(**more))


def test_a_pin_is_needed_once_it_is_set() -> None:
    world = shop()
    world.do(SetPin("scrypt$s$h"), "s-2", role="manager")
    with pytest.raises(SignInRefused):
        world.do(SignIn(code="2"))
    world.do(SignIn(code="2", pin=PROVEN))
    world.do(SetPin(None), "s-2", role="manager")
    world.do(SignIn(code="2"))
    with pytest.raises(NotFound):
        world.do(SetPin("x"), "s-77", role="manager")
    world.same()


def test_a_session_ends_by_itself_by_hand_and_with_the_staff() -> None:
    world = shop({"staff_session_minutes": "30"})
    session = world.do(SignIn(code="2"))
    end = world.state.staff_sessions.get("d1").expires_unix_s  # type: ignore[union-attr]
    assert session_at(world.state, "d1", end - 1) is not None
    assert session_at(world.state, "d1", end) is None
    with pytest.raises(Forbidden):
        world.do(SignOut(), session.session_id, device="d2")
    assert world.do(SignOut(), session.session_id, device="boss", role="manager").reason == "by_manager"
    with pytest.raises(NotFound):
        world.do(SignOut(), session.session_id)
    world.do(SignIn(code="2"))
    world._apply([Gone("s-2")])
    assert session_at(world.state, "d1", 0) is None


def Gone(staff_id: str) -> Any:
    from hub.domain.facts import MasterChange

    return MasterChange("staff", staff_id, None)


def test_a_store_that_switched_nothing_on_works_as_before() -> None:
    for world in (World(), shop()):
        check_id, line_id = ordered(world)
        world.do(void(line_id), check_id)
        world.do(ChangeProduct(price=5), "tea", role="register")
        world.do(AbortCheck("left"), check_id, version=3)
    World().do(PlaceOrder((LineIn("tea", 1),), table_id="t1", staff_id="anyone"))


def test_a_staff_id_must_be_known_where_there_is_staff() -> None:
    with pytest.raises(InvalidRequest):
        shop().do(PlaceOrder((LineIn("tea", 1),), table_id="t1", staff_id="s-77"))


def test_where_staff_is_required_nobody_works_unnamed() -> None:
    world = shop({"staff_required": "true"})
    order = PlaceOrder((LineIn("tea", 1),), table_id="t1")
    with pytest.raises(SignInRequired):
        world.do(order)
    world.do(RecordFact("x.acme.note", b"{}"))  # type: ignore[arg-type]
    world.do(SignIn(code="2"))
    placed = world.do(order)
    with pytest.raises(ApprovalRequired):
        world.do(VoidSale("x"), "sale")
    with pytest.raises(ApprovalRequired) as refused:
        world.do(AbortCheck("left"), placed.check_id, version=2)
    assert refused.value.fields == {"operation": "abort", "approval_status": None}
    world.do(SignIn(code="3"))
    world.do(AbortCheck("left"), placed.check_id, version=2)


def test_what_was_sold_without_the_hub_is_not_asked_about() -> None:
    world = shop({"staff_required": "1"})
    taken = TakenIn("2026-11-21T03:00:00Z", "A-000001", 98, (TakenLineIn("tea", 1, 98),))
    sold = world.do(
        CompleteSale(
            (TenderIn("cash", 98),), taken=taken, discounts=(DiscountIn("amount", 0),), staff_id="gone"
        )
    )
    assert sold.total == 98


def test_an_operation_that_is_listed_is_looked_at_and_no_other() -> None:
    world = shop(VOID_LISTED)
    check_id, line_id = ordered(world)
    with pytest.raises(ApprovalRequired):
        world.do(void(line_id), check_id)
    # Whom a command names is who is credited with it: it opens no door.
    with pytest.raises(ApprovalRequired):
        world.do(void(line_id, staff_id="s-1"), check_id)
    world.do(void(line_id), check_id, device="boss", role="manager")
    world.do(SignIn(code="3"))
    world.do(void(line_id), check_id)
    world.do(SignIn(code="2"), device="boss", role="manager")
    with pytest.raises(ApprovalRequired):
        world.do(void(line_id), check_id, device="boss", role="manager")
    world.do(AbortCheck("left"), check_id, version=4)


def test_fewer_is_a_void_and_more_is_not() -> None:
    world = shop(VOID_LISTED)
    check_id, line_id = ordered(world)
    world.do(ChangeQuantity((LineQuantity(line_id, 6),)), check_id, version=2)
    with pytest.raises(ApprovalRequired):
        world.do(ChangeQuantity((LineQuantity(line_id, 5),)), check_id, version=3)
    world.do(SignIn(code="3"))
    world.do(ChangeQuantity((LineQuantity(line_id, 5),)), check_id, version=3)


def test_everyone_may_where_the_list_says_so() -> None:
    world = shop({"staff_required": "yes", "permission.void": "*"})
    check_id, line_id = ordered(world)
    with pytest.raises(SignInRequired):
        world.do(void(line_id), check_id)
    world.do(SignIn(code="2"))
    world.do(void(line_id), check_id)


def test_a_leave_is_for_one_use_by_who_asked_about_what_was_asked() -> None:
    world = shop(VOID_LISTED)
    check_id, line_id = ordered(world)
    leave = asked(world, subject=check_id)
    with pytest.raises(ApprovalRequired) as refused:
        world.do(void(line_id, approval_id=leave), check_id)
    assert refused.value.fields["approval_status"] == "asked"
    world.do(SignIn(code="3"), device="d2")
    assert world.do(GrantApproval(), leave, device="d2").staff_id == "s-3"
    with pytest.raises(ApprovalRequired):
        world.do(void(line_id, approval_id=leave), check_id, device="d3")
    with pytest.raises(InvalidRequest):
        world.do(void("other", approval_id=leave), check_id)
    world.do(void(line_id, approval_id=leave), check_id)
    assert [fact.TYPE for fact, _ in world.facts[-2:]] == ["approval.used", "lines.voided"]
    with pytest.raises(ApprovalRequired) as refused:
        world.do(void(line_id, approval_id=leave), check_id)
    assert refused.value.fields["approval_status"] == "used"
    world.same()


def test_a_leave_about_another_thing_or_operation_does_not_do() -> None:
    world = shop(VOID_LISTED)
    check_id, line_id = ordered(world)
    for leave in (asked(world, subject="other"), asked(world, "refund", check_id), "nowhere"):
        if leave != "nowhere":
            world.do(GrantApproval(), leave, device="boss", role="manager")
        with pytest.raises(ApprovalRequired):
            world.do(void(line_id, approval_id=leave), check_id)


def test_a_discount_and_points_are_looked_at_when_settling() -> None:
    world = shop({"permission.discount": "manager", "permission.points": "manager"})
    check_id, _ = ordered(world)
    off = CompleteSale((TenderIn("cash", 480),), check_id=check_id, discounts=(DiscountIn("amount", 10),))
    with pytest.raises(ApprovalRequired):
        world.do(off)
    with pytest.raises(ApprovalRequired) as refused:
        world.do(CompleteSale((TenderIn("cash", 490),), check_id=check_id, points_used=1, customer_id="k"))
    assert refused.value.fields["operation"] == "points"
    leave = asked(world, "discount", check_id)
    world.do(GrantApproval(), leave, device="boss", role="manager")
    assert world.do(replace(off, approval_id=leave)).total == 480


def test_who_may_grant() -> None:
    world = shop(VOID_LISTED)
    leave = asked(world)
    with pytest.raises(ApprovalRequired):
        world.do(GrantApproval(), leave, device="d2")
    world.do(SignIn(code="2"), device="d2")
    with pytest.raises(ApprovalRequired):
        world.do(GrantApproval(), leave, device="d2")
    # A code stands on a badge: without a PIN it grants nothing.
    with pytest.raises(SignInRefused):
        world.do(GrantApproval(code="1"), leave)
    world.do(SetPin("scrypt$s$h"), "s-1", role="manager", device="boss")
    with pytest.raises(SignInRefused):
        world.do(GrantApproval(code="1"), leave)
    assert world.do(GrantApproval(code="1", pin=PROVEN), leave).staff_id == "s-1"
    world.do(DenyApproval(), leave, device="boss", role="manager")
    with pytest.raises(Conflict):
        world.do(GrantApproval(), leave, device="boss", role="manager")
    with pytest.raises(NotFound):
        world.do(GrantApproval(), "nowhere", device="boss", role="manager")
    world.same()


def test_a_leave_is_over_after_its_minutes() -> None:
    world = shop({**VOID_LISTED, "approval_minutes": "3"})
    check_id, line_id = ordered(world)
    leave, late = asked(world), asked(world)
    world.do(GrantApproval(), leave, device="boss", role="manager")
    world.unix_s = world.state.approvals.get(leave).expires_unix_s  # type: ignore[union-attr]
    with pytest.raises(ApprovalRequired) as refused:
        world.do(void(line_id, approval_id=leave), check_id)
    assert refused.value.fields["approval_status"] == "expired"
    with pytest.raises(Conflict):
        world.do(GrantApproval(), late, device="boss", role="manager")


MOVES = {ApprovalMove.GRANT: GrantApproval(), ApprovalMove.DENY: DenyApproval()}


@pytest.mark.parametrize(("status", "move"), list(pairs(get_args(ApprovalStatus), ApprovalMove)))
def test_every_status_and_move(status: ApprovalStatus, move: ApprovalMove) -> None:
    world = shop(VOID_LISTED)
    check_id, line_id = ordered(world)
    leave = asked(world)
    ways: dict[str, tuple[ApprovalMove, ...]] = {
        "asked": (), "granted": (ApprovalMove.GRANT,), "denied": (ApprovalMove.DENY,),
        "used": (ApprovalMove.GRANT, ApprovalMove.USE),
    }  # fmt: skip

    def make(one: ApprovalMove) -> None:
        if one is ApprovalMove.USE:
            world.do(void(line_id, approval_id=leave), check_id)
        else:
            world.do(MOVES[one], leave, device="boss", role="manager")

    for one in ways[status]:
        make(one)
    assert world.state.approvals.get(leave).status == status  # type: ignore[union-attr]
    if (status, move) in NEXT:
        make(move)
        assert world.state.approvals.get(leave).status == NEXT[status, move]  # type: ignore[union-attr]
    else:
        with pytest.raises((ApprovalRequired, Conflict)):
            make(move)
    world.same()


def test_every_operation_has_a_default_that_a_manager_is_in() -> None:
    assert set(DEFAULTS) == set(OPERATIONS)
    assert all("manager" in roles for roles in DEFAULTS.values())
    assert all(set(need) <= set(OPERATIONS) for need in NEEDS.values() if isinstance(need, tuple))


STEPS = st.lists(
    st.tuples(st.sampled_from(["ask", "grant", "deny", "use", "wait"]), st.sampled_from(["d1", "d2"])),
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_no_more_is_voided_than_was_granted(steps: list[tuple[str, str]]) -> None:
    world = shop(VOID_LISTED)
    check_id, line_id = ordered(world)
    leaves: list[tuple[str, str]] = []
    granted = used = 0
    for what, device in steps:
        command: Command | None = None
        target, role = check_id, "register"
        if what == "ask":
            leaves.append((asked(world, device=device), device))
        elif what == "wait":
            world.unix_s += 400
        elif leaves:
            target = leaves[-1][0]
            command, role = GrantApproval() if what == "grant" else DenyApproval(), "manager"
            if what == "use":
                command, target, role = void(line_id, approval_id=leaves[-1][0]), check_id, "register"
        if command is not None:
            try:
                world.do(command, target, device=device if what == "use" else "boss", role=role)  # type: ignore[arg-type]
            except HubError:
                continue
            granted += what == "grant"
            used += what == "use"
            if what == "use":
                assert leaves[-1][1] == device
    assert used <= granted
    world.same()


def test_a_menu_file_switches_permissions_on_and_off() -> None:
    world = shop()
    check_id, line_id = ordered(world)
    file = b'{"settings": {"permission.void": "manager", "staff_required": false, "approval_minutes": 5}}'
    world.do(command_of(read_menu(file)), device=HUB_ID)
    assert world.state.settings.get("approval_minutes") == "5"
    assert world.do(command_of(read_menu(file)), device=HUB_ID) is None
    with pytest.raises(ApprovalRequired):
        world.do(void(line_id), check_id)
    world.do(command_of(read_menu(b'{"settings": {"permission.void": null}}')), device=HUB_ID)
    world.do(void(line_id), check_id)
    for wrong in (
        b'{"settings": {"receipt_series": "Q"}}',
        b'{"settings": {"a b": "1"}}',
        b'{"settings": [1]}',
    ):
        with pytest.raises(MenuFileError):
            read_menu(wrong)


def test_a_leave_for_some_lines_covers_one_command_that_does_no_more() -> None:
    world = shop(VOID_LISTED)
    placed = world.do(
        PlaceOrder((LineIn("tea", 3, "a"), LineIn("beer", 2, "b"), LineIn("milk", 1, "c")), table_id="t1")
    )
    check_id = placed.check_id
    world.do(SignIn(code="3"), device="d2")

    def leave() -> str:
        lines = (LineQuantity("a", 2), LineQuantity("b", 2))
        approval_id = str(world.do(AskApproval("void", check_id, "dropped", lines=lines)).approval_id)
        world.do(GrantApproval(), approval_id, device="d2")
        return approval_id

    first = leave()
    for beyond in (("a", 3), ("c", 1)):
        command = VoidLines((LineQuantity("b", 1), LineQuantity(*beyond)), "x", approval_id=first)
        with pytest.raises(ApprovalRequired) as refused:
            world.do(command, check_id)
        assert refused.value.fields["approval_status"] == "of_something_else"
    # Several lines, one leave: once.
    both = VoidLines((LineQuantity("a", 1), LineQuantity("b", 2)), "x", approval_id=first)
    world.do(both, check_id)
    with pytest.raises(ApprovalRequired):
        world.do(VoidLines((LineQuantity("a", 1),), "x", approval_id=first), check_id)
    # Three ordered, one voided: to one is one less.
    world.do(ChangeQuantity((LineQuantity("a", 1),), approval_id=leave()), check_id)
    check = world.state.checks.get(check_id)
    assert check is not None
    assert [(line.line_id, line.quantity) for line in check.lines] == [("a", 1), ("c", 1)]
    world.same()
