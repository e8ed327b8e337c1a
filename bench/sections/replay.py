"""The replay of an outage over 40 ms of WAN into the embedded cloud, and a crash in its middle."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import dataclass

from bench import boxes, machine
from bench.context import Bench, last_seq
from bench.results import Row, median
from tests.support.ports import free_port

SECTION = "replay"
ONE_WAY_MS = 20.0
WITHIN_S = 300.0


@dataclass(frozen=True, slots=True)
class Replayed:
    """One replay."""

    entries: int
    seconds: float
    waited_s: float
    carried_mb: float
    resident_before_mb: float
    resident_most_mb: float
    hub_cpu_s: float
    cloud_cpu_s: float
    wan_cpu_s: float


class Resident:
    """Watches a process's memory until it is told to stop."""

    def __init__(self, pid: int) -> None:
        self.before = self.most = machine.resident_mb(pid)
        self._pid = pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        while not self._done.wait(0.05):
            self.most = max(self.most, machine.resident_mb(self._pid))

    def __enter__(self) -> Resident:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._done.set()
        self._thread.join()


def run(bench: Bench) -> list[Row]:
    """Whole replays, then one with the hub killed in the middle."""

    def one(turn: int) -> Replayed:
        bench.note(f"round {turn + 1}: replay over {2 * ONE_WAY_MS:g} ms")
        return replay(bench)

    replays = bench.stolen.calmest(bench.rounds, one, at_most=2 * bench.rounds, note=bench.note)
    bench.note("replay with the hub killed in the middle")
    doubled, lost, total = killed_in_the_middle(bench)
    per_s = [r.entries / r.seconds for r in replays]
    growth = [r.resident_most_mb - r.resident_before_mb for r in replays]
    cpu = ", ".join(
        f"{name} {median([getattr(r, field) for r in replays]):.1f}"
        for name, field in (("hub", "hub_cpu_s"), ("cloud", "cloud_cpu_s"), ("WAN", "wan_cpu_s"))
    )
    return [
        Row(
            SECTION,
            "replay over 40 ms into the embedded cloud",
            median(per_s),
            "/s",
            f"{replays[0].entries:,} entries, {median([r.carried_mb for r in replays]):.1f} MB on the wire;"
            f" CPU seconds: {cpu}; aim 30,000",
            at_least=12_000,
            rounds=per_s,
        ),
        Row(
            SECTION,
            "hub's memory grows in the replay by",
            median(growth),
            " MB",
            f"to {max(r.resident_most_mb for r in replays):.0f} MB at most: three batches and the packing of one",
            at_most=32,
            rounds=growth,
        ),
        Row(
            SECTION,
            "from link up to the hub's first connection",
            median([r.waited_s for r in replays]),
            " s",
            rounds=[r.waited_s for r in replays],
        ),
        Row(
            SECTION,
            "killed -9 in the middle: doubled",
            doubled,
            "",
            f"{total:,} entries, compared byte for byte",
            at_most=0,
        ),
        Row(SECTION, "killed -9 in the middle: lost", lost, "", at_most=0),
    ]


def cursor_seq(cloud: boxes.Server, token: str) -> int:
    """How far the cloud has come; asked beside the WAN, not through it."""
    return int(str(boxes.get_json(f"{cloud.url}/v1/hubs/{boxes.HUB_ID}/cursor", token)["seq"]))


def until_in_cloud(cloud: boxes.Server, token: str, last: int) -> None:
    """Asks rarely, and the nearer the end the more often: a question is work for the cloud and on the cloud's core."""
    began = time.monotonic()
    while (seq := cursor_seq(cloud, token)) < last:
        took_s = time.monotonic() - began
        if took_s > WITHIN_S:
            raise TimeoutError(f"the replay: {seq} of {last} after {WITHIN_S:.0f} s")
        left_s = took_s * (last - seq) / max(seq, 1)
        time.sleep(min(0.5, max(0.02, left_s / 2)))


