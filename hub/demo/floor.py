"""The simulated floor: handhelds that take real tickets from order to payment, and what they were told was accepted."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from hub.demo.client import Answer, Device, Refused, Traffic
from hub.demo.tickets import Evening, Ticket, Wish

# Of a hundred tickets so many move, have a portion taken off, are paid wrongly and voided, try to pay by network.
MOVES: Final = 0.04
VOIDS: Final = 0.04
SALE_VOIDS: Final = 0.01
BY_NETWORK: Final = 0.10
BY_TERMINAL: Final = 0.35


class FloorError(Exception):
    """The hub answered something that no handheld could work with; the message says what."""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A write that a device was told is accepted: it may forget it now."""

    device_id: str
    key: str
    seq: int
    kind: str
    amount: int


@dataclass(slots=True)
class Taken:
    """Everything the devices were told was accepted, and what else they saw."""

    writes: list[Acknowledged] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    tickets: int = 0
    # Sales less voided sales.
    total: int = 0
    # Tenders that the hub refused because they need the network.
    refused_tenders: int = 0

    def note(self, device: Device, answer: Answer, kind: str, amount: int = 0) -> None:
        self.writes.append(Acknowledged(device.device_id, answer.key, answer.seq, kind, amount))
        self.kinds[kind] += 1
        if kind == "sale.completed":
            self.total += amount
        elif kind == "sale.voided":
            self.total -= amount


class Floor:
    """Shares the tickets out among the handhelds. `begun(n)` may wait: it is the pace."""

    def __init__(
        self,
        evening: Evening,
        *,
        handhelds: list[Device],
        register: Device,
        tables: list[list[str]],
        named: dict[str, str],
        seed: int,
        traffic: Traffic,
        interval_s: float,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        self.taken = Taken()
        self.traffic = traffic
        self._evening = evening
        self._handhelds = handhelds
        self._register = register
        # Each handheld's own two tables, and those that the file names.
        self._tables = tables
        self._named = named
        self._seed = seed
        self._interval_s = interval_s
        self._done = done
        self._tenders = {method["id"]: method for method in evening.menu["tender_methods"]}
        # Parties of one table come one after the other, so one handheld serves them; anybody serves the others.
        self._anyones: deque[tuple[int, Ticket]] = deque()
        self._own: list[deque[tuple[int, Ticket]]] = [deque() for _ in handhelds]
        places: dict[str, int] = {}
        for number, ticket in enumerate(evening.tickets):
            if ticket.table is None:
                self._anyones.append((number, ticket))
            else:
                place = places.setdefault(ticket.table, len(places))
                self._own[place % len(handhelds)].append((number, ticket))

    async def work(self) -> None:
        """Serve every ticket. Raises FloorError, client.Refused or client.NoAnswer."""
        self._began = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for index, device in enumerate(self._handhelds):
                group.create_task(self._shift(index, device), name=device.name)

    async def _shift(self, index: int, device: Device) -> None:
        own, tables = self._own[index], self._tables[index]
        while own or self._anyones:
            source = min((line for line in (own, self._anyones) if line), key=lambda line: line[0][0])
            number, ticket = source.popleft()
            wait = self._began + number * self._interval_s - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            await self._serve(device, ticket, tables)
            self.taken.tickets += 1
            self._done()

    async def _serve(self, device: Device, ticket: Ticket, tables: list[str]) -> None:
        """One party, from the first order to the payment."""
        chance = random.Random(f"{self._seed}-{ticket.ticket_id}")  # noqa: S311 - repeatable on purpose
        table, spare = tables[0], tables[1]
        where: dict[str, Any] = {"table_id": self._named.get(ticket.table or "", table)}
        if ticket.guests:
            where["guests"] = ticket.guests
        if ticket.takeout:
            opened = await device.open_check(table_ids=[], dining="takeout")
            self.taken.note(device, opened, "check.opened")
            where = {"check_id": opened.body["check_id"]}
        answer: Answer | None = None
        for wishes in ticket.rounds:
            answer = await device.order(lines=[_line(wish) for wish in wishes], **where)
            self.taken.note(device, answer, "order.placed")
            where = {"check_id": answer.body["check_id"]}
        if answer is None:
            return
        due = ticket.total
        if answer.body["check_total"] != due:
            said = answer.body["check_total"]
            raise FloorError(f"ticket {ticket.ticket_id}: the hub says {said}, the file says {due}")
        check_id = answer.body["check_id"]
        if not ticket.takeout and ticket.table is None and chance.random() < MOVES:
            answer = await device.move(check_id, to=[spare], version=answer.body["check_version"])
            self.taken.note(device, answer, "check.moved")
        due -= await self._take_off(device, ticket, check_id, chance)
        await self._pay(device, check_id, due, chance)

    async def _take_off(self, device: Device, ticket: Ticket, check_id: str, chance: random.Random) -> int:
        """Now and then a portion is taken off again; what it was worth."""
        wishes = [wish for wishes in ticket.rounds for wish in wishes]
        if len(wishes) < 2 or chance.random() >= VOIDS:
            return 0
        check = await self._check(device, check_id)
        line = check["lines"][0]
        answer = await device.void(
            check_id, lines=[{"line_id": line["line_id"], "quantity": 1}], reason="ordered by mistake"
        )
        self.taken.note(device, answer, "lines.voided", line["unit_price"])
        return int(line["unit_price"])

    async def _check(self, device: Device, check_id: str) -> dict[str, Any]:
        """The check as it is now. Reading may be done again as often as it takes."""
        import httpx

        for _ in range(600):
            try:
                return await device.read(f"/v1/checks/{check_id}")
            except httpx.TransportError:
                await asyncio.sleep(0.2)
        raise FloorError(f"check {check_id} could not be read for two minutes")

    async def _pay(self, device: Device, check_id: str, due: int, chance: random.Random) -> None:
        method, tendered = self._tender(due, chance)
        try:
            answer = await device.settle(check_id, method=method, amount=due, tendered=tendered)
        except Refused as refusal:
            if refusal.slug != "tender-offline":
                raise
            # The guest pays in cash instead: the problem document names what works now.
            self.taken.refused_tenders += 1
            answer = await device.settle(check_id, method="cash", amount=due, tendered=due)
        self.taken.note(device, answer, "sale.completed", due)
        if chance.random() < SALE_VOIDS:
            await self._take_back(answer.body["sale_id"], due)

    async def _take_back(self, sale_id: str, due: int) -> None:
        try:
            voided = await self._register.void_sale(sale_id, reason="paid by mistake")
        except Refused as refusal:
            if refusal.slug != "conflict":
                raise
            return  # The business day turned in between: then it would have to be refunded.
        self.taken.note(self._register, voided, "sale.voided", due)

    def _tender(self, due: int, chance: random.Random) -> tuple[str, int | None]:
        draw = chance.random()
        online = [key for key, method in self._tenders.items() if method["needs_network"]]
        if online and draw < BY_NETWORK:
            return online[0], None
        if draw < BY_TERMINAL:
            return "terminal", None
        # The next note up: there is change.
        return "cash", -(-due // 1000) * 1000


def _line(wish: Wish) -> dict[str, Any]:
    line: dict[str, Any] = {"product_id": wish.product_id, "quantity": wish.quantity}
    if wish.option_ids:
        line["options"] = [{"option_id": option_id, "quantity": 1} for option_id in wish.option_ids]
    return line
