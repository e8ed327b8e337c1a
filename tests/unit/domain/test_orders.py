"""Taking orders: priced from the store's own menu, all lines or none; and the menu that devices see."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from domain_world import World, contents

from hub.domain.check import Check
from hub.domain.command import ChildIn, OptionIn
from hub.domain.commands import (
    ApplyMaster,
    ChangeProduct,
    CompleteSale,
    LineIn,
    OpenCheck,
    PlaceOrder,
    RecordFact,
    TenderIn,
)
from hub.domain.errors import (
    Forbidden,
    HubError,
    InvalidRequest,
    NotFound,
    PayloadTooLarge,
    SoldOut,
    TableOccupied,
)
from hub.domain.facts import MasterChange
from hub.domain.views import check_view, menu_version, menu_view, sale_view


def place(world: World, *lines: LineIn, **more: Any) -> Any:
    where = {key: more.pop(key) for key in ("table_id", "check_id", "staff_id", "guests") if key in more}
    return world.do(PlaceOrder(lines, **(where or {"table_id": "t1"})), **more)


def test_a_table_without_a_check_gets_one_and_keeps_it() -> None:
    world = World()
    first, second = place(world, LineIn("beer", 2)), place(world, LineIn("tea", 1), device="d2")
    assert (second.check_id, second.check_no, second.check_version) == (first.check_id, 1, 3)
    assert second.check_total == 1198
    assert place(world, LineIn("tea", 1), table_id="t2").check_no == 2
    with pytest.raises(TableOccupied):
        world.do(OpenCheck(("t3", "t1")))


def test_the_price_is_the_menus_with_the_options() -> None:
    world = World()
    placed = place(
        world, LineIn("bowl", 3, options=(OptionIn("l"), OptionIn("s"))), LineIn("open", 2, unit_price=70)
    )
    assert [(line.unit_price, line.amount) for line in placed.lines] == [(1050, 3150), (70, 140)]
    assert [option.name for option in placed.lines[0].options] == ["L", "S"]


def test_an_order_keeps_its_price_when_the_menu_changes() -> None:
    world = World()
    placed = place(world, LineIn("beer", 1))
    world.do(ChangeProduct(price=9), "beer", role="manager")
    assert place(world, LineIn("beer", 1)).check_total == placed.check_total + 9


@pytest.mark.parametrize(
    "line",
    [
        LineIn("nothing", 1),
        LineIn("beer", 1, unit_price=1),
        LineIn("open", 1),
        LineIn("beer", 1, options=(OptionIn("l"),)),
        LineIn("bowl", 1, options=(OptionIn("l"), OptionIn("l"))),
        LineIn("bowl", 1, options=(OptionIn("l", 3),)),
        LineIn("bowl", 1, options=(OptionIn("x", 2),)),
        LineIn("tea", 1, "mine"),
    ],
)
def test_one_wrong_line_and_nothing_is_taken(line: LineIn) -> None:
    world = World()
    place(world, LineIn("tea", 1, "mine"))
    before = contents(world.state)
    with pytest.raises(InvalidRequest) as refused:
        place(world, LineIn("last", 1), line)
    assert refused.value.fields["errors"][0]["path"].startswith("lines[1]")
    assert contents(world.state) == before


def test_a_devices_own_line_ids_are_ids_and_stand_on_a_check_once() -> None:
    world = World()

    def refused(*ids: str | None) -> tuple[str, str]:
        with pytest.raises(InvalidRequest) as raised:
            place(world, *(LineIn("tea", 1, line_id=line_id) for line_id in ids))
        (error,) = raised.value.fields["errors"]
        return error["path"], error["message"]

    place(world, LineIn("beer", 1, line_id="a"), LineIn("tea", 1, line_id="b.2_-C"), LineIn("tea", 1))
    assert refused("c", None, "d", "c") == ("lines[3].line_id", "the order names it twice: c")
    assert refused("c", "b.2_-C") == ("lines[1].line_id", "the check has this line already: b.2_-C")
    for wrong in ("a b", "a\n", "é", "１", "a/b", '"'):
        assert refused("c", wrong) == ("lines[1].line_id", "is no id: 1 to 64 of A-Za-z0-9._-")
    # Another table's check has lines of its own.
    place(world, LineIn("tea", 1, line_id="a"), table_id="t2")


def test_a_total_beyond_all_reason_is_refused() -> None:
    world = World()
    with pytest.raises(InvalidRequest):
        place(world, LineIn("open", 9999, unit_price=999_999_999))


@pytest.mark.parametrize("where", [{}, {"table_id": "t", "check_id": "c"}])
def test_an_order_names_one_place(where: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest):
        World().do(PlaceOrder((LineIn("tea", 1),), **where))
    with pytest.raises(NotFound):
        World().do(PlaceOrder((LineIn("tea", 1),), check_id="nope"))


def test_a_tables_tablet_adds_to_its_own_open_check_and_nothing_else() -> None:
    world = World()
    tablet: dict[str, Any] = {"role": "table", "device": "tab", "table_id": "t1"}

    def ask(**more: Any) -> Any:
        return world.do(PlaceOrder((LineIn("tea", 1),), **more), **tablet)

    with pytest.raises(Forbidden):
        ask()
    check = world.do(OpenCheck(("t1",)))
    assert ask().check_id == ask(table_id="t1").check_id == check.check_id
    for more in ({"table_id": "t2"}, {"check_id": check.check_id}, {"staff_id": "s"}, {"guests": 2}):
        with pytest.raises(Forbidden):
            ask(**more)
    for line in (LineIn("tea", 1, hold=True), LineIn("tea", 1, children=(ChildIn("tea", hold=False),))):
        with pytest.raises(Forbidden):
            world.do(PlaceOrder((line,)), **tablet)


def test_the_last_portion_goes_to_one_table() -> None:
    world = World()
    place(world, LineIn("last", 6))
    place(world, LineIn("last", 1), table_id="t2", device="d2")
    with pytest.raises(SoldOut) as refused:
        place(world, LineIn("tea", 1), LineIn("last", 1), table_id="t3", device="d3")
    assert refused.value.fields == {"product_id": "last", "name": "LAST", "remaining": 0}
    world.do(ChangeProduct(availability="sold_out"), "tea")
    with pytest.raises(SoldOut):
        place(world, LineIn("tea", 1))


def test_the_menu_shows_what_can_be_ordered_and_its_version_follows() -> None:
    world = World()
    shown = world.settle(menu_view)
    first = world.settle(menu_version)
    assert shown["version"] == first
    by_id = {product["id"]: product for product in shown["products"]}
    assert (by_id["last"]["availability"], by_id["last"]["remaining"]) == ("orderable", 7)
    assert "remaining" not in by_id["tea"]
    place(world, LineIn("last", 7))
    by_id = {product["id"]: product for product in world.settle(menu_view)["products"]}
    assert (by_id["last"]["availability"], by_id["last"]["remaining"]) == ("sold_out", 0)
    assert world.settle(menu_version) != first
    second = world.settle(menu_version)
    place(world, LineIn("tea", 1))
    assert world.settle(menu_version) == second, "an order of uncounted products changes no menu"


def test_readers_see_only_what_is_committed() -> None:
    world = World()
    before = world.settle(menu_version)
    world.do(ChangeProduct(availability="sold_out"), "tea")
    assert menu_version(world.state) == before


def test_the_views_are_plain_json() -> None:
    world = World()
    placed = place(world, LineIn("bowl", 1, options=(OptionIn("l"),), note="hot"), LineIn("gift", 1))
    check = world.state.checks.get(placed.check_id)
    assert isinstance(check, Check)
    view = msgspec.json.decode(msgspec.json.encode(check_view(check)))
    assert "sums" not in view
    assert (view["total"], view["lines"][0]["served"], view["lines"][1]["tax_rate"]) == (2050, 0, None)
    sold = world.do(CompleteSale((TenderIn("cash", 2050),), check_id=placed.check_id))
    sale = world.state.sales.get(sold.sale_id)
    assert sale is not None
    shown = msgspec.json.decode(msgspec.json.encode(sale_view(sale)))
    for field, value in msgspec.to_builtins(sold).items():
        if field != "lines":
            assert shown[field] == msgspec.json.decode(msgspec.json.encode(value)), field


def test_a_foreign_fact_is_kept_up_to_its_size() -> None:
    world = World()
    kept = world.decide(RecordFact("x.acme.log", msgspec.Raw(b'{"celsius":3}'), "fridges/1"))[0]
    assert (kept.entry_type(), kept.subject()) == ("x.acme.log.v1", "fridges/1")
    with pytest.raises(PayloadTooLarge):
        world.decide(RecordFact("x.acme.log", msgspec.Raw(b'"' + b"a" * 32_768 + b'"')))


def test_prices_are_changed_by_those_who_may() -> None:
    world = World()
    with pytest.raises(Forbidden):
        world.do(ChangeProduct(price=1), "beer", role="handheld")
    with pytest.raises(InvalidRequest):
        world.do(ChangeProduct(), "beer")
    with pytest.raises(NotFound):
        world.do(ChangeProduct(price=1), "nothing", role="manager")
    world.do(ChangeProduct(remaining=0), "beer")
    with pytest.raises(SoldOut):
        place(world, LineIn("beer", 1))
    world.do(ChangeProduct(remaining=None), "beer")
    place(world, LineIn("beer", 1))
    world.same()


def test_the_clouds_price_stands_and_both_sides_are_told() -> None:
    world = World()
    world.do(ChangeProduct(price=600, remaining=3), "beer", role="manager")
    value = {
        "id": "beer",
        "name": "Beer",
        "category_id": "c",
        "price": 580,
        "stock_tracked": True,
        "remaining": 50,
    }
    applied = world.do(ApplyMaster("cloud", (MasterChange("product", "beer", value),), cursor="7"))
    assert [(d.ours, d.theirs, d.kept) for d in applied.decided] == [(600, 580, "cloud")]
    beer = world.state.products.get("beer")
    assert beer is not None
    assert (beer.price, beer.remaining) == (580, 3), "what is left on the shelf is the store's to know"
    again = ApplyMaster("cloud", (MasterChange("product", "beer", value),), cursor="7")
    assert world.decide(again) == []
    world.same()


def test_a_currency_from_the_cloud_does_not_stop_the_rest() -> None:
    world = World()
    place(world, LineIn("tea", 1))
    changes = (MasterChange("setting", "currency", "USD"), MasterChange("setting", "store_name", "Pochi"))
    world.do(ApplyMaster("cloud", changes))
    assert (world.state.currency, world.state.settings.get("store_name")) == ("JPY", "Pochi")


def test_a_rounding_that_nobody_knows_is_down() -> None:
    assert World(settings={"rounding": "sideways"}).state.rounding.value == "down"


def test_every_refusal_is_a_hub_error_with_plain_fields() -> None:
    world = World()
    place(world, LineIn("last", 7))
    for command in (PlaceOrder((LineIn("last", 1),), table_id="t1"), PlaceOrder((), check_id="x")):
        with pytest.raises(HubError) as refused:
            world.do(command)
        msgspec.json.encode(refused.value.fields)
