"""Every pair of status and move: allowed ones lead where the table says, all others are refused and leave nothing."""

from __future__ import annotations

from typing import get_args

import pytest
from domain_world import World, contents

from hub.domain.check import ENDED, NEXT, Check, Move, Status
from hub.domain.commands import (
    AbortCheck,
    BillCheck,
    ChangeCheck,
    Command,
    CompleteSale,
    LineIn,
    LineQuantity,
    MergeCheck,
    MoveCheck,
    PlaceOrder,
    ReopenCheck,
    ServeLines,
    ShareCheck,
    SplitCheck,
    TenderIn,
    UnmergeCheck,
    VoidLines,
)
from hub.domain.commands_price import DiscountCheck
from hub.domain.errors import CheckClosed, HubError

PAIRS = [(status, move) for status in get_args(Status) for move in Move]


def check_in(world: World, status: Status) -> Check:
    """A check with two lines that is in this status."""
    placed = world.do(PlaceOrder((LineIn("beer", 2, "a"), LineIn("tea", 1, "b")), table_id="t1"))
    check_id = placed.check_id
    if status == "merged":
        other = world.do(PlaceOrder((LineIn("tea", 1),), table_id="t9"))
        world.do(MergeCheck(check_id), other.check_id, version=2)
    elif status == "aborted":
        world.do(AbortCheck("left"), check_id, version=2)
    elif status in ("billed", "closed"):
        world.do(BillCheck(), check_id)
        if status == "closed":
            world.do(CompleteSale((TenderIn("cash", 1198),), check_id=check_id))
    return world.state.checks.get(check_id)  # type: ignore[return-value]


def attempt(world: World, check: Check, move: Move) -> tuple[Command, str]:
    """A command that makes the move and is right in every other respect."""
    one = (LineQuantity("a", 1),)
    if move is Move.JOIN:
        other = world.do(PlaceOrder((LineIn("tea", 1),), table_id="t5"))
        return MergeCheck(check.check_id), other.check_id
    if move is Move.TAKE_IN:
        other = world.do(PlaceOrder((LineIn("tea", 1),), table_id="t5"))
        return MergeCheck(other.check_id), check.check_id
    if move is Move.COME_BACK:
        other = world.do(PlaceOrder((LineIn("tea", 1),), table_id="t5"))
        return UnmergeCheck(check.check_id), check.merged_into or other.check_id
    if move is Move.GIVE_BACK:
        other = world.do(PlaceOrder((LineIn("tea", 1),), table_id="t5"))
        if check.status == "open":
            world.do(MergeCheck(other.check_id), check.check_id, version=check.version)
        return UnmergeCheck(other.check_id), check.check_id
    commands: dict[Move, Command] = {
        Move.ORDER: PlaceOrder((LineIn("tea", 1),), check_id=check.check_id),
        Move.VOID: VoidLines(one, "wrong"),
        Move.DISCOUNT: DiscountCheck("amount", 1),
        Move.SERVE: ServeLines(one),
        Move.CHANGE: ChangeCheck(guests=3),
        Move.MOVE: MoveCheck(("t7",)),
        Move.SPLIT: SplitCheck(one),
        Move.SHARE: ShareCheck(2),
        Move.BILL: BillCheck(),
        Move.REOPEN: ReopenCheck(),
        Move.ABORT: AbortCheck("left"),
        Move.SETTLE: CompleteSale((TenderIn("cash", check.total),), check_id=check.check_id),
    }
    target = "" if move in (Move.ORDER, Move.SETTLE) else check.check_id
    return commands[move], target


@pytest.mark.parametrize(("status", "move"), PAIRS)
def test_every_pair(status: Status, move: Move) -> None:
    world = World()
    check = check_in(world, status)
    command, target = attempt(world, check, move)
    check = world.state.checks.get(check.check_id) or check
    on = world.state.checks.get(target) if target else None
    version = on.version if on is not None and move not in (Move.ORDER, Move.SETTLE) else None
    before = contents(world.state)
    if (status, move) in NEXT:
        world.do(command, target, version=version)
        after = world.state.checks.get(check.check_id)
        assert after is not None
        assert after.status == NEXT[status, move]
        assert after.version == check.version + 1
    else:
        with pytest.raises(CheckClosed) as refused:
            world.do(command, target, version=version)
        assert refused.value.fields == {"check_id": check.check_id, "check_status": status}
        assert contents(world.state) == before
    world.same()


def test_nothing_adds_to_an_ended_check() -> None:
    adding = {Move.ORDER, Move.TAKE_IN, Move.VOID, Move.SPLIT, Move.SETTLE, Move.REOPEN}
    assert not [(status, move) for status, move in NEXT if status in ENDED and move in adding]


@pytest.mark.parametrize("move", [Move.MOVE, Move.TAKE_IN, Move.SPLIT, Move.ABORT])
def test_if_match_must_be_there(move: Move) -> None:
    world = World()
    command, target = attempt(world, check_in(world, "open"), move)
    with pytest.raises(HubError) as refused:
        world.do(command, target)
    assert refused.value.slug == "precondition-required"


@pytest.mark.parametrize(
    "move", [Move.MOVE, Move.TAKE_IN, Move.SPLIT, Move.ABORT, Move.VOID, Move.BILL, Move.SETTLE]
)
def test_a_stale_version_is_told_with_the_check_as_it_is(move: Move) -> None:
    world = World()
    check = check_in(world, "open")
    command, target = attempt(world, check, move)
    with pytest.raises(HubError) as refused:
        world.do(command, target, version=check.version - 1)
    assert refused.value.slug == "check-changed"
    assert refused.value.fields["check"]["version"] == check.version
    assert refused.value.fields["check"]["lines"][0]["line_id"] == "a"