def replay(bench: Bench) -> Replayed:
    """One outage's end: the WAN comes up, an order is taken at that moment, all is in the cloud."""
    data = bench.backlog_data()
    database = bench.folder("cloud") / "cloud.db"
    token = boxes.cloud_token(database, bench.template.menu)
    order = bench.requests()()
    cloud = boxes.start_cloud(database, core=bench.rest_core)
    port = free_port()
    hub = boxes.start_hub(data, core=bench.hub_core, cloud=(f"http://127.0.0.1:{port}", token))
    try:
        time.sleep(1.0)  # it has found the line dead
        used = machine.cpu_s(hub.pid), machine.cpu_s(cloud.pid)
        with Resident(hub.pid) as resident:
            wan = boxes.start_wan(port, cloud.url, core=bench.rest_core, one_way_ms=ONE_WAY_MS)
            up_at = time.time()
            # The first order after the outage is in the cloud when the backlog is.
            assert boxes.status_of(hub.url, order) == 201
            last = last_seq(hub, bench.template)
            until_in_cloud(cloud, token, last)
            ended = time.time()
        hub_cpu, cloud_cpu = machine.cpu_s(hub.pid) - used[0], machine.cpu_s(cloud.pid) - used[1]
        carried = json.loads(wan.stop().splitlines()[-1])
    finally:
        hub.program.stop()
        cloud.program.stop()
    first = carried["first_connection_at"]
    return Replayed(
        entries=last,
        seconds=ended - first,
        waited_s=first - up_at,
        carried_mb=carried["up"] / 1e6,
        resident_before_mb=resident.before,
        resident_most_mb=resident.most,
        hub_cpu_s=hub_cpu,
        cloud_cpu_s=cloud_cpu,
        wan_cpu_s=carried["cpu_s"],
    )


def killed_in_the_middle(bench: Bench) -> tuple[int, int, int]:
    """(doubled, lost, all) after the hub was killed at about half and started again."""
    data = bench.backlog_data()
    database = bench.folder("cloud") / "cloud.db"
    token = boxes.cloud_token(database, bench.template.menu)
    cloud = boxes.start_cloud(database, core=bench.rest_core)
    port = free_port()
    at = (f"http://127.0.0.1:{port}", token)
    wan = boxes.start_wan(port, cloud.url, core=bench.rest_core, one_way_ms=ONE_WAY_MS)
    hub = boxes.start_hub(data, core=bench.hub_core, cloud=at)
    try:
        last = last_seq(hub, bench.template)
        boxes.wait_until(
            lambda: cursor_seq(cloud, token) > last * 0.4, within_s=WITHIN_S, what="40 %", every_s=0.002
        )
        hub.program.kill()
        middle = cursor_seq(cloud, token)
        assert middle < last, "the replay was over before the hub was killed"
        bench.note(f"killed at {middle:,} of {last:,}")
        hub = boxes.start_hub(data, core=bench.hub_core, cloud=at)
        last = last_seq(hub, bench.template)
        boxes.wait_until(lambda: cursor_seq(cloud, token) >= last, within_s=WITHIN_S, what="the rest")
    finally:
        hub.program.stop()
        wan.stop()
        cloud.program.stop()
    return compare_exports(
        boxes.export_lines("hub", "--data", str(data)),
        boxes.export_lines("cloud", "--hub", boxes.HUB_ID, "--db", f"sqlite:///{database}"),
    )


def compare_exports(hub: list[bytes], cloud: list[bytes]) -> tuple[int, int, int]:
    """(doubled, lost, all) by the digests of the entries' bytes; raises when the order differs."""
    doubled = len(cloud) - len(set(cloud))
    lost = len(set(hub) - set(cloud))
    if not doubled and not lost:
        assert cloud == hub[: len(cloud)], "the same entries in another order"
    return doubled, lost, len(hub)
