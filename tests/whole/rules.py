"""The twelve invariants of docs/glossary.md, held against what the journal's bytes say: never against the hub's word.

The numbers are those of the glossary. Book follows the entries as they come and keeps a state of its own.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from hub.domain import entries
from hub.domain.check import Check
from hub.domain.evolve import evolve, fact_of, meta_of
from hub.domain.facts import OrderPlaced, SaleCompleted
from hub.domain.money import Rounding
from hub.domain.report import counted, fold
from hub.domain.report_sums import DayReport
from hub.domain.report_view import view
from hub.domain.state import State
from tests.support.invariants import (
    check_numbers_differ,
    each,
    money_adds_up,
    numbers_explained,
    one_party_a_table,
    portions_accounted_for,
    portions_out,
    stays_as_it_ended,
    total_of_its_lines,
)
from tests.whole.shop import PORTIONS, Shop


class Book:
    def __init__(self, shop: Shop, rounding: Rounding) -> None:
        self.shop = shop
        self.rounding = rounding
        self.state = State()
        self.reports: dict[str, DayReport] = {}
        self.seq, self.head = 0, entries.NO_HASH
        # 6: portions that the kitchen was told of, by product: what was ordered, then the differences.
        self.kitchen: Counter[str] = Counter()
        self.told: set[str] = set()
        # 4, 9, 11: what must not change any more.
        self.ended: dict[str, Any] = {}
        self.dated: dict[str, str] = {}
        self.priced: dict[str, tuple[int, str | None, str]] = {}
        self.settled: Counter[str] = Counter()

    def follow(self) -> None:
        """Read what was committed since. 8: no gap, one chain; the order of the entries is that of their effects."""
        for entry in self.shop.run(self._new()):
            envelope = entries.read(entry.raw)
            assert (envelope.seq, envelope.prevhash) == (self.seq + 1, self.head), "8: the chain has a gap"
            self.seq, self.head = envelope.seq, entries.hash_of(entry.raw)
            data = msgspec.json.decode(envelope.data)
            fact = fact_of(envelope.type, bytes(envelope.data))
            if fact is None:
                continue
            self._note(envelope.type.split(".", 1)[1].removesuffix(".v1"), data, envelope)
            meta = meta_of(envelope)
            evolve(self.state, fact, meta)
            self.state.seal()
            self.state.settle()
            if (shown := counted(fact, meta)) is not None:
                day = shown[1].business_date
                fold(self.reports.setdefault(day, DayReport(business_date=day)), *shown)
            if isinstance(fact, OrderPlaced | SaleCompleted):
                assert envelope.businessdate == self._due_day(data), (
                    "10: a device's clock moved the business date"
                )

    def _due_day(self, data: dict[str, Any]) -> str:
        """9: today by the hub's clock; of a sale that was taken without the hub, the day on which it was."""
        clock = self.shop.kit.clock
        at = data.get("taken", {}).get("at")
        return min(clock.stamp().business_date, clock.business_date(at) if at else "9999")

    async def _new(self) -> list[Any]:
        found: list[Any] = []
        while page := await self.shop.kit.journal.after(
            self.seq + len(found), count_max=500, bytes_max=1 << 28
        ):
            found += page
        return found

    def _note(self, kind: str, data: dict[str, Any], envelope: entries.Envelope) -> None:
        match kind:
            case "order.placed":
                for line in data["lines"]:
                    assert line["line_id"] not in self.told, "6: the kitchen was told of a line twice"
                    self.told.add(line["line_id"])
                    self.kitchen[line["product_id"]] += line["quantity"]
                    self.priced[line["line_id"]] = (line["unit_price"], line.get("tax_rate"), line["name"])
            case "lines.changed":
                for line in data["lines"]:
                    self.kitchen[line["product_id"]] += line["quantity"] - line["was"]
            case "lines.voided":
                for line in data["lines"]:
                    self.kitchen[line["product_id"]] -= line["quantity"]
            case "sale.completed":
                self.dated[data["sale_id"]] = envelope.businessdate
                if data.get("check_id") and "taken" not in data:
                    self.settled[data["check_id"]] += 1
                    assert self.settled[data["check_id"]] == 1, "4: one check was settled twice"

    # -- after every step -------------------------------------------------------------------------------------------

    def check(self) -> None:
        self.follow()
        self._same()
        one_party_a_table(self.state)
        for check in each(self.state.checks):
            self._prices(check)
            total_of_its_lines(check, self.rounding)
            stays_as_it_ended(self.ended, check)
        portions_accounted_for(self.state, "last", PORTIONS)
        self._stock()
        self._kitchen()
        check_numbers_differ(self.state)
        numbers_explained(self.state)
        money_adds_up(self.state)
        self._dates()
        self._points()
        self._days()

    def _same(self) -> None:
        """8: what the hub shows is what its entries say, no more and no less."""
        for shelf in self.state.shelves():
            mine = getattr(self.shop.state, shelf.name).committed
            for key, value in mine.items():
                assert shelf.committed.get(key) == value, f"8: {shelf.name} {key} is not what its entries say"

    def _prices(self, check: Check) -> None:
        for line in check.lines:
            if line.line_id in self.priced and not line.price_list and not line.prices:
                said = (line.unit_price, line.tax_rate, line.name)
                assert self.priced[line.line_id] == said, "11: a later menu changed an open line"

    def _stock(self) -> None:
        """5, of goods: the stock is the sum of its movements, never below 0 where that is refused."""
        by_hand = [
            move
            for _, move in self.state.stock_moves.items()
            if move.kind in ("delivery", "loss", "count") and move.product_id == "bottle"
        ]
        bottle = self.state.stock.get("bottle")
        quantity = 0 if bottle is None else bottle.quantity
        assert quantity == sum(move.quantity for move in by_hand) - portions_out(self.state, "bottle"), (
            "5: a bottle is lost"
        )
        assert quantity >= 0, "5: more bottles were sold than there are"

    def _kitchen(self) -> None:
        """6: what was told first and the differences since come to what is on the checks."""
        there: Counter[str] = Counter()
        for check in each(self.state.checks):
            for line in check.lines:
                there[line.product_id] += line.quantity if line.kind == "item" else 0
        # What only pays for a plan was never told.
        told, found = (
            {name: count for name, count in one.items() if count and name not in ("nomi", "more")}
            for one in (self.kitchen, there)
        )
        assert told == found, "6: the kitchen was told otherwise"

    def _dates(self) -> None:
        for sale in each(self.state.sales):
            assert sale.business_date == self.dated[sale.sale_id], "9: a sale moved to another business day"

    def _points(self) -> None:
        customer = self.state.customers.get("c1")
        moves = [move.points for _, move in self.state.movements.items() if move.customer_id == "c1"]
        assert customer is None or customer.points == sum(moves), "points are not the sum of their ledger"

    def _days(self) -> None:
        """9, 12: each day's figures are those of the entries that were made on it."""
        for day, report in self.reports.items():
            told = self.shop.run(self.shop.kit.core.reports.of(day, self.shop.kit.keeper.report))
            assert told == report, f"9: the report of {day} is not what its entries say"
            shown = view(report)
            mine = [sale for sale in each(self.state.sales) if self.dated[sale.sale_id] == day]
            assert shown["sales"] == {"count": len(mine), "total": sum(sale.total for sale in mine)}, (
                "9: a day's sales"
            )
