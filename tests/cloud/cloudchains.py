"""Journals as a hub writes them: plain lists of entries whose bytes hold the hash of the one before."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

NO_HASH = "0" * 64
START = {"epoch": "", "seq": 0, "hash": NO_HASH}
ORDER = "storehub.order.placed.v1"
SALE = "storehub.sale.completed.v1"
DAY = "2026-08-01"


@dataclass(frozen=True)
class Entry:
    epoch: str
    seq: int
    day: str
    type: str
    total: int
    body: bytes

    @property
    def hash(self) -> str:
        return sha256(self.body).hexdigest()

    @property
    def position(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "seq": self.seq, "hash": self.hash}


@dataclass
class Journal:
    """`entries[n]` has seq n + 1."""

    entries: list[Entry] = field(default_factory=list)

    @property
    def end(self) -> dict[str, Any]:
        return self.entries[-1].position if self.entries else START

    def add(self, epoch: str, type: str = ORDER, *, day: str = DAY, total: int = 0, **data: Any) -> Entry:
        seq = len(self.entries) + 1
        event = {
            "specversion": "1.0", "id": f"{epoch}-{seq}", "source": "/stores/s/hubs/h", "type": type,
            "subject": "x", "time": "2026-08-01T12:00:00+09:00", "datacontenttype": "application/json",
            "seq": seq, "epoch": epoch, "prevhash": self.end["hash"], "businessdate": day, "deviceid": "d1",
            "bootid": "b", "monotonicms": "1", "timetrusted": True, "data": {"total": total, **data},
        }  # fmt: skip
        body = json.dumps(event, ensure_ascii=False).encode()
        entry = Entry(epoch, seq, day, type, total, body)
        self.entries.append(entry)
        return entry

    def grow(self, epoch: str, count: int, **more: Any) -> list[Entry]:
        return [self.add(epoch, **more) for _ in range(count)]

    def cut(self, count: int) -> Journal:
        """The journal as it was with its first `count` entries."""
        return Journal(self.entries[:count])


def lines(entries: list[Entry]) -> bytes:
    return b"".join(entry.body + b"\n" for entry in entries)
