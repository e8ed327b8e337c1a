"""The proof: what the devices were told, what the hub's journal and what the cloud holds, compared byte for byte.

Works on the two exports alone, with nothing of the hub's code: a line is an entry, its hash the SHA-256 of its bytes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from hub.demo.floor import Acknowledged

NO_HASH: Final = "0" * 64
SHOWN_MAX: Final = 5


class _Seen(Struct, gc=False):
    type: str
    seq: int
    prevhash: str
    businessdate: str
    deviceid: str
    data: msgspec.Raw
    idempotencykey: str | None = None


class _Total(Struct, gc=False):
    total: int = 0


_seen = msgspec.json.Decoder(_Seen).decode
_total = msgspec.json.Decoder(_Total).decode


@dataclass(slots=True)
class Side:
    """What one end holds: entries, kinds, money per business day, the hash of the last entry."""

    entries: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    days: dict[str, int] = field(default_factory=dict)
    head: str = NO_HASH
    # (device, key) -> the seqs of the entries that answer it.
    answers: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.days.values())


def read_side(lines: Iterable[bytes], name: str) -> Side:
    """Add up an export and check its chain from the first entry."""
    side = Side()
    for line in lines:
        side.entries += 1
        try:
            entry = _seen(line)
        except msgspec.MsgspecError as error:
            side.faults.append(f"{name}: line {side.entries} is no entry: {error}")
            continue
        if entry.seq != side.entries or entry.prevhash != side.head:
            side.faults.append(f"{name}: entry {entry.seq} does not follow the one before it")
        side.head = sha256(line).hexdigest()
        kind = entry.type.removeprefix("storehub.").removesuffix(".v1")
        side.kinds[kind] += 1
        if kind in ("sale.completed", "sale.voided", "sale.refunded"):
            sign = 1 if kind == "sale.completed" else -1
            side.days[entry.businessdate] = (
                side.days.get(entry.businessdate, 0) + sign * _total(entry.data).total
            )
        if entry.idempotencykey is not None:
            side.answers.setdefault((entry.deviceid, entry.idempotencykey), []).append(entry.seq)
    return side


def lines_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            yield line.rstrip(b"\n")


@dataclass(slots=True)
class Proof:
    journal: Side
    cloud: Side
    faults: list[str]

    @property
    def agrees(self) -> bool:
        return not self.faults


def compare(
    *,
    acknowledged: list[Acknowledged],
    taken_total: int,
    journal: Path,
    cloud: Path,
    sync: dict[str, Any],
    feed: list[int],
    feed_after: int,
) -> Proof:
    """Everything that must hold; each fault is a sentence. sync: the hub's own view (GET /v1/sync)."""
    hub_side, cloud_side = read_side(lines_of(journal), "journal"), read_side(lines_of(cloud), "cloud")
    faults = [*hub_side.faults, *cloud_side.faults]
    for number, (ours, theirs) in enumerate(zip_longest(lines_of(journal), lines_of(cloud)), 1):
        if ours != theirs:
            faults.append(f"entry {number} is not the same at both ends")
            break
    for write in acknowledged:
        seqs = hub_side.answers.get((write.device_id, write.key), [])
        if not seqs:
            faults.append(f"lost: {write.kind}, acknowledged as entry {write.seq}")
        elif seqs != [write.seq]:
            faults.append(f"{write.kind} acknowledged as entry {write.seq} stands at {seqs}")
    known = {(write.device_id, write.key) for write in acknowledged}
    faults += [
        f"entry {seqs[0]} was never acknowledged"
        for key, seqs in hub_side.answers.items()
        if key not in known
    ]
    if taken_total != hub_side.total:
        faults.append(f"the devices took {taken_total}, the journal holds {hub_side.total}")
    if feed != list(range(feed_after + 1, hub_side.entries + 1)):
        faults.append("the kitchen display did not see every entry once and in order")
    if sync["unsent"]["count"] or sync["quarantined"]:
        faults.append(f"unsent {sync['unsent']['count']}, set aside {len(sync['quarantined'])}")
    faults += [
        f"the cloud's sums of {row['business_date']} differ"
        for row in sync["reconciliation"]
        if not row["agrees"]
    ]
    if not sync["reconciliation"]:
        faults.append("hub and cloud have not compared their sums")
    return Proof(hub_side, cloud_side, faults)
