"""A whole store behind its Desk, as the API asks it: several devices, one disk that can fail, a hub that can die."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.domain.command import Command
from hub.domain.commands import ApplyMaster, PairDevice, TakeNumbers
from hub.domain.commands_stock import CountedIn, CountStock
from hub.domain.device import Role
from hub.domain.errors import HubError, OutcomeUnknown, TenderMismatch
from hub.domain.facts import MasterChange
from tests.support.core import HubKit
from tests.support.disk import Disk

DEVICES: Final[dict[str, Role]] = {"h1": "handheld", "h2": "handheld", "r1": "register", "m1": "manager"}
TABLES: Final = ("t1", "t2", "t3", "t4")
PORTIONS: Final = 7
BOTTLES: Final = 9
POINTS: Final = 500


def _product(id: str, price: int, category: str = "food", **more: Any) -> MasterChange:
    value = {"id": id, "name": id.upper(), "category_id": category, "price": price, **more}
    return MasterChange("product", id, value)


def _named(what: Any, id: str, /, **more: Any) -> MasterChange:
    return MasterChange(what, id, {"id": id, "name": id, **more})


MENU: Final = (
    *(_named("category", one) for one in ("food", "drink")),
    _product("tea", 98, "drink", tax_class="reduced"),
    _product("soba", 333, tax_class="food", tax_included=False),
    _product("beer", 550, "drink", prices={"member": 480}),
    _product("coin", 101, tax_included=False),
    _product("gift", 1000, tax_class="exempt"),
    _product("last", 700, stock_tracked=True, remaining=PORTIONS),
    _product("bottle", 1500, "drink", stock_tracked=True, oversell="refused"),
    _product("bowl", 900, option_group_ids=["size"]),
    _product("lunch", 1200, kind="set", slots=[
        {"id": "main", "name": "Main", "choices": [{"product_id": "soba"}, {"product_id": "last", "price": 50}]},
        {"id": "drink", "name": "Drink", "min": 0, "choices": [{"product_id": "tea"}]},
    ]),
    _product("nomi", 1500, kind="plan", plan={
        "minutes": 90, "last_order_minutes": 20, "product_ids": ["beer"], "extension_product_id": "more",
    }),
    _product("more", 500, kind="plan_extension"),
    _named("option_group", "size", options=[{"id": "l", "name": "L", "price": 150}], min=0, max=1),
    _named("deal", "two", parts=[{"product_ids": ["tea"], "quantity": 2}], amount=30),
    MasterChange("coupon", "k", {"id": "k", "code": "K", "name": "K", "kind": "amount", "value": 200, "once": "store"}),
    *(_named("tender_method", one, kind=one) for one in ("cash", "voucher", "points")),
    _named("tender_method", "card", kind="card", needs_network=True),
    *(_named("table", one) for one in TABLES),
    MasterChange("staff", "boss", {"id": "boss", "code": "1", "name": "Boss", "role": "manager"}),
    MasterChange("staff", "new", {"id": "new", "code": "2", "name": "New", "role": "staff"}),
    MasterChange("customer", "c1", {"id": "c1", "points": POINTS}),
    MasterChange("setting", "permission.void_sale", "manager"),
    MasterChange("setting", "points_rate", "0.01"),
    *(
        MasterChange("tax_rate", f"{name}@2019-10-01T00:00:00+09:00",
                     {"tax_class": name, "rate": rate, "from": "2019-10-01T00:00:00+09:00"})
        for name, rate in (("standard", "0.10"), ("reduced", "0.08"))
    ),
)  # fmt: skip


class Asked(Struct):
    """A write that was answered: asked again it must be answered so again, whatever has happened since."""

    command: Command
    how: dict[str, Any]
    body: bytes


class Shop:
    """acked: how far the cloud has come, when it can be reached."""

    def __init__(self) -> None:
        self.kit = HubKit(Disk())
        self.acked = 0
        self.kit.unsent = lambda: self.kit.journal.position.seq - self.acked
        self.asked: dict[str, Asked] = {}
        self.refused: list[str] = []
        self._runner = asyncio.Runner()
        self._keys = 0

    def open(self, **settings: str) -> None:
        self.run(self.kit.start())
        own = tuple(MasterChange("setting", name, value) for name, value in settings.items())
        self.run(self.kit.core.desk.order(ApplyMaster("import", (*MENU, *own))))
        for device, role in DEVICES.items():
            self.run(self.kit.core.desk.order(PairDevice(device, device, role, f"token of {device}")))
            self.ask(TakeNumbers(device, 3), device="m1")
        self.ask(CountStock((CountedIn("bottle", BOTTLES),)), device="m1")

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    @property
    def state(self) -> Any:
        return self.kit.core.state

    def ask(
        self,
        command: Command,
        target: str = "",
        *,
        device: str,
        version: int | None = None,
        fault: str = "ok",
    ) -> dict[str, Any] | None:
        """The answer; None for a refusal. fault: of the commit; then the device asks until it is answered."""
        self._keys += 1
        key = f"key-{self._keys}"
        role = DEVICES[device]
        how = {
            "device": device,
            "role": role,
            "target": target,
            "version": version,
            "path": f"/v1/x/{target}",
        }
        if fault != "ok":
            self.kit.journal.faults.append(fault)
        for _ in range(3):
            try:
                answer = self.run(self.kit.submit(key, command, **how))
            except OutcomeUnknown:
                continue
            except HubError as error:
                self.refused.append(error.slug)
                self.kit.journal.faults.clear()
                return None
            self.kit.journal.faults.clear()
            self.asked[key] = Asked(command, how, answer.body)
            return dict(msgspec.json.decode(answer.body))
        raise AssertionError("a device that asks again is never answered")

    def due(self, command: Command, *, device: str) -> int:
        """What a sale that offers nothing would come to; 0 for one that is refused for another reason."""
        self._keys += 1
        try:
            self.run(
                self.kit.submit(
                    f"look-{self._keys}", command, device=device, role=DEVICES[device], path="/v1/x/"
                )
            )
        except TenderMismatch as wrong:
            return int(wrong.fields["total"])
        except HubError as error:
            self.refused.append(error.slug)
        return 0

    def again(self, number: int) -> None:
        """A device that lost its answer asks again."""
        if self.asked:
            key = list(self.asked)[number % len(self.asked)]
            first, before = self.asked[key], self.kit.journal.position.seq
            try:
                answer = self.run(self.kit.submit(key, first.command, **first.how))
            except HubError as error:
                raise AssertionError(
                    f"1: what was done is refused when it is asked again: {error}"
                ) from error
            assert answer.body == first.body, "1: the same key got another answer"
            assert self.kit.journal.position.seq == before, "1: the same key had a second effect"

    def restart(self, *, killed: bool) -> None:
        if killed:
            self.run(self.kit.again())
        else:
            self.run(self.kit.stop())
            self.run(self.kit.start())

    def later(self, hours: float) -> None:
        self.kit.clock.unix_s += hours * 3600
        self.kit.clock.uptime_s += hours * 3600

    def close(self) -> None:
        if self.kit.alive:
            self.run(self.kit.kill())
        self._runner.close()
