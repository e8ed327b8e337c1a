"""A store in memory: decides, makes real entries, reads their bytes back and evolves a second state from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, TypeVar

import msgspec

from hub.domain.commands import ApplyMaster, Command
from hub.domain.decide import decide
from hub.domain.decide.at import At
from hub.domain.device import HUB_ID, Device, Role
from hub.domain.entries import NO_HASH, Chain, Origin, Stamp, read
from hub.domain.evolve import evolve, fact_of, meta_of
from hub.domain.facts import Fact
from hub.domain.menu import Category, Menu, Option, OptionGroup, Product, TaxRate, TenderMethod
from hub.domain.menu_file import MenuFile, changes_of
from hub.domain.report import fold
from hub.domain.report_sums import DayReport
from hub.domain.state import Meta, State

T = TypeVar("T")
DAY = "2026-11-21"
NOON = 1_795_230_000.0
RATES = (
    TaxRate("standard", "0.10", "2019-10-01T00:00:00+09:00"),
    TaxRate("reduced", "0.08", "2019-10-01T00:00:00+09:00"),
    TaxRate("zero", "0", "2019-10-01T00:00:00+09:00"),
)


def product(id: str, price: int, **more: Any) -> Product:
    return Product(id=id, name=id.upper(), category_id="c", price=price, **more)


MENU = Menu(
    categories=(Category("c", "C"),),
    products=(
        product("tea", 98, tax_class="reduced"),
        product("bread", 98, tax_class="reduced", tax_included=False),
        product("beer", 550),
        product("soba", 333, tax_class="food", tax_included=False),
        product("coin", 101, tax_included=False),
        product("gift", 1000, tax_class="exempt"),
        product("milk", 77, tax_class="zero"),
        product("last", 700, stock_tracked=True, remaining=7),
        product("open", 0, open_price=True),
        product("bowl", 900, option_group_ids=("size",)),
    ),
    option_groups=(
        OptionGroup(
            "size", "Size", (Option("s", "S", 0), Option("l", "L", 150), Option("x", "less", -500)), 0, 2
        ),
    ),
    tax_rates=RATES,
    tender_methods=(
        TenderMethod("cash", "現金", "cash"),
        TenderMethod("card", "Card", "card", needs_network=True),
        TenderMethod("voucher", "Voucher", "voucher"),
        TenderMethod("points", "Points", "points"),
    ),
)
KINDS = (
    "category",
    "product",
    "option_group",
    "tax_rate",
    "table",
    "tender_method",
    "staff",
    "time_band",
    "deal",
    "coupon",
)


class World:
    """`state` is the live one. `replayed` is evolved from the entries' bytes only: same() compares the two."""

    def __init__(self, menu: Menu = MENU, settings: dict[str, str] | None = None) -> None:
        self.state = State()
        self.replayed = State()
        self.report = DayReport(business_date=DAY)
        self.facts: list[tuple[Fact, Meta]] = []
        self._chain = Chain(source="/stores/s/hubs/h", boot_id="b", epoch="0" * 16, seq=0, head=NO_HASH)
        self._ids: Iterator[int] = count(1)
        self.day = DAY
        self.unix_s = NOON
        self.clock = "12:00:00.000"
        self.online = True
        for name, value in (settings or {}).items():
            self._apply([msgspec.convert({"kind": "setting", "id": name, "value": value}, Change)])
        changes = changes_of(MenuFile(menu, KINDS))
        if changes:
            self._apply(list(changes))

    def _apply(self, changes: list[Any]) -> None:
        self.do(ApplyMaster(source="import", changes=tuple(changes)), device=HUB_ID, role="manager")

    def mint(self) -> str:
        return f"id-{next(self._ids):06d}"

    def at(
        self,
        target: str = "",
        *,
        version: int | None = None,
        device: str = "d1",
        role: Role = "register",
        table_id: str | None = None,
    ) -> At:
        stamp = Stamp(f"{self.day}T{self.clock}+09:00", self.unix_s, self.day, 1, True)
        who = Device(device, device, role, "", "", table_id)
        return At(stamp, who, self.mint, target, version, self.online)

    def decide(self, command: Command, target: str = "", **more: Any) -> list[Fact]:
        return decide(self.state, command, self.at(target, **more))

    def do(self, command: Command, target: str = "", **more: Any) -> Any:
        """Decide and keep; the last fact. Raises HubError, and then nothing has changed."""
        at = self.at(target, **more)
        facts = decide(self.state, command, at)
        for fact in facts:
            self.keep(fact, at)
        return facts[-1] if facts else None

    def keep(self, fact: Fact, at: At) -> None:
        entry, _ = self._chain.append(fact, at.stamp, Origin(at.device.device_id))
        envelope = read(entry.raw)
        meta = meta_of(envelope)
        evolve(self.state, fact, meta)
        fold(self.report, fact, meta)
        self.facts.append((fact, meta))
        again = fact_of(envelope.type, bytes(envelope.data))
        if again is not None:
            assert again == fact, "a fact that is read is not the fact that was kept"
            evolve(self.replayed, again, meta)

    def settle(self, view: Callable[[State], T]) -> T:
        self.state.seal()
        self.state.settle()
        return view(self.state)

    def same(self) -> None:
        assert contents(self.state) == contents(self.replayed)


class Change(msgspec.Struct, frozen=True):
    kind: str
    id: str
    value: Any
    version: str = ""


def contents(state: State) -> dict[str, dict[str, Any]]:
    return {shelf.name: dict(shelf.items()) for shelf in state.shelves()}
