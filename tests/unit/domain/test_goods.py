"""What the menu says of goods and portions is what an order would be told, at every step."""

from __future__ import annotations

from typing import Any

from domain_world import MENU, World, product
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from hub.domain.commands import ApplyMaster, ChangeProduct, LineIn, LineQuantity, PlaceOrder, VoidLines
from hub.domain.commands_stock import MoveStock
from hub.domain.device import HUB_ID
from hub.domain.errors import HubError, SoldOut
from hub.domain.facts import MasterChange
from hub.domain.goods import SOLD_OUT_VERSION
from hub.domain.state import State
from hub.domain.views import menu_version, menu_view

GOODS = (
    product("wine", 2000, stock_tracked=True),
    product("oil", 900, stock_tracked=True, oversell="refused"),
    product("cup", 400, stock_tracked=True, oversell="allowed"),
)
NAMES = ("last", "wine", "oil", "cup")
STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["order", "void", "deliver", "lose", "sold out", "orderable", "count", "allow", "refuse"]
        ),
        st.sampled_from(NAMES),
        st.integers(1, 4),
    ),
    max_size=30,
)


def step(world: World, what: str, name: str, number: int) -> None:
    match what:
        case "order":
            world.do(PlaceOrder((LineIn(name, number),), table_id="t1"))
        case "void":
            check = next(check for _, check in world.state.checks.items() if not check.ended and check.lines)
            world.do(VoidLines((LineQuantity(check.lines[0].line_id, 1),), "x"), check.check_id)
        case "deliver" if name != "last":
            world.do(MoveStock(name, number, "delivery"))
        case "lose" if name != "last":
            world.do(MoveStock(name, -number, "loss"))
        case "sold out" | "orderable":
            said: Any = {"sold out": "sold_out"}.get(what, what)
            world.do(ChangeProduct(availability=said), name, role="manager")
        case "count" if name == "last":
            world.do(ChangeProduct(remaining=number), name, role="manager")
        case "allow" | "refuse":
            word = {"allow": "allowed", "refuse": "refused"}[what]
            change = MasterChange("setting", "stock_oversell", word)
            world.do(ApplyMaster("import", (change,)), device=HUB_ID, role="manager")


def shown(state: State) -> tuple[str, set[str], tuple[int, int]]:
    """The menu's version, what is sold out in it, and what the floor is told by."""
    out = {row["id"] for row in menu_view(state)["products"] if row["availability"] == "sold_out"}
    counters = state.counters.committed
    return menu_version(state), out, (counters.get("menu_version", 0), counters.get(SOLD_OUT_VERSION, 0))


def refused(world: World, name: str) -> bool:
    try:
        world.decide(PlaceOrder((LineIn(name, 1),), table_id="t9"))
    except SoldOut:
        return True
    return False


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_the_menu_says_sold_out_exactly_where_an_order_is_refused(steps: list[tuple[str, str, int]]) -> None:
    world = World(replace(MENU, products=(*MENU.products, *GOODS)))
    version, out, told = world.settle(shown)
    for what, name, number in steps:
        try:
            step(world, what, name, number)
        except (HubError, StopIteration):
            continue
        before = version, out, told
        version, out, told = world.settle(shown)
        assert out == {name for name in NAMES if refused(world, name)}
        if out != before[1]:
            assert version != before[0], "a device with the old version would go on showing it"
            assert told != before[2], "nobody is told"
        elif what in ("order", "void", "deliver", "lose") and not out:
            assert told == before[2], "everybody asks for the menu again, and nothing in it has turned"
    world.same()
