"""The primary killed for good in the middle of a dinner: a standby is made the store, and everything is counted."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from hub.control import ask
from hub.mirror.medium import Mark, prepare
from tests.failover.cloud import Cloud, removed_some, whole
from tests.support.audit import ack_problems, chain_problems, marks_of, same_problems
from tests.support.core import MENU
from tests.support.handheld import Ack, Handheld, Line
from tests.support.ports import free_port
from tests.support.rig import HUB, STORE, Program, RigError, run

SERVING_S_MAX = 10.0
SENT_S_MAX = 60.0


@dataclass
class Outcome:
    acks: int = 0
    acks_after: int = 0
    lag_entries: int = 0
    lost: int = 0
    removed: int = 0
    serving_s: float = 0.0
    joined_s: float = 0.0
    problems: list[str] = field(default_factory=list)


class Box:
    """One box of the store: a program on a port, with a directory."""

    def __init__(self, folder: Path, name: str, settings: str, program: tuple[str, ...] = ("hub",)) -> None:
        self.port = free_port()
        self.data = folder / name
        config = folder / f"{name}.toml"
        config.write_text(settings)
        self.log = folder / f"{name}.log"
        self.program = Program(
            (*program, "run", "--config", str(config), "--http", "--no-mdns", "--port", str(self.port),
             "--data", str(self.data)),
            self.log,
        )  # fmt: skip

    async def do(self, what: str, **parameters: Any) -> Any:
        return await ask(self.data / "control.sock", what, **parameters)

    async def get(self, path: str) -> tuple[int, Any]:
        line = Line(self.port)
        try:
            status, _, body = await line.ask("GET", path, {})
            return status, json.loads(body)
        finally:
            line.close()

    def entries(self) -> list[bytes]:
        """The journal's entries, read with none of the product's code."""
        with closing(sqlite3.connect(f"file:{self.data / 'journal.db'}?mode=ro", uri=True)) as db:
            return [bytes(row[0]) for row in db.execute("SELECT raw FROM entries ORDER BY seq")]


async def dinner(
    folder: Path,
    *,
    seed: int,
    wait: Literal["off", "standby"],
    handhelds: int = 30,
    before_s: float = 2.0,
    after_s: float = 1.0,
    pruning: bool = False,
    mistake: str = "",
    told: Callable[[str], None] = lambda text: None,
) -> Outcome:
    """One dinner.

    pruning: with a cloud, and boxes that remove what it has all the time, so that the standby joins, follows and takes
    over without the journal's beginning. `mistake`: a defect to put into both boxes (tests/failover/mistaken.py), to
    see that it is found.
    """
    outcome = Outcome()
    random_ = random.Random(seed)
    kinds = [kind for kind in ("short-memory" if pruning else "", mistake) if kind]
    program = ("tests.failover.mistaken", ",".join(kinds)) if kinds else ("hub",)
    cloud = Cloud(folder) if pruning else None
    links = [await cloud.settings() if cloud is not None else "" for _ in range(2)]
    usb = folder / "usb"
    mirror = f'mirror_dir = "{usb}"\n' if pruning else ""
    prepare(usb, Mark(1, HUB, STORE))
    first = Box(folder, "first", f'mirror_wait = "{wait}"\n{mirror}{links[0]}', program)
    second = Box(folder, "second", links[1], program)
    try:
        if cloud is not None:
            await cloud.program.start()
        await first.program.start()
        await first.do("master.apply", changes=[msgspec.to_builtins(change) for change in MENU])
        paired = [await first.do("device.add", name=f"H {n}", role="register") for n in range(handhelds)]
        if pruning:
            await removed_some(first.data / "journal.db", usb)
        began = time.monotonic()
        code = await first.do("device.code", role="standby")
        await run("hub", "standby", "--data", str(second.data), code["uri"])
        await second.program.start()
        outcome.joined_s = time.monotonic() - began
        await _caught_up(first)
        crew = [
            Handheld(one["device_id"], one["token"], first.port, random.Random(f"{seed}-{n}"))
            for n, one in enumerate(paired)
        ]
        over = asyncio.Event()
        working = [asyncio.create_task(one.work(over)) for one in crew]
        await asyncio.sleep(before_s * random_.uniform(0.5, 1.5))
        await first.program.kill()
        told("killed")
        over.set()
        await asyncio.gather(*working)
        # Answers that were on their way when it died count: the device has them.
        acked = [ack for one in crew for ack in one.acks]
        outcome.acks = len(acked)
        if pruning:
            outcome.problems += await _verified(second)
        standing = (await second.do("look"))["last_seq"]
        decided = time.monotonic()
        await second.do("standby.promote", unplugged=True)
        over = asyncio.Event()
        for one in crew:
            one.port = second.port
        working = [asyncio.create_task(one.work(over)) for one in crew]
        async with asyncio.timeout(SERVING_S_MAX * 2):
            while sum(len(one.acks) for one in crew) == outcome.acks:
                await asyncio.sleep(0.02)
        outcome.serving_s = time.monotonic() - decided
        if outcome.serving_s > SERVING_S_MAX:
            outcome.problems.append(f"serving only {outcome.serving_s:.1f} s after the decision")
        await asyncio.sleep(after_s)
        over.set()
        await asyncio.gather(*working)
        everything = [ack for one in crew for ack in one.acks]
        outcome.acks_after = len(everything) - outcome.acks
        if cloud is not None:
            outcome.problems += await _sent(second)
        old, new = first.entries(), second.entries()
        if cloud is not None:
            outcome.removed = json.loads(new[0])["seq"] - 1
            theirs = await cloud.entries()
            outcome.problems += same_problems(whole(theirs, new), theirs)
            old, new = whole(theirs, old), whole(theirs, new)
            outcome.problems += await _from_the_mirror(folder, usb, old)
        outcome.problems += await _verified(second)
        outcome.lag_entries = len(old) - standing
        outcome.problems += [problem for one in crew for problem in _real(one.problems)]
        outcome.problems += _counted(outcome, old, new, acked, everything, standing, wait)
        outcome.problems += await _fenced(first, second, crew[0])
    finally:
        await first.program.kill()
        await second.program.kill()
        if cloud is not None:
            await cloud.program.kill()
    return outcome


async def _sent(box: Box) -> list[str]:
    """Wait until the cloud has everything that this box has; what is wrong when it never has."""
    look: dict[str, Any] = {}
    try:
        async with asyncio.timeout(SENT_S_MAX):
            while not look or look["unsent"]["count"]:
                await asyncio.sleep(0.05)
                look = await box.do("look")
                if look["link"]["state"] == "refused":
                    break
            else:
                return []
    except TimeoutError:
        pass
    return [f"the cloud lacks {look['unsent']['count']} entries of the new box: {look['link']}"]


async def _verified(box: Box) -> list[str]:
    try:
        await run("hub", "verify", "--data", str(box.data))
    except RigError as error:
        return [str(error)]
    return []


async def _from_the_mirror(folder: Path, usb: Path, old: list[bytes]) -> list[str]:
    """A third box, from the dead one's medium alone, has its entries and can prove it."""
    third = Box(folder, "third", "")
    try:
        await run("hub", "replace", "--mirror", str(usb), "--data", str(third.data))
    except RigError as error:
        return [str(error)]
    found = third.entries()
    first = json.loads(found[0])["seq"] - 1
    problems = await _verified(third)
    if found != old[first : first + len(found)] or not first:
        problems.append("the mirror does not have the primary's bytes, or has all of them")
    return problems


