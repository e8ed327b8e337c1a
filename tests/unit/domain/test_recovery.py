"""Entries that a disk had lost come back: they count once, never spoil what came after, and never stop a start."""

from __future__ import annotations

from typing import Any

from domain_world import DAY, MENU, World

from hub.domain.commands import (
    ChangeProduct,
    Command,
    CompleteSale,
    LineIn,
    LineQuantity,
    PlaceOrder,
    RecoverEntry,
    RefundSale,
    TakeNumbers,
    TenderIn,
    VoidLines,
    VoidSale,
)
from hub.domain.entries import NO_HASH, Chain, Origin, hash_of
from hub.domain.needs import command_needs, fact_needs
from hub.domain.report import counted, fold
from hub.domain.report_sums import DayReport
from hub.domain.state import Meta

META = Meta(1, "e", f"{DAY}T12:00:00+09:00", DAY, "d1")


class Lost:
    """Entries of an epoch that this box does not know any more."""

    def __init__(self) -> None:
        self.world = World(MENU)
        self.chain = Chain(source="/s", boot_id="b", epoch="f" * 16, seq=0, head=NO_HASH)
        self.raw: list[bytes] = []

    def do(self, command: Command, target: str = "", **more: Any) -> Any:
        at = self.world.at(target, **more)
        for fact in self.world.decide(command, target, **more):
            self.world.keep(fact, at)
            self.raw.append(self.chain.append(fact, at.stamp, Origin("d9"))[0].raw)
        return fact

    def come_back(self, world: World) -> None:
        for seq, raw in enumerate(self.raw, 1):
            world.do(RecoverEntry("f" * 16, seq, hash_of(raw), raw.decode()))


def test_lost_entries_count_as_if_they_had_never_been_lost() -> None:
    lost = Lost()
    placed = lost.do(PlaceOrder((LineIn("beer", 2, "a"), LineIn("last", 1, "b")), table_id="t7"))
    lost.do(VoidLines((LineQuantity("a", 1),), "x"), placed.check_id)
    lost.do(TakeNumbers("r1", 5))
    world = World(MENU)
    lost.come_back(world)
    assert world.state.checks.get(placed.check_id) == lost.world.state.checks.get(placed.check_id)
    assert world.state.products.get("last").remaining == 6  # type: ignore[union-attr]
    assert world.state.counters.get("receipt_no:A") == 5
    world.same()


def test_offered_twice_they_count_once() -> None:
    lost = Lost()
    lost.do(CompleteSale((TenderIn("cash", 550),), lines=(LineIn("beer", 1),)))
    world = World(MENU)
    lost.come_back(world)
    lost.come_back(world)
    assert world.state.counters.get("sales_total") == 550


def test_what_no_longer_fits_is_kept_and_changes_nothing() -> None:
    lost = Lost()
    placed = lost.do(PlaceOrder((LineIn("beer", 2, "a"),), table_id="t7"))
    sold = lost.do(CompleteSale((TenderIn("cash", 1100),), check_id=placed.check_id))
    lost.do(VoidSale("x"), sold.sale_id)
    lost.raw = [lost.raw[1], lost.raw[3]]  # The order without its check, the void without its sale.
    world = World(MENU)
    world_checks = dict(world.state.checks.items())
    for seq, raw in zip((2, 4), lost.raw, strict=True):
        world.do(RecoverEntry("f" * 16, seq, hash_of(raw), raw.decode()))
    assert dict(world.state.checks.items()) == world_checks
    world.same()


def test_a_late_order_finds_its_check_gone_on_and_the_total_is_right() -> None:
    lost = Lost()
    placed = lost.do(PlaceOrder((LineIn("beer", 1),), table_id="t7"))
    late = lost.do(PlaceOrder((LineIn("bread", 7),), check_id=placed.check_id))
    world = World(MENU)
    first, second, third = lost.raw
    for seq, raw in ((1, first), (2, second)):
        world.do(RecoverEntry("f" * 16, seq, hash_of(raw), raw.decode()))
    world.do(PlaceOrder((LineIn("tea", 1, "t"),), check_id=placed.check_id))
    world.do(RecoverEntry("f" * 16, 3, hash_of(third), third.decode()))
    check = world.state.checks.get(placed.check_id)
    assert check is not None
    assert check.total == 550 + 98 + 740 == late.check_total + 98
    assert check.version == 4
    world.same()


def test_a_late_change_of_the_menu_makes_a_version_that_nobody_has_seen() -> None:
    lost = Lost()
    lost.do(ChangeProduct(availability="sold_out"), "tea")
    world = World(MENU)
    for remaining in (5, 4, 3):
        world.do(ChangeProduct(remaining=remaining), "last")
    before = world.state.menu_version
    lost.come_back(world)
    assert world.state.menu_version > before
    assert world.state.products.get("tea").sold_out  # type: ignore[union-attr]


def test_a_recovered_sale_counts_on_its_own_day() -> None:
    lost = Lost()
    lost.world.day = "2026-11-20"
    lost.do(CompleteSale((TenderIn("cash", 550),), lines=(LineIn("beer", 1),)))
    world = World(MENU)
    lost.come_back(world)
    fact, meta = world.facts[-1]
    inner = counted(fact, meta)
    assert inner is not None
    report = DayReport(business_date="2026-11-20")
    fold(report, *inner)
    assert inner[1].business_date == "2026-11-20"
    assert report.sales.total == 550


def test_what_must_be_in_memory_is_named() -> None:
    assert list(command_needs(VoidSale("x"), "s1")) == [("sales", "s1")]
    assert list(command_needs(PlaceOrder((), check_id="c1"), "")) == [("checks", "c1")]
    assert list(command_needs(PlaceOrder((), table_id="t1"), "")) == []
    lost = Lost()
    sold = lost.do(CompleteSale((TenderIn("cash", 550),), lines=(LineIn("beer", 1, "b"),)))
    drawer = [("days", META.business_date), ("registers", f"{META.business_date}|d1")]
    back = lost.do(RefundSale((LineQuantity("b", 1),), (TenderIn("cash", 550),), ""), sold.sale_id)
    assert list(fact_needs(sold, META)) == drawer
    assert list(fact_needs(back, META)) == [("sales", sold.sale_id), *drawer]
    world = World(MENU)
    lost.come_back(world)
    assert list(fact_needs(*world.facts[-1])) == [("sales", sold.sale_id), *drawer]
