"""A store with a drink plan and, where asked for, time bands; the clock is in the test's hand."""

from __future__ import annotations

from typing import Any

from domain_world import MENU, World, product
from msgspec.structs import replace

from hub.domain.check import Check
from hub.domain.commands import LineIn, OpenCheck, PlaceOrder
from hub.domain.menu import Category, PlanTerms, TimeBand

TERMS = PlanTerms(
    minutes=90,
    last_order_minutes=20,
    notice_minutes=10,
    product_ids=("beer", "bowl"),
    category_ids=("drinks",),
    extension_product_id="more",
    extension_minutes=30,
)
PRODUCTS = (
    product("nomi", 1980, kind="plan", plan=TERMS),
    product("plain", 990, kind="plan", plan=PlanTerms(minutes=60, product_ids=("beer",))),
    product("more", 600, kind="plan_extension"),
    replace(product("sour", 480), category_id="drinks"),
    replace(product("house", 0, kind="in_plan"), category_id="drinks"),
)
MENU_WITH_PLANS = replace(
    MENU,
    categories=(*MENU.categories, Category("drinks", "Drinks")),
    products=(*MENU.products, *PRODUCTS),
)


def band(id: str, since: str, to: str, **more: Any) -> TimeBand:
    return TimeBand(id=id, name=id.upper(), since=since, to=to, **more)


def store(*bands: TimeBand, **settings: str) -> World:
    world = World(replace(MENU_WITH_PLANS, time_bands=bands), settings or None)
    world.clock = "18:00:00.000"
    return world


def party(world: World, table: str = "t1", guests: int = 3) -> str:
    check_id: str = world.do(OpenCheck((table,), guests=guests)).check_id
    return check_id


def order(world: World, check_id: str, *products: str, quantity: int = 1, **more: Any) -> Any:
    return world.do(PlaceOrder(tuple(LineIn(p, quantity) for p in products), check_id=check_id), **more)


def check_of(world: World, check_id: str) -> Check:
    check = world.state.checks.get(check_id)
    assert check is not None
    return check
