"""A store whose menu has sets and custom contents, and ways to look at its checks."""

from __future__ import annotations

from typing import Any

from domain_world import MENU, World, product
from msgspec.structs import replace

from hub.domain.check import Check
from hub.domain.command import ChildIn
from hub.domain.commands import (
    LineIn,
    PlaceOrder,
)
from hub.domain.menu import CustomContent, SetChoice, SetSlot

SETS = (
    product(
        "lunch",
        1200,
        kind="set",
        slots=(
            SetSlot("main", "Main", (SetChoice("bowl", 100), SetChoice("last"))),
            SetSlot("drink", "Drink", (SetChoice("beer", 200), SetChoice("tea")), min=0, max=2),
        ),
    ),
    product(
        "kaiseki",
        8000,
        kind="set",
        slots=(
            SetSlot("s", "Starter", (SetChoice("soba"),), course="1"),
            SetSlot("m", "Main", (SetChoice("last"),), min=2, max=2, course="2", held=True),
            SetSlot("d", "Dessert", (SetChoice("milk", 50), SetChoice("coin")), course="3", held=True),
        ),
    ),
    product(
        "steak", 2000, custom_contents=(CustomContent("g", "Garlic", 50), CustomContent("h", "Half", -1200))
    ),
)
WITH_SETS = replace(MENU, products=(*MENU.products, *SETS))
LUNCH = LineIn("lunch", 2, "p", children=(ChildIn("last"), ChildIn("beer"), ChildIn("tea")))


def opened(*lines: LineIn) -> tuple[World, Any]:
    world = World(WITH_SETS)
    return world, world.do(PlaceOrder(lines, table_id="t1"))


def check_of(world: World, check_id: str) -> Check:
    check = world.state.checks.get(check_id)
    assert check is not None
    return check


def shape(check: Check) -> list[tuple[str, int, int]]:
    return [(line.product_id, line.quantity, line.served) for line in check.lines]


def left(world: World, product_id: str = "last") -> int | None:
    found = world.state.products.get(product_id)
    assert found is not None
    return found.remaining
