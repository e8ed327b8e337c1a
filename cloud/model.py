"""The words of the cloud end: positions, entries as they are stored, holes, totals, master data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, NewType, TypeAlias

HubId = NewType("HubId", str)
StoreId = NewType("StoreId", str)
Epoch = NewType("Epoch", str)
HexHash = NewType("HexHash", str)

NO_HASH: Final = HexHash("0" * 64)


class Cursor(NamedTuple):
    """The last entry of a hub's chain that the cloud answers for."""

    epoch: Epoch
    seq: int
    hash: HexHash

    def as_dict(self) -> dict[str, Any]:
        return {"epoch": self.epoch, "seq": self.seq, "hash": self.hash}


START: Final = Cursor(Epoch(""), 0, NO_HASH)


class EntryRow(NamedTuple):
    """One verified entry: its exact bytes, and the few facts that totals need without parsing it again."""

    seq: int
    digest: bytes
    day: int
    sale: int
    amount: int
    body: bytes


class Correction(NamedTuple):
    """Entries that turned out to be of another business day, as the clock.corrected at `seq` lists them."""

    seq: int
    first_seq: int
    last_seq: int
    old_day: int
    new_day: int


class Batch(NamedTuple):
    """A verified run of one epoch's entries, and why it stops short of what was sent, if it does.

    `rows` is contiguous from `first_seq` and its chain fits from entry to entry; only `prevhash`, what the
    first of them claims to follow, is still to be compared with the chain in storage.
    """

    epoch: Epoch
    first_seq: int
    prevhash: str
    rows: Sequence[EntryRow]
    refusal: Refusal | None
    broken: bool
    corrections: Sequence[Correction] = ()


class Refusal(NamedTuple):
    seq: int
    reason: str


class Mark(NamedTuple):
    """What stands at one seq of the live chain: an entry, or a hole that still waits for its bytes."""

    seq: int
    epoch: Epoch
    digest: bytes


class Announced(NamedTuple):
    """An epoch that a hub has opened, and the entry after which it says it begins."""

    num: int
    epoch: Epoch
    after: Cursor


class Hub(NamedTuple):
    num: int
    hub_id: HubId
    store_id: StoreId
    cursor: Cursor


class Totals(NamedTuple):
    entries: int
    sales: int
    total: int
    last_seq: int
    hash: HexHash

    def as_dict(self) -> dict[str, Any]:
        return self._asdict()


class Item(NamedTuple):
    """One thing of a store's master data; `value` is its JSON text, None when it was deleted."""

    kind: str
    id: str
    version: int
    value: str | None


ItemKey: TypeAlias = tuple[str, str]
