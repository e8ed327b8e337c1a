"""A hundred devices that send one order a second each: alone, and while the outage's backlog is replayed."""

from __future__ import annotations

import array
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import boxes, client
from bench.context import Bench, last_seq
from bench.results import Row, median, p, ratios
from tests.support.ports import free_port

SECTION = "lan"
DEVICES = 100
REPLAYED_WITHIN_S = 300.0
# Rounds' worth of a closed loop: the p99 of a few seconds would be a handful of orders.
QUIET_TURNS = 8
# Orders that say enough of a p99, and how often they are taken for the sake of it. A replay at full pace is over soon.
ENOUGH = 1000
FULL_ENOUGH = 200
TRIES = 2
# A disk that nobody shares.
MEMORY = Path("/dev/shm")  # noqa: S108
Sample = tuple[float, float]  # finished at, latency
FULL_PACE = {"STOREHUB_REPLAY_FULL_PACE": "1"}


def run(bench: Bench) -> list[Row]:
    """Quiet, then with the replay at its default pace, then at full pace; interleaved."""
    quiet: list[list[float]] = []
    paced: list[tuple[list[float], float]] = []
    full: list[tuple[list[float], float]] = []
    for turn in range(bench.rounds):
        bench.note(f"round {turn + 1} of {bench.rounds}: 100 devices")
        quiet.append(undisturbed(bench, lambda: (without_replay(bench), 0.0))[0])
        bench.note(f"round {turn + 1} of {bench.rounds}: 100 devices beside a replay")
        paced.append(undisturbed(bench, lambda: beside_replay(bench, {})))
        bench.note(f"round {turn + 1} of {bench.rounds}: 100 devices beside a replay at full pace")
        full.append(undisturbed(bench, lambda: beside_replay(bench, FULL_PACE), enough=FULL_ENOUGH))

    def p99(samples: list[float]) -> float:
        return 1000 * p(samples, 0.99)

    alone = [p99(samples) for samples in quiet]
    with_paced = [p99(samples) for samples, _ in paced]
    with_full = [p99(samples) for samples, _ in full]
    paced_over, full_over = ratios(with_paced, alone), ratios(with_full, alone)
    return [
        Row(
            SECTION,
            "100 devices, 1 order/s each: p99",
            median(alone),
            " ms",
            f"p50 {1000 * median([p(samples, 0.5) for samples in quiet]):.2f} ms; counted from when it was due",
            rounds=alone,
        ),
        Row(
            SECTION,
            "… beside a replay at default pace: p99 over that",
            median(paced_over),
            "×",
            f"{median(with_paced):.2f} ms, {sum(len(s) for s, _ in paced):,} orders;"
            f" replay of {bench.backlog_entries:,} at {median([r for _, r in paced]):,.0f}/s",
            at_most=1.5,
            rounds=paced_over,
        ),
        Row(
            SECTION,
            "… beside a replay at full pace: p99 over that",
            median(full_over),
            "×",
            f"{median(with_full):.2f} ms; replay at {median([r for _, r in full]):,.0f}/s",
            rounds=full_over,
        ),
    ]


def undisturbed(
    bench: Bench, take: Callable[[], tuple[list[Sample], float]], enough: int = ENOUGH
) -> tuple[list[float], float]:
    """Latencies of the orders in whose time the host gave nothing to others, and the replay's rate.

    A moment without the processor is tens of milliseconds: one in a hundred orders that meets one is the whole p99.
    """
    kept: list[float] = []
    rates: list[float] = []
    everything: list[float] = []
    while len(rates) < TRIES and len(kept) < enough:
        samples, rate = take()
        rates.append(rate)
        everything += [latency for _, latency in samples]
        kept += [latency for ended, latency in samples if bench.stolen.none(ended - latency, ended)]
    bench.note(f"{len(kept):,} of {len(everything):,} orders while the host gave nothing to others")
    if len(kept) < enough // 2:
        bench.note("too few to say anything: all of them count")
        kept = everything
    return kept, median(rates)


def without_replay(bench: Bench) -> list[Sample]:
    """The orders with the backlog on disk and no cloud to send it to."""
    hub = boxes.start_hub(bench.backlog_data(), core=bench.hub_core)
    samples = hub.program.log.with_suffix(".samples")
    try:
        bench.load(
            hub,
            connections=DEVICES,
            rate=1.0,
            seconds=QUIET_TURNS * bench.seconds,
            warm_up_s=2.0,
            samples=samples,
        )
    finally:
        hub.program.stop()
    return read_samples(samples)


def beside_replay(bench: Bench, pace: dict[str, str]) -> tuple[list[Sample], float]:
    """The orders answered while the replay ran, and its entries a second.

    The cloud is elsewhere: what its processor and its disk do is no cost of the hub's.
    """
    with tempfile.TemporaryDirectory(
        prefix="storehub-bench-", dir=MEMORY if MEMORY.is_dir() else None
    ) as folder:
        return beside_replay_into(bench, Path(folder) / "cloud.db", pace)


def beside_replay_into(bench: Bench, database: Path, pace: dict[str, str]) -> tuple[list[Sample], float]:
    """The same, with the cloud's database there."""
    data = bench.backlog_data()
    token = boxes.cloud_token(database, bench.template.menu)
    port = free_port()
    hub = boxes.start_hub(data, core=bench.hub_core, cloud=(f"http://127.0.0.1:{port}", token), env=pace)
    samples = hub.program.log.with_suffix(".samples")
    try:
        backlog = last_seq(hub, bench.template)
        longest = REPLAYED_WITHIN_S
        with client.load_running(
            hub,
            core=bench.rest_core,
            tokens=bench.template.handhelds,
            connections=DEVICES,
            rate=1.0,
            seconds=longest,
            warm_up_s=2.0,
            samples=samples,
        ) as devices:
            time.sleep(2.5)  # the warm-up, before the link comes back
            cloud = boxes.start_cloud(database, core=bench.rest_core, port=port, elsewhere=True)
            try:
                began, ended = watch_replay(cloud.url, token, upto=backlog)
            finally:
                devices.process.terminate()
                said, _ = devices.process.communicate(timeout=60)
                cloud.program.stop()
            client.load_report(said, devices)
    finally:
        hub.program.stop()
    during = [one for one in read_samples(samples) if began <= one[0] <= ended]
    return during, backlog / (ended - began)


def watch_replay(cloud_url: str, token: str, *, upto: int) -> tuple[float, float]:
    """When the cloud had its first entry and when it had the last of them, on the clock of the samples."""
    url = f"{cloud_url}/v1/hubs/{boxes.HUB_ID}/cursor"

    def seq() -> int:
        return int(str(boxes.get_json(url, token)["seq"]))

    boxes.wait_until(lambda: seq() > 0, within_s=60, what="the first entry in the cloud")
    began = time.perf_counter()
    boxes.wait_until(lambda: seq() >= upto, within_s=REPLAYED_WITHIN_S, what="the replay", every_s=0.05)
    return began, time.perf_counter()


def read_samples(path: Path) -> list[Sample]:
    """(finished at, latency) of each order."""
    numbers = array.array("d")
    numbers.frombytes(path.read_bytes())
    return list(zip(numbers[0::2], numbers[1::2], strict=True))
