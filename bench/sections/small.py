"""Memory, start, age of the journal, and bytes that reach the device."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from bench import boxes, machine, seed
from bench.context import Bench
from bench.results import Row, median, ratios
from bench.sections.replay import Resident
from tests.support.ports import free_port

SECTION = "small"
STARTED_WITHIN_S = 60.0
TURNS = 6
# Two processes of one program differ by a tenth for as long as they live.
START_ROUNDS = 5


def run(bench: Bench) -> list[Row]:
    """Everything that a small box cares about."""
    old = seeded(bench)
    return [*memory(bench), *start_and_age(bench, old), *device_bytes(bench)]


def memory(bench: Bench) -> list[Row]:
    """Idle with everything on that a store has on (mDNS, a cloud that does not answer), then under load.

    Judged is the load of a store, whose checks are paid in the end. That of orders alone is stated: each stays on
    an open check, and what is open stands in memory.
    """
    idle: list[float] = []
    most: dict[bool, list[float]] = {True: [], False: []}
    open_orders = 0.0
    for turn in range(bench.rounds):
        for settle in (True, False):
            bench.note(
                f"round {turn + 1} of {bench.rounds}: memory, checks {'paid' if settle else 'left open'}"
            )
            nobody = (f"http://127.0.0.1:{free_port()}", "none")
            hub = boxes.start_hub(bench.fresh_data(), core=bench.hub_core, cloud=nobody, mdns=True)
            try:
                time.sleep(5.0)
                idle.append(machine.resident_mb(hub.pid))
                with Resident(hub.pid) as resident:
                    report = bench.load(hub, connections=64, seconds=2 * bench.seconds, settle=settle)
                most[settle].append(resident.most)
                open_orders = report["acknowledged"]
            finally:
                hub.program.stop()
    return [
        Row(
            SECTION,
            "resident memory idle",
            median(idle),
            " MB",
            "mDNS and replay on",
            at_most=90,
            rounds=idle,
        ),
        Row(
            SECTION,
            "… with 64 clients, checks paid after 8 orders",
            median(most[True]),
            " MB",
            "the most seen",
            at_most=140,
            rounds=most[True],
        ),
        Row(
            SECTION,
            "… with 64 clients, nothing ever paid",
            median(most[False]),
            " MB",
            f"{open_orders:,.0f} orders on open checks at the end",
            rounds=most[False],
        ),
    ]


def seeded(bench: Bench) -> Path:
    """A hub's data with a million entries."""
    bench.note(f"making a journal of {bench.million:,} entries")
    data = bench.fresh_data()
    seed.fill(data, bench.million, env=boxes.hub_environment(None, None))
    return data


def start_and_age(bench: Bench, old: Path) -> list[Row]:
    """From start to the first accepted order, and one client's latency, with a new journal and an old one."""

    def new_and_old(turn: int) -> dict[str, tuple[float, float]]:
        bench.note(f"round {turn + 1}: start, new and old")
        hubs: dict[str, boxes.Server] = {}
        started: dict[str, float] = {}
        try:
            for name, data in (("new", bench.fresh_data()), ("old", old)):
                hubs[name], started[name] = start_to_first_order(bench, data)
                machine.until_idle(hubs[name].pid)
            return {name: (started[name], seen) for name, seen in by_turns(bench, hubs).items()}
        finally:
            for hub in hubs.values():
                hub.program.stop()

    rounds = max(START_ROUNDS, bench.rounds)
    found = bench.stolen.calmest(rounds, new_and_old, at_most=rounds + 3, note=bench.note)
    start = {name: [one[name][0] for one in found] for name in ("new", "old")}
    p50 = {name: [one[name][1] for one in found] for name in ("new", "old")}
    aged = ratios(p50["old"], p50["new"])
    million = f"{bench.million:,} entries"
    return [
        Row(
            SECTION,
            "start to first accepted order, new journal",
            median(start["new"]),
            " s",
            at_most=1.2,
            rounds=start["new"],
        ),
        Row(SECTION, f"… {million}", median(start["old"]), " s", at_most=1.2, rounds=start["old"]),
        Row(
            SECTION,
            f"one client's p50 with {million} over a new journal",
            median(aged),
            "×",
            f"{median(p50['old']):.3f} and {median(p50['new']):.3f} ms",
            at_most=1.1,
            rounds=aged,
        ),
    ]


def by_turns(bench: Bench, hubs: dict[str, boxes.Server]) -> dict[str, float]:
    """One client's p50 at each, the median of short turns: from one second to the next the machine is another one."""
    seen: dict[str, list[float]] = {name: [] for name in hubs}
    for turn in range(TURNS):
        for name in hubs if turn % 2 == 0 else reversed(hubs):
            seen[name].append(
                bench.load(hubs[name], connections=1, seconds=bench.seconds / 4, settle=True)["p50_ms"]
            )
    return {name: median(found) for name, found in seen.items()}


def start_to_first_order(bench: Bench, data: Path) -> tuple[boxes.Server, float]:
    """The hub, and seconds from its process's start to the answer 201."""
    request = bench.requests()
    port = free_port()
    began = time.perf_counter()
    program = boxes.Program(
        boxes.hub_command(data, port),
        core=bench.hub_core,
        log=data.parent / "hub.log",
        env=boxes.hub_environment(None, None),
    )
    server = boxes.Server(program, f"http://127.0.0.1:{port}")
    try:
        boxes.wait_until(
            lambda: boxes.status_of(server.url, request()) == 201,
            within_s=STARTED_WITHIN_S,
            what="the first order",
            every_s=0.005,
        )
    except BaseException:
        program.stop()
        raise
    return server, time.perf_counter() - began


def device_bytes(bench: Bench) -> list[Row]:
    """Bytes that reached the device for each acknowledged order, checkpoints and write-back included."""
    plain = machine.is_journalled(bench.work)
    rows = []
    for journalled in (plain,) if plain else (False, True):
        with machine.own_device(bench.work, journalled=journalled) as own:
            where = own or bench.work
            if not machine.has_counters(where):
                bench.note("no block device counts here: bytes are not measured")
                return []
            for connections, limit in ((64, 12.0), (1, 24.0)):
                figures = [bytes_per_order(bench, where, connections) for _ in range(bench.rounds)]
                kind = "ext4 with its own journal" if journalled else "as this machine's disk"
                rows.append(
                    Row(
                        SECTION,
                        f"bytes to the device per order, {connections} client{'s' * (connections > 1)}"
                        + (", journalled ext4" if journalled != plain else ""),
                        median(figures),
                        " KB",
                        f"{kind}, {'a device of its own' if own else 'less what it writes when idle'}",
                        at_most=limit if journalled == plain else None,
                        rounds=figures,
                    )
                )
    return rows


def bytes_per_order(bench: Bench, where: Path, connections: int) -> float:
    """KB (1,000 bytes) an order."""
    bench.note(f"bytes an order, {connections} at a time")
    data = bench.template.fresh(where, "data")
    device = machine.device_of(where)
    hub = boxes.start_hub(data, core=bench.hub_core, log=bench.work / "hub-bytes.log")
    try:
        machine.settle(device)
        idle_s = 1.0
        before_idle = machine.written_bytes(device)
        time.sleep(idle_s)
        before = machine.written_bytes(device)
        began = time.perf_counter()
        report = bench.load(hub, connections=connections, seconds=bench.seconds)
        subprocess.run(["sync"], check=True, timeout=60)
        took = time.perf_counter() - began
        written = machine.written_bytes(device) - before - (before - before_idle) / idle_s * took
    finally:
        hub.program.stop()
    return written / report["acknowledged"] / 1000
