"""Rounds of damage to a stopped hub's files: it must start, sell, lose nothing it does not name, and name no more."""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from hub.app import Hub, open_hub
from hub.cli.journal_file import open_journal
from hub.cli.verifying import verify
from hub.datadir import DataDir
from hub.domain import entries
from hub.domain.command import LineIn
from hub.domain.commands import ApplyMaster, PlaceOrder
from hub.domain.commands_sale import CompleteSale, TenderIn
from hub.domain.device import Device
from hub.domain.errors import HubError
from hub.mending import mended
from hub.service.desk import Request
from hub.settings import Settings
from hub.store.highwater import HighWater
from hub.store.mended import NOTE, Mended, repairs_of
from tests.damage.harm import HARMS
from tests.support.core import MENU

SELL_S_MAX = 30.0
REGISTER = Device("d1", "d1", "register", "", "")


@dataclass(frozen=True)
class Ack:
    key: str
    command: Any
    path: str
    body: bytes
    seq: int
    epoch: str


@dataclass
class Store:
    """A hub's files as a kill left them, and what had been acknowledged."""

    data: Path
    acks: list[Ack]
    last: int
    # Every entry there was, and which of them stood in a WAL alone.
    raws: dict[int, bytes]


@dataclass
class Outcome:
    rounds: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    seen: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    ready_s: list[float] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def settings_for(data: Path) -> Settings:
    return Settings(data=str(data), store_id="s1")


async def _say(hub: Hub, key: str, path: str, command: Any) -> Any:
    return await hub.box.core.desk.submit(Request(REGISTER, key, "POST", path, command))


def _wish(chance: random.Random, number: int) -> tuple[str, Any]:
    lines = tuple(
        LineIn(f"p{chance.randrange(30)}", chance.randint(1, 3))
        for _ in range(chance.choice((1, 1, 2, 3, 12)))
    )
    if chance.random() < 0.35:
        return "/v1/sales", CompleteSale((TenderIn("cash", None),), lines=lines)  # type: ignore[arg-type]
    return "/v1/orders", PlaceOrder(lines=lines, table_id=f"t{number % 9}")


