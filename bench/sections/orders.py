"""Orders a second and one order's latency, beside the baselines."""

from __future__ import annotations

import subprocess
import sys
from collections import defaultdict
from pathlib import Path

from bench import baselines, boxes, machine
from bench.context import Bench
from bench.results import Row, median

SECTION = "orders"
BASELINES = ("fastapi", "aiosqlite", "asgi")


def run(bench: Bench) -> list[Row]:
    """All servers in turn, round after round, so that a slow minute of the machine hits them alike."""
    rate: dict[str, list[float]] = defaultdict(list)
    alone: dict[str, list[float]] = defaultdict(list)
    tail: dict[str, list[float]] = defaultdict(list)
    cpu_us: dict[str, list[float]] = defaultdict(list)
    disk_ms: list[float] = []
    commit_ms: list[float] = []
    for turn in range(bench.rounds):
        for which in ("hub", *BASELINES):
            bench.note(f"round {turn + 1} of {bench.rounds}: {which}")
            data = bench.fresh_data() if which == "hub" else bench.folder(which)
            if which == "hub":
                server = boxes.start_hub(data, core=bench.hub_core)
            else:
                server = boxes.start_baseline(which, work=data, core=bench.hub_core)
            try:
                one = bench.load(server, connections=1, seconds=bench.seconds / 2)
                before = machine.cpu_s(server.pid)
                many = bench.load(server, connections=64, seconds=bench.seconds)
                used = machine.cpu_s(server.pid) - before
            finally:
                server.program.stop()
            alone[which].append(one["p50_ms"])
            rate[which].append(many["per_s"])
            tail[which].append(many["p99_ms"])
            cpu_us[which].append(1e6 * used / many["acknowledged"])
            if which == "hub" and turn == 0:
                check_kept(data, int(one["acknowledged"] + many["acknowledged"]))
        folder = bench.folder("disk")
        disk_ms.append(1000 * median(baselines.fdatasync_appends(folder, bench.seconds / 4)))
        commit_ms.append(1000 * median(baselines.sqlite_commits(folder, bench.seconds / 4)))
    return rows(rate, alone, tail, cpu_us, disk_ms, commit_ms)


def rows(
    rate: dict[str, list[float]],
    alone: dict[str, list[float]],
    tail: dict[str, list[float]],
    cpu_us: dict[str, list[float]],
    disk_ms: list[float],
    commit_ms: list[float],
) -> list[Row]:
    """Ratios are taken within a round, and the median of the rounds is judged."""

    def ratio(over: str) -> list[float]:
        return [a / b for a, b in zip(rate["hub"], rate[over], strict=True)]

    def latency(over: str) -> list[float]:
        pairs = zip(alone["hub"], disk_ms, alone[over], strict=True)
        return [hub / (disk + route) for hub, disk, route in pairs]

    m = {name: median(values) for name, values in rate.items()}
    one = {name: median(values) for name, values in alone.items()}
    disk = median(disk_ms)
    bare = ratio("fastapi")
    durable = ratio("aiosqlite")
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
            median(ratio("asgi")),
            "×",
            f"{m['asgi']:,.0f}/s: uvicorn alone",
            rounds=ratio("asgi"),
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