async def _caught_up(box: Box) -> None:
    async with asyncio.timeout(10):
        while True:
            copies = (await box.do("look"))["mirror"]["copies"]
            if ("standby", "following") in [(one["kind"], one["state"]) for one in copies]:
                return
            await asyncio.sleep(0.02)


def _real(problems: list[str]) -> list[str]:
    """A check that went down with the old box is not there any more: that is what the lag says."""
    return [problem for problem in problems if "not-found" not in problem]


def _counted(
    outcome: Outcome,
    old: list[bytes],
    new: list[bytes],
    acked: list[Ack],
    everything: list[Ack],
    standing: int,
    wait: str,
) -> list[str]:
    problems = chain_problems(new)
    if new[:standing] != old[:standing]:
        problems.append("the standby does not have the primary's bytes")
    here = {mark for raw in new for mark in marks_of(json.loads(raw))}
    lost = [ack for ack in acked if ack.wish.mark not in here]
    outcome.lost = len(lost)
    if wait == "standby":
        problems += [f"lost: {ack.wish.mark}, acknowledged after waiting" for ack in lost]
    behind = {mark for raw in old[standing:] for mark in marks_of(json.loads(raw))}
    problems += [
        f"lost: {ack.wish.mark}, and the lag did not show it" for ack in lost if ack.wish.mark not in behind
    ]
    kept = [ack for ack in everything if ack.wish.mark in here]
    problems += [text for text in ack_problems(new, kept) if wait == "standby" or "portions" not in text]
    return problems + _numbers_twice([*old, *new])


def _numbers_twice(raws: list[bytes]) -> list[str]:
    """A number of either box that is on two things, whether or not anyone was told."""
    used: dict[tuple[str, str, Any], set[str]] = {}
    for raw in raws:
        entry = json.loads(raw)
        data = entry["data"]
        if entry["type"] == "storehub.sale.completed.v1":
            used.setdefault(("receipt", "", data["receipt_no"]), set()).add(data["sale_id"])
        if entry["type"] == "storehub.check.opened.v1":
            name = ("check", entry["businessdate"], data["check_no"])
            used.setdefault(name, set()).add(data["check_id"])
    found = Counter({name: len(things) for name, things in used.items()})
    return [
        f"{name[0]} number {name[2]} was used {count} times" for name, count in found.items() if count > 1
    ]


async def _fenced(first: Box, second: Box, handheld: Handheld) -> list[str]:
    """The old box is switched on again: it must stay out, also when the new one cannot be seen."""
    problems = []
    for standing_alone in (False, True):
        if standing_alone:
            await second.program.kill()
        with suppress(Exception):
            await first.program.start()
        problems += await _out(first, handheld, "alone" if standing_alone else "beside the new box")
        await first.program.kill()
    return problems


async def _out(box: Box, handheld: Handheld, where: str) -> list[str]:
    status, said = await box.get("/.well-known/storehub")
    line = Line(box.port)
    headers = {"Authorization": f"Bearer {handheld.token}", "Idempotency-Key": f"stray {where}"}
    body = json.dumps({"type": "x.acme.seen", "data": {"mark": f"stray {where}"}}).encode()
    try:
        code, _, answer = await line.ask("POST", "/v1/facts", headers, body)
    finally:
        line.close()
    if code != 503 or json.loads(answer).get("slug") != "superseded":
        return [f"the old box, {where}, answers {code} {answer!r}"]
    return (
        [] if status == 200 and said["role"] != "primary" else [f"the old box, {where}, calls itself {said}"]
    )
