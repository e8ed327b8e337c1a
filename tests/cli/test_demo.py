"""The demo as a person runs it: real processes, TLS, a cut line, kill -9, and the proof at the end."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from hub.demo.floor import Acknowledged
from hub.demo.proof import compare

ORDERS = "order_id,table,product,quantity,unit_price,options\n" + "".join(
    f"{number},{number % 5},{name},{1 + number % 3},{price},{option}\n"
    for number in range(60)
    for name, price, option in (("Ramen", 900, "egg;nori"), ("Gyoza", 450, ""))
)


@pytest.mark.slow
def test_end_to_end(tmp_path: Path) -> None:
    orders, data = tmp_path / "orders.csv", tmp_path / "demo"
    orders.write_text(ORDERS)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "hub", "demo", "--fast", "--handhelds", "4"),
            *("--orders", str(orders), "--data", str(data)),
        ],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    for words in ("all 60 tickets", "kill -9", "the WAN refuses", "Reconciliation", "agrees", "chain head"):
        assert words in done.stdout
    assert "\x1b[" not in done.stdout
    assert (data / "journal.ndjson").read_bytes() == (data / "cloud.ndjson").read_bytes()


class World:
    """Two exports and what was told of them, as they must be; each test spoils one thing."""

    def __init__(self, folder: Path) -> None:
        self.hub, self.cloud = folder / "hub", folder / "cloud"
        head, self.lines = "0" * 64, []
        self.acknowledged = []
        for seq in range(1, 6):
            entry = {
                "type": "storehub.sale.completed.v1", "seq": seq, "prevhash": head, "businessdate": "2026-04-01",
                "deviceid": "d", "idempotencykey": f"k{seq}", "data": {"total": 100},
            }  # fmt: skip
            line = json.dumps(entry).encode()
            head = hashlib.sha256(line).hexdigest()
            self.lines.append(line)
            self.acknowledged.append(Acknowledged("d", f"k{seq}", seq, "sale.completed", 100))
        self.cloud_lines = list(self.lines)
        self.total = 500
        self.sync = {
            "unsent": {"count": 0},
            "quarantined": [],
            "reconciliation": [{"business_date": "x", "agrees": True}],
        }
        self.feed = [2, 3, 4, 5]

    def faults(self) -> list[str]:
        self.hub.write_bytes(b"".join(line + b"\n" for line in self.lines))
        self.cloud.write_bytes(b"".join(line + b"\n" for line in self.cloud_lines))
        proof = compare(
            acknowledged=self.acknowledged, taken_total=self.total, journal=self.hub, cloud=self.cloud, sync=self.sync,
            feed=self.feed, feed_after=1,
        )  # fmt: skip
        assert proof.agrees is not bool(proof.faults)
        return proof.faults


def test_the_proof_accepts_what_is_right(tmp_path: Path) -> None:
    assert World(tmp_path).faults() == []


def test_the_proof_can_fail(tmp_path: Path) -> None:
    def missing_at_cloud(world: World) -> None:
        del world.cloud_lines[-1]

    def other_bytes(world: World) -> None:
        world.cloud_lines[4] = world.cloud_lines[4].replace(b"100", b"101")

    def lost(world: World) -> None:
        world.acknowledged.append(Acknowledged("d", "k9", 9, "order.placed", 0))

    def doubled(world: World) -> None:
        world.lines.append(world.lines[-1])

    def wrong_place(world: World) -> None:
        world.acknowledged[0] = Acknowledged("d", "k1", 2, "sale.completed", 100)

    def never_told(world: World) -> None:
        del world.acknowledged[2]

    def other_money(world: World) -> None:
        world.total = 499

    def a_gap_in_the_feed(world: World) -> None:
        world.feed.remove(3)

    def twice_on_the_feed(world: World) -> None:
        world.feed.append(5)

    def set_aside(world: World) -> None:
        world.sync["quarantined"] = [{"seq": 3}]

    def not_compared(world: World) -> None:
        world.sync["reconciliation"] = []

    def differs(world: World) -> None:
        world.sync["reconciliation"] = [{"business_date": "x", "agrees": False}]

    for spoil in (
        missing_at_cloud, other_bytes, lost, doubled, wrong_place, never_told, other_money, a_gap_in_the_feed,
        twice_on_the_feed, set_aside, not_compared, differs,
    ):  # fmt: skip
        world = World(tmp_path)
        spoil(world)
        assert world.faults(), spoil.__name__
