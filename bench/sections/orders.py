"""Orders a second and one order's latency, beside the baselines."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from bench import baselines, boxes, machine, orders
from bench.context import Bench
from bench.results import Row, median, ratios

SECTION = "orders"
BASELINES = ("fastapi", "aiosqlite", "asgi")
# The hub and what it is judged against stand side by side and take turns within a round too: a machine that others use
# changes its speed from one second to the next.
SIDE_BY_SIDE = ("hub", "fastapi", "aiosqlite")
TURNS = 4
# More, where the host took much of a turn.
TURNS_MAX = 6


def run(bench: Bench) -> list[Row]:
    """All servers in turn, round after round, so that a slow moment of the machine hits them alike."""
    rate: dict[str, list[float]] = defaultdict(list)
    alone: dict[str, list[float]] = defaultdict(list)
    tail: dict[str, list[float]] = defaultdict(list)
    cpu_us: dict[str, list[float]] = defaultdict(list)
    disk_ms: list[float] = []
    commit_ms: list[float] = []
    for turn in range(bench.rounds):
        for group in (SIDE_BY_SIDE, *((which,) for which in BASELINES if which not in SIDE_BY_SIDE)):
            bench.note(f"round {turn + 1} of {bench.rounds}: {', '.join(group)}")
            for which, found in measured(bench, group, kept=turn == 0).items():
                alone[which].append(found.alone_p50_ms)
                rate[which].append(found.per_s)
                tail[which].append(found.p99_ms)
                cpu_us[which].append(found.cpu_us)
        folder = bench.folder("disk")
        disk_ms.append(1000 * median(baselines.fdatasync_appends(folder, bench.seconds / 4)))
        commit_ms.append(1000 * median(baselines.sqlite_commits(folder, bench.seconds / 4)))
    return rows(rate, alone, tail, cpu_us, disk_ms, commit_ms)


@dataclass(frozen=True, slots=True)
class Measured:
    """One server in one round."""

    alone_p50_ms: float
    per_s: float
    p99_ms: float
    cpu_us: float


@dataclass(frozen=True, slots=True)
class Turn:
    """What the client reports of one short turn, and the server's CPU seconds with what it put off."""

    report: dict[str, float]
    cpu_s: float