async def build(folder: Path, seed: str, *, orders: int, first: Path | None = None) -> Store:
    """A store with some lives behind it, the last of them killed."""
    chance = random.Random(seed)
    data = DataDir(folder)
    assert data.lock()
    acks: list[Ack] = []
    lives = 3
    try:
        for life in range(lives):
            async with open_hub(settings_for(folder), data, replay=False) as hub:
                core = hub.box.core
                if life == 0:
                    await core.desk.order(ApplyMaster("import", MENU))
                for number in range(orders // lives):
                    await _one(hub, chance, f"{life}-{number}", acks)
                    if chance.random() < 0.02:
                        await core.save()
                    if chance.random() < 0.02:
                        await hub.journal._writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
                HighWater(data.highwater).write(hub.journal.position)
                if life == lives - 1:
                    snapshot = folder.with_name(f"{folder.name}-killed")
                    shutil.copytree(folder, snapshot)
                    last = hub.journal.position.seq
                    raws = {entry.seq: entry.raw for entry in await _all(hub)}
    finally:
        data.unlock()
    return Store(snapshot, acks, last, raws)


async def _one(hub: Hub, chance: random.Random, key: str, acks: list[Ack]) -> None:
    path, command = _wish(chance, len(acks))
    if isinstance(command, CompleteSale):
        assert command.lines is not None
        total = sum((100 + 10 * int(line.product_id[1:])) * line.quantity for line in command.lines)
        command = CompleteSale((TenderIn("cash", total),), lines=command.lines)
    answer = await _say(hub, key, path, command)
    acks.append(Ack(key, command, path, answer.body, answer.seq, hub.journal.position.epoch))


async def _all(hub: Hub) -> list[entries.Entry]:
    found: list[entries.Entry] = []
    seq = hub.journal.first_seq - 1
    while page := await hub.journal.after(seq, count_max=500, bytes_max=1 << 30):
        found += page
        seq = page[-1].seq
    return found


async def damage_rounds(
    folder: Path,
    *,
    rounds: int,
    seed: int,
    orders: int = 90,
    kinds: tuple[str, ...] = tuple(HARMS),
    told: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Each round damages a copy of a store in one way; a new store now and then."""
    outcome = Outcome()
    store: Store | None = None
    for number in range(rounds):
        name = f"{seed}-{number}"
        chance = random.Random(name)
        if store is None or number % 40 == 0:
            shutil.rmtree(folder / "store", ignore_errors=True)
            shutil.rmtree(folder / "store-killed", ignore_errors=True)
            store = await build(folder / "store", name, orders=orders + number % 7 * 10)
        kind = kinds[number % len(kinds)]
        data = folder / "harmed"
        shutil.rmtree(data, ignore_errors=True)
        shutil.copytree(store.data, data)
        HARMS[kind](data, chance)
        outcome.rounds += 1
        outcome.kinds[kind] += 1
        for problem in await _round(data, store, kind, outcome):
            outcome.problems.append(f"round {number} ({kind}): {problem}")
        told(outcome)
    return outcome


async def _round(data: Path, store: Store, kind: str, outcome: Outcome) -> list[str]:
    folder = DataDir(data)
    assert folder.lock()
    problems: list[str] = []
    try:
        before = len(list((data / "damaged").glob("*"))) if (data / "damaged").exists() else 0
        mark = HighWater(folder.highwater).read()
        began = time.monotonic()
        async with open_hub(settings_for(data), folder, replay=False) as hub:
            unsold = await _sells(hub, "after the damage")
            damage = hub.journal.damage
            outcome.ready_s.append(time.monotonic() - began)
            hub.highwater.write(hub.journal.position)
            repairs = repairs_of(await hub.journal.get(NOTE))
            behind = hub.box.core.behind
        if damage:
            # As `storehub run` does, without an end of the process.
            mended(folder, damage, anew=True)
            async with open_hub(settings_for(data), folder, replay=False) as hub:
                unsold = await _sells(hub, "after the second look")
                repairs = repairs_of(await hub.journal.get(NOTE))
            outcome.ready_s[-1] = time.monotonic() - began
        problems += unsold
        if outcome.ready_s[-1] > SELL_S_MAX:
            problems.append(f"sold after {outcome.ready_s[-1]:.1f} s only")
        found = _verified(folder)
        if found:
            # Damage that a start need not read is for `storehub verify`, and then for `storehub repair`.
            report = mended(folder, "; ".join(found), rebuild=True)
            if report is None:
                return [*problems, f"verify says {found}, repair nothing"]
            async with open_hub(settings_for(data), folder, replay=False) as hub:
                problems += await _sells(hub, "after the repair")
                hub.highwater.write(hub.journal.position)
                repairs = repairs_of(await hub.journal.get(NOTE))
            if (left := _verified(folder)) and not any(one.holes for one in repairs):
                problems.append(f"after the repair verify says {left}")
            outcome.seen["by verify"] += 1
        elif damage:
            outcome.seen["while serving"] += 1
        elif repairs:
            outcome.seen["at the start"] += 1
        else:
            outcome.seen["harmless"] += 1
        async with open_hub(settings_for(data), folder, replay=False) as hub:
            problems += await _kept(hub, store, repairs, outcome, mark.seq if mark else 0)
        after = len(list((data / "damaged").glob("*"))) if (data / "damaged").exists() else 0
        if any(one.copy for one in repairs) != (after > before):
            problems.append("the damaged files are not kept aside")
        if behind is None and any(one.lost for one in repairs[:1]) and not found:
            problems.append("devices are not asked to send again")
    except Exception as error:
        problems.append(f"{type(error).__name__}: {error}")
    finally:
        folder.unlock()
    return problems


async def _sells(hub: Hub, key: str) -> list[str]:
    command = CompleteSale((TenderIn("cash", 100),), lines=(LineIn("p0", 1),))
    try:
        await _say(hub, key, "/v1/sales", command)
    except HubError as error:
        return [f"it does not sell: {error.slug} {error.fields}"]
    return []


def _verified(folder: DataDir) -> list[str]:
    with open_journal(folder.journal) as journal:
        return verify(journal, HighWater(folder.highwater).read(), lambda *_: None).faults


async def _kept(hub: Hub, store: Store, repairs: list[Mended], outcome: Outcome, mark: int) -> list[str]:
    """Every acknowledged fact is there, once, or is named; receipts and keys have one effect."""
    problems: list[str] = []
    here = await _all_there_is(hub)
    effects: Counter[tuple[str, str]] = Counter()
    numbers: Counter[str] = Counter()
    recovered: set[tuple[str, int]] = set()
    for raw in here.values():
        for envelope in _with_inner(raw):
            if envelope.idempotencykey is not None:
                effects[envelope.deviceid, envelope.idempotencykey] += 1
            if envelope.type == "storehub.sale.completed.v1":
                numbers[msgspec.json.decode(bytes(envelope.data))["receipt_no"]] += 1
            recovered.add((envelope.epoch, envelope.seq))
    problems += [f"key {key} has {count} effects" for key, count in effects.items() if count > 1]
    problems += [f"receipt {no} was given {count} times" for no, count in numbers.items() if count > 1]
    for ack in store.acks:
        there = effects.get((REGISTER.device_id, ack.key), 0)
        if there:
            again = await _again(hub, ack)
            if again:
                problems.append(again)
        elif not _named(ack, repairs, mark):
            problems.append(
                f"lost and not named: entry {ack.seq} (repairs {[one.sentence() for one in repairs]})"
            )
        else:
            outcome.lost["acknowledged and named"] += 1
    for one in repairs:
        for span in one.lost:
            for seq in range(span.first, span.last + 1):
                if (span.epoch, seq) in recovered and seq in store.raws:
                    problems.append(f"entry {seq} is named as lost and is here")
    return problems


def _with_inner(raw: bytes) -> Iterator[entries.Envelope]:
    envelope = entries.read(raw)
    yield envelope
    if envelope.type == "storehub.entry.recovered.v1":
        yield entries.read(msgspec.json.decode(bytes(envelope.data))["entry"].encode())


def _named(ack: Ack, repairs: list[Mended], mark: int) -> bool:
    for one in repairs:
        for span in (*one.lost, *one.holes):
            if span.first <= ack.seq <= span.last and span.epoch in ("", ack.epoch):
                return True
        if one.unsure and ack.seq > max([mark, one.last, *(span.last for span in one.lost)]):
            return True
    return False


async def _again(hub: Hub, ack: Ack) -> str:
    try:
        answer = await _say(hub, ack.key, ack.path, ack.command)
    except HubError as error:
        return f"{ack.key} asked again: {error.slug} {error.fields}"
    if answer.body != ack.body or not answer.replayed:
        return f"{ack.key} was answered {ack.body!r} and now {answer.body!r}"
    return ""


async def _all_there_is(hub: Hub) -> dict[int, bytes]:
    rows = await hub.journal.rows("between", (0, 1 << 60))
    return {int(row[0]): bytes(row[1]) for row in rows}
