"""Fifty devices at once, with all that real ones do to a key: twice, late, again, with another body (row F12)."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec

from tests.support.audit import ack_problems, chain_problems
from tests.support.core import MENU
from tests.support.handheld import Ack, Handheld, Line, Wish
from tests.support.process import hub_process
from tests.support.rig import run

DEVICES = 50
# Each store takes so many at most, and the next ones go to a fresh one: their count must not be one of memory.
STORE_REQUESTS = 50_000
# All lose the Wi-Fi at the same moment, after so many requests each.
STORM_EVERY = 20


@dataclass
class Outcome:
    requests: int = 0
    acks: int = 0
    storms: int = 0
    # What was asked besides new things, by kind.
    kinds: Counter[str] = field(default_factory=Counter)
    took_s: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


@dataclass
class Guest(Handheld):
    kinds: Counter[str] = field(default_factory=Counter)
    lines: tuple[Line, Line] | None = None
    # Sent once, and nobody waited for the answer.
    hung_up: list[Wish] = field(default_factory=list)

    async def work(self, until: asyncio.Event) -> None:
        self.lines = Line(self.port), Line(self.port)
        ways = (self._replay, self._other_body, self._two_bodies, self._hang_up, self._late)
        try:
            while not until.is_set():
                if self.wish is not None or not self.acks or self.random.random() < 0.6:
                    self.wish = self.wish or self._next()
                    await self._send(self.wish, self.lines, until)
                    continue
                way = self.random.choice(ways)
                self.kinds[way.__name__.strip("_")] += 1
                # The Wi-Fi may be lost in the middle: then there is nothing to compare.
                with suppress(OSError):
                    await way(self.lines)
        finally:
            for line in self.lines:
                line.close()

    async def settle(self) -> None:
        """Ask for what was never answered, until it is."""
        line = Line(self.port)
        for wish in [*self.hung_up, *([self.wish] if self.wish else [])]:
            status, _, body = await self._post(line, wish)
            if status == 201:
                self.acks.append(Ack(wish, status, body))
        self.hung_up, self.wish = [], None
        line.close()

    def drop(self) -> None:
        for line in self.lines or ():
            line.drop()

    async def _replay(self, lines: tuple[Line, Line]) -> None:
        """A stray copy, of long ago or of just now."""
        ack = self.random.choice(self.acks)
        status, headers, body = await self._post(lines[0], ack.wish)
        if (status, body) != (ack.status, ack.body) or headers.get("idempotency-replayed") != "true":
            self.problems.append(f"{ack.wish.mark}: first {ack.body!r}, then {status} {body!r} {headers}")

    async def _other_body(self, lines: tuple[Line, Line]) -> None:
        await self._refused(lines[0], self._altered(self.random.choice(self.acks).wish))

    async def _refused(self, line: Line, wish: Wish) -> None:
        status, _, body = await self._post(line, wish)
        if status != 422 or json.loads(body)["slug"] != "idempotency-key-reused":
            self.problems.append(
                f"{wish.mark}: another body under the same key was answered {status} {body!r}"
            )

    async def _two_bodies(self, lines: tuple[Line, Line]) -> None:
        """Both at once under a new key: one of them is taken, the other never."""
        wish = self._fact()
        both = [wish, self._altered(wish)]
        self.random.shuffle(both)
        found = await asyncio.gather(
            *(self._post(line, one) for line, one in zip(lines, both, strict=True)), return_exceptions=True
        )
        answers = [
            (one, *answer) for one, answer in zip(both, found, strict=True) if isinstance(answer, tuple)
        ]
        good = [(one, status, body) for one, status, _, body in answers if status == 201]
        if len(answers) == 2 and sorted(status for _, status, _, _ in answers) != [201, 422]:
            self.problems.append(f"two bodies under one key: {answers}")
        self.acks += [Ack(one, status, body) for one, status, body in good]

    async def _hang_up(self, lines: tuple[Line, Line]) -> None:
        """Ask and go; the answer is asked for at the end of the day."""
        wish = self._fact()
        self.hung_up.append(wish)
        asking = asyncio.create_task(self._post(lines[1], wish))
        await asyncio.sleep(self.random.uniform(0, 0.01))
        lines[1].drop()
        with suppress(OSError):
            await asking

    async def _late(self, lines: tuple[Line, Line]) -> None:
        """What was made first arrives last."""
        first, second = self._fact(), self._fact()
        for line, wish in zip(lines, (second, first), strict=True):
            status, _, body = await self._post(line, wish)
            if status != 201:
                self.problems.append(f"{wish.mark}: {status} {body!r}")
            else:
                self.acks.append(Ack(wish, status, body))

    def _fact(self) -> Wish:
        self._made += 1
        mark = f"{self.device}/{self._made}"
        return self._wish(mark, "/v1/facts", {"type": "x.acme.seen", "data": {"mark": mark}})

    def _altered(self, wish: Wish) -> Wish:
        body = json.loads(wish.body)
        if wish.path == "/v1/facts":
            body["data"]["mark"] += "'"
        else:
            body["staff_id"] = f"other-{self.random.randrange(9)}"
        mark = f"{wish.mark}'" if wish.path == "/v1/facts" else wish.mark
        return replace(wish, mark=mark, body=json.dumps(body).encode())


async def crowd(
    folder: Path,
    *,
    requests: int,
    seed: int,
    devices: int = DEVICES,
    mistake: str = "",
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """At least so many requests, from all devices together; then the journal is held against every answer."""
    outcome = Outcome()
    while outcome.requests < requests and not outcome.problems:
        number = outcome.requests
        place = folder / f"from-{number}"
        place.mkdir()
        most = min(STORE_REQUESTS, requests - outcome.requests)
        await _evening(place, most, f"{seed}-{number}", devices, mistake, outcome)
        told(outcome)
    return outcome


async def _evening(
    folder: Path, requests: int, seed: str, devices: int, mistake: str, outcome: Outcome
) -> None:
    program = ("tests.support.mistaken", mistake) if mistake else ("hub",)
    async with hub_process(folder, menu=False, program=program) as hub:
        await hub.do("master.apply", changes=[msgspec.to_builtins(change) for change in MENU])
        paired = await hub.devices(devices, "register")
        crew = [
            Guest(device, token, hub.port, random.Random(f"{seed}-{n}"))
            for n, (device, token) in enumerate(paired)
        ]
        over = asyncio.Event()
        working = [asyncio.create_task(one.work(over)) for one in crew]
        storm_at = STORM_EVERY * devices
        try:
            while (asked := sum(one.tries for one in crew)) < requests:
                if asked >= storm_at:
                    storm_at += STORM_EVERY * devices
                    outcome.storms += 1
                    for one in crew:
                        one.drop()
                await asyncio.wait(working, timeout=0.05)
                if ended := [task for task in working if task.done()]:
                    await asyncio.gather(*ended)
            over.set()
            await asyncio.gather(*working)
        finally:
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
        for one in crew:
            await one.settle()
        raws = (await run("hub", "export", "--data", str(hub.data))).encode().splitlines()
    acks = [ack for one in crew for ack in one.acks]
    outcome.problems += chain_problems(raws) + ack_problems(raws, acks)
    for one in crew:
        outcome.problems += one.problems
        outcome.kinds += one.kinds
        outcome.took_s += [took for _, took in one.took]
    outcome.requests += sum(one.tries for one in crew)
    outcome.acks += len(acks)