def measured(
    bench: Bench, group: tuple[str, ...], *, kept: bool, env: dict[str, str] | None = None
) -> dict[str, Measured]:
    """One client alone, then 64 clients: of one server, or of several in turn.

    kept: look into the journal too. env: what their processes have in their environment besides.
    """
    servers: dict[str, boxes.Server] = {}
    data = bench.fresh_data()
    alone: dict[str, dict[str, float]] = {}
    acknowledged = 0.0
    turns, at_most = (TURNS, TURNS_MAX) if len(group) > 1 else (1, 3)

    def turn_of_each(turn: int) -> dict[str, Turn]:
        nonlocal acknowledged
        taken = {}
        for which in group if turn % 2 == 0 else reversed(group):
            server = servers[which]
            before = machine.cpu_s(server.pid)
            report = bench.load(
                server,
                connections=64,
                seconds=bench.seconds if turns == 1 else bench.seconds / 2,
                first_table=turn % turns * (orders.TABLES // 64 // turns),
            )
            machine.until_idle(server.pid)
            taken[which] = Turn(report, machine.cpu_s(server.pid) - before)
            acknowledged += report["acknowledged"] if which == "hub" else 0
        return taken

    try:
        for which in group:
            if which == "hub":
                servers[which] = boxes.start_hub(data, core=bench.hub_core, env=env)
            else:
                servers[which] = boxes.start_baseline(
                    which, work=bench.folder(which), core=bench.hub_core, env=env
                )
            alone[which] = bench.load(servers[which], connections=1, seconds=bench.seconds / 2)
        taken = bench.stolen.calmest(turns, turn_of_each, at_most=at_most, note=bench.note)
    finally:
        for server in servers.values():
            server.program.stop()
    if kept and "hub" in group:
        check_kept(data, int(alone["hub"]["acknowledged"] + acknowledged))
    return {which: together([turn[which] for turn in taken], alone[which]["p50_ms"]) for which in group}


def together(turns: list[Turn], alone_p50_ms: float) -> Measured:
    """One server's turns of a round as one."""
    reports = [turn.report for turn in turns]
    return Measured(
        alone_p50_ms,
        sum(one["per_s"] for one in reports) / len(reports),
        median([one["p99_ms"] for one in reports]),
        1e6 * sum(turn.cpu_s for turn in turns) / sum(one["acknowledged"] for one in reports),
    )


def rows(
    rate: dict[str, list[float]],
    alone: dict[str, list[float]],
    tail: dict[str, list[float]],
    cpu_us: dict[str, list[float]],
    disk_ms: list[float],
    commit_ms: list[float],
) -> list[Row]:
    """Ratios are taken within a round, and the median of the rounds is judged."""

    def latency(over: str) -> list[float]:
        pairs = zip(alone["hub"], disk_ms, alone[over], strict=True)
        return [hub / (disk + route) for hub, disk, route in pairs]

    m = {name: median(values) for name, values in rate.items()}
    one = {name: median(values) for name, values in alone.items()}
    disk = median(disk_ms)
    bare = ratios(rate["hub"], rate["fastapi"])
    durable = ratios(rate["hub"], rate["aiosqlite"])
    uvicorn_alone = ratios(rate["hub"], rate["asgi"])
    return [
        Row(
            SECTION,
            "orders/s with 64 clients, over bare FastAPI",
            median(bare),
            "×",
            f"hub {m['hub']:,.0f}/s; FastAPI that validates and stores nothing {m['fastapi']:,.0f}/s; aim 2",
            at_least=1.0,
            rounds=bare,
        ),
        Row(
            SECTION,
            "… over FastAPI + aiosqlite, one commit each",
            median(durable),
            "×",
            f"{m['aiosqlite']:,.0f}/s",
            at_least=3.0,
            rounds=durable,
        ),
        Row(
            SECTION,
            "… over a bare ASGI route",
            median(uvicorn_alone),
            "×",
            f"{m['asgi']:,.0f}/s: uvicorn alone",
            rounds=uvicorn_alone,
        ),
        Row(
            SECTION,
            "one client: p50 over (fdatasync + bare FastAPI)",
            median(latency("fastapi")),
            "×",
            f"hub {one['hub']:.3f} ms; fdatasync {disk:.3f} + FastAPI {one['fastapi']:.3f} ms;"
            f" SQLite commit {median(commit_ms):.3f} ms",
            at_most=3.0,
            rounds=latency("fastapi"),
        ),
        Row(
            SECTION,
            "one client: p50 over (fdatasync + bare ASGI)",
            median(latency("asgi")),
            "×",
            f"ASGI {one['asgi']:.3f} ms",
            rounds=latency("asgi"),
        ),
        Row(
            SECTION,
            "p99 with 64 clients",
            median(tail["hub"]),
            " ms",
            f"FastAPI {median(tail['fastapi']):.1f}, aiosqlite {median(tail['aiosqlite']):.1f} ms",
            rounds=tail["hub"],
        ),
        # On a machine that others use, too, this says more than the rates: waiting for a core is not in it.
        Row(
            SECTION,
            "hub's CPU per order with 64 clients",
            median(cpu_us["hub"]),
            " µs",
            ", ".join(f"{name} {median(cpu_us[name]):.0f}" for name in BASELINES),
            rounds=cpu_us["hub"],
        ),
    ]


def check_kept(data: Path, acknowledged: int) -> None:
    """A rate counts only if every order that was acknowledged is in the journal, once."""
    placed, orders, again = 0, set(), 0
    export = [sys.executable, "-m", "hub", "export", "--data", str(data)]
    with subprocess.Popen(export, cwd=boxes.ROOT, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if b'"type":"storehub.order.placed.v1"' in line:
                placed += 1
                key = line.split(b'"idempotencykey":"', 1)[1].split(b'"', 1)[0]
                again += key in orders
                orders.add(key)
    if placed != acknowledged or again:
        raise AssertionError(f"{acknowledged} orders acknowledged, {placed} in the journal, {again} twice")
