"""Handhelds on the store's LAN: they lose requests and answers, get impatient, and ask again with the same key."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hub.domain.commands import Command, CompleteSale, LineIn, PlaceOrder, RecordFact, TenderIn
from hub.domain.device import Device
from hub.domain.errors import HubError
from hub.service.desk import Answer, Request
from tests.simulation.world import Life, World
from tests.support.core import ask
from tests.support.handheld import Ack, Wish

AGAIN = ("outcome-unknown", "not-ready", "storage-full")
REFUSALS = ("sold-out", "check-closed", "tender-mismatch", "not-found")


@dataclass
class Handheld:
    world: World
    name: str
    random: random.Random
    acks: list[Ack] = field(default_factory=list)
    commands: dict[str, tuple[Command, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    over: bool = False
    _made: int = 0
    _check: tuple[str, int] | None = None
    _orders: int = 0

    async def live(self) -> None:
        """Work until `over`; a wish that was begun is seen through."""
        while not self.over:
            await asyncio.sleep(self.random.choice([0.02, 0.1, 0.3, 1.0]))
            wish, command = self._next()
            self.commands[wish.key] = (command, wish.path)
            await self._see_through(wish, command)

    async def _see_through(self, wish: Wish, command: Command) -> None:
        tries = 0
        while True:
            if tries and self.world.mistake == "new-key":
                wish.key = f"{wish.key}x"
            tries += 1
            outcome = await self._try(wish, command)
            if isinstance(outcome, Answer):
                self.world.note("ack", self.name, wish.mark, outcome.seq, outcome.replayed)
                self.acks.append(Ack(wish, 201, outcome.body))
                self._learn(command, json.loads(outcome.body))
                return
            if isinstance(outcome, HubError) and outcome.slug not in AGAIN:
                self.world.note("refused", self.name, wish.mark, outcome.slug)
                if outcome.slug not in REFUSALS:
                    self.problems.append(f"{wish.mark} was refused: {outcome}")
                self._check = None
                return
            await asyncio.sleep(self.random.uniform(0.05, 0.6))

    async def _try(self, wish: Wish, command: Command) -> Answer | HubError | None:
        """One request over the LAN. None: no answer came."""
        random_ = self.random
        await asyncio.sleep(random_.uniform(0.001, 0.02))
        life = self.world.life
        if life is None or random_.random() < 0.05:
            return None
        tasks = [self._arrive(life, wish, command)]
        if random_.random() < 0.1:
            # A finger that taps twice, or a network that doubles.
            await asyncio.sleep(random_.choice([0.0, 0.001, 0.01]))
            tasks.append(self._arrive(life, wish, command))
        await asyncio.wait(tasks, timeout=random_.choice([0.003, 0.5, 2.0]))
        if random_.random() < 0.03:
            tasks[0].cancel()
        if random_.random() < 0.08:
            return None
        bodies = {
            task.result().body
            for task in tasks
            if task.done() and not task.cancelled() and isinstance(task.result(), Answer)
        }
        if len(bodies) > 1:
            self.problems.append(f"{wish.mark} has two answers: {bodies}")
        first = tasks[0]
        return first.result() if first.done() and not first.cancelled() else None

    def _arrive(self, life: Life, wish: Wish, command: Command) -> asyncio.Task[Any]:
        request = Request(
            Device(self.name, self.name, "register", "", ""), wish.key, "POST", wish.path, command
        )

        # A body that comes in one piece, or in several.
        at_once = self.random.random() < 0.7

        async def answered() -> Answer | HubError:
            try:
                return await ask(life.core.desk, request, at_once=at_once)
            except HubError as error:
                return error

        return life.spawn(answered())

    async def again(self, life: Life, ack: Ack) -> None:
        """What was answered once is answered in the same words."""
        command, _ = self.commands[ack.wish.key.rstrip("x")]
        answer = await self._arrive(life, ack.wish, command)
        if not isinstance(answer, Answer) or not answer.replayed or answer.body != ack.body:
            self.problems.append(f"{ack.wish.mark}: first {ack.body!r}, then {answer}")

    def _next(self) -> tuple[Wish, Command]:
        self._made += 1
        mark = f"{self.name}/{self._made}"
        chance = self.random.random()
        command: Command
        path = "/v1/orders"
        if self._check is not None and self._orders >= 3:
            check_id, total = self._check
            path = "/v1/sales"
            command = CompleteSale(tenders=(TenderIn("cash", total, reference=mark),), check_id=check_id)
        elif chance < 0.15:
            path = "/v1/sales"
            command = CompleteSale(tenders=(TenderIn("cash", 110, reference=mark),), lines=(LineIn("p1", 1),))
        elif chance < 0.3:
            path = "/v1/facts"
            kind = "x.acme.poison" if chance < 0.2 else "x.acme.seen"
            command = RecordFact(type=kind, data=msgspec.Raw(b'{"mark":"%b"}' % mark.encode()))
        else:
            product = "last" if chance < 0.5 else f"p{self.random.randrange(30)}"
            command = PlaceOrder(
                lines=(LineIn(product, self.random.randint(1, 2), note=mark), LineIn("p2", 1)),
                table_id=f"t-{self.random.choice([self.name, 'all'])}",
            )
        return Wish(mark, path, b"", f"{self.name}-{self._made}"), command

    def _learn(self, command: Command, answer: dict[str, Any]) -> None:
        if isinstance(command, PlaceOrder) and command.table_id != "t-all":
            self._check, self._orders = (answer["check_id"], answer["check_total"]), self._orders + 1
        elif isinstance(command, CompleteSale) and command.check_id:
            self._check, self._orders = None, 0
