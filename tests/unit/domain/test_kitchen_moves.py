"""Every pair of a line's state and move: allowed ones lead where the table says, all others leave nothing."""

from __future__ import annotations

import pytest
from domain_world import World, contents

from hub.domain.check import Line
from hub.domain.commands import Command, CompleteSale, LineIn, LineQuantity, PlaceOrder, ServeLines, TenderIn
from hub.domain.commands_lines import FireLines, HoldLines, LineRef, RecallLines
from hub.domain.errors import Conflict, HubError, InvalidRequest
from hub.domain.kitchen import NEXT, LineMove, LineState, movable, portions, state_of

PAIRS = [(state, move) for state in LineState for move in LineMove]
COMMANDS: dict[LineMove, Command] = {
    LineMove.HOLD: HoldLines((LineRef("a"),)),
    LineMove.FIRE: FireLines((LineRef("a"),)),
    LineMove.SERVE: ServeLines((LineQuantity("a", 2),)),
    LineMove.RECALL: RecallLines((LineQuantity("a", 2),)),
}


def line_in(world: World, state: LineState) -> str:
    """A check whose line a is in this state; its id."""
    held = state is LineState.HELD
    placed = world.do(PlaceOrder((LineIn("beer", 2, "a", hold=held), LineIn("tea", 1, "b")), table_id="t1"))
    if state is LineState.SERVED:
        world.do(COMMANDS[LineMove.SERVE], placed.check_id)
    return str(placed.check_id)


def line_of(world: World, check_id: str) -> Line:
    check = world.state.checks.get(check_id)
    assert check is not None
    line = check.line("a")
    assert line is not None
    return line


@pytest.mark.parametrize("paid", [False, True])
@pytest.mark.parametrize(("state", "move"), PAIRS)
def test_every_pair(state: LineState, move: LineMove, paid: bool) -> None:
    world = World()
    check_id = line_in(world, state)
    assert portions(line_of(world, check_id)) == {state: 2}
    if paid:
        # Where one pays first, the food comes all the same.
        world.do(CompleteSale((TenderIn("cash", 1198),), check_id=check_id))
    before = contents(world.state)
    if (state, move) in NEXT:
        world.do(COMMANDS[move], check_id, role="kitchen")
        assert state_of(line_of(world, check_id)) == NEXT[state, move]
        check = world.state.checks.get(check_id)
        assert check is not None
        assert check.total == 1198, "what the kitchen does costs nothing"
        assert state_of(check.lines[1]) is LineState.WAITING
    else:
        assert movable(line_of(world, check_id), move) == 0
        with pytest.raises((Conflict, InvalidRequest)):
            world.do(COMMANDS[move], check_id, role="kitchen")
        assert contents(world.state) == before
    world.same()


def test_a_line_that_is_served_in_part_can_be_finished_or_recalled_but_not_held() -> None:
    world = World()
    check_id = line_in(world, LineState.WAITING)
    world.do(ServeLines((LineQuantity("a", 1),)), check_id)
    line = line_of(world, check_id)
    assert portions(line) == {LineState.WAITING: 1, LineState.SERVED: 1}
    assert state_of(line) is LineState.WAITING
    with pytest.raises(Conflict):
        world.do(HoldLines((LineRef("a"),)), check_id)
    with pytest.raises(InvalidRequest):
        world.do(RecallLines((LineQuantity("a", 2),)), check_id)
    world.do(RecallLines((LineQuantity("a", 1),)), check_id)
    assert line_of(world, check_id).served == 0


def courses() -> tuple[World, str]:
    world = World()
    placed = world.do(
        PlaceOrder(
            (
                LineIn("tea", 1, "now"),
                LineIn("soba", 2, "s1", course="starter", hold=True),
                LineIn("beer", 2, "m1", course="main", hold=True),
                LineIn("milk", 1, "s2", course="starter", hold=True),
            ),
            table_id="t1",
        )
    )
    return world, placed.check_id


def test_courses_come_one_after_the_other() -> None:
    world, check_id = courses()
    first = world.do(FireLines(), check_id, device="kds", role="kitchen")
    assert [line.line_id for line in first.lines] == ["s1", "s2"], "the next course that is held"
    held = world.do(HoldLines(course="starter"), check_id)
    assert [line.line_id for line in held.lines] == ["s1", "s2"]
    assert [line.line_id for line in world.do(FireLines(course="main"), check_id).lines] == ["m1"]
    world.do(FireLines((LineRef("s2"),)), check_id)
    assert [line.line_id for line in world.do(FireLines(), check_id).lines] == ["s1"]
    with pytest.raises(Conflict):
        world.do(FireLines(), check_id)
    world.same()


@pytest.mark.parametrize(
    "command",
    [
        FireLines((LineRef("s1"),), course="starter"),
        FireLines((LineRef("nobody"),)),
        FireLines((LineRef("s1"), LineRef("s1"))),
        FireLines(course="dessert"),
        FireLines((LineRef("now"),)),
        HoldLines(),
        HoldLines(course="main"),
        ServeLines((LineQuantity("m1", 1),)),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(command: Command) -> None:
    world, check_id = courses()
    before = contents(world.state)
    with pytest.raises(HubError):
        world.do(command, check_id)
    assert contents(world.state) == before
