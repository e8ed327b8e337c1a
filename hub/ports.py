"""What the parts of the hub need of each other.

api, store, upstream and discovery know these shapes, never one another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from msgspec import Struct

from hub.domain.commands import Command
from hub.domain.entries import Entry, Stamp
from hub.domain.facts import After
from hub.domain.report_sums import DayReport
from hub.domain.state import State


class StoreError(Exception):
    """The disk or the database refused. `full`: there is no space left. `damaged`: what was read cannot be right.

    `disk`: it is the disk that refuses, and may take it later (full, read-only, input/output errors).
    """

    def __init__(
        self, message: str, *, full: bool = False, damaged: bool = False, disk: bool = False
    ) -> None:
        super().__init__(message)
        self.full = full
        self.damaged = damaged
        self.disk = disk or full


class EpochStart(Struct, frozen=True):
    """An epoch, the seq of its first entry (its hub.started) and the entry that it follows."""

    epoch: str
    first_seq: int
    after: After


class JournalReader(Protocol):
    """Committed entries only. Followers hold a cursor of their own and ask for what comes after it."""

    @property
    def position(self) -> After:
        """The last committed entry; seq 0 and 64 zeros in an empty journal."""
        ...

    @property
    def first_seq(self) -> int:
        """The oldest entry still kept."""
        ...

    def epochs(self) -> Sequence[EpochStart]:
        """All epochs whose entries are kept, oldest first."""
        ...

    async def after(self, seq: int, *, count_max: int, bytes_max: int) -> list[Entry]:
        """The next entries in order, all of one epoch, at least one if there is one."""
        ...

    async def at(self, seq: int) -> Entry | None:
        """The entry at seq, or None when there is none (any more)."""
        ...

    async def wait_beyond(self, seq: int) -> None:
        """Return as soon as there is a committed entry after seq."""
        ...


class JournalWriter(JournalReader, Protocol):
    """The journal as its one writer sees it."""

    async def append(self, group: Sequence[Entry], *, opens: EpochStart | None = None) -> None:
        """Commit the entries; when this returns they are on stable storage and followers see them.

        Raises StoreError when the commit failed: whether they are kept is then unknown until reopen().
        """
        ...

    async def reopen(self) -> None:
        """Find out what is on disk and make it durable. Raises StoreError."""
        ...

    async def get(self, name: str) -> bytes | None: ...

    async def put(self, name: str, value: bytes) -> None: ...

    async def checkpoint(self, *, idle: bool) -> None: ...


class StateKeeper(Protocol):
    """Keeps the state's shelves beside the journal, so that a start need not read all of it."""

    async def load(self, state: State) -> After:
        """Fill the shelves with what stays in memory; the entry as of which all this was saved. Raises StoreError."""
        ...

    async def save(
        self,
        state: State,
        *,
        requests: Sequence[tuple[int, int]],
        reports: Sequence[DayReport],
        position: After,
        today: str,
    ) -> None:
        """Write what changed, as of the committed entry `position`. Raises StoreError, and then nothing is changed.

        What is to be written is taken before the first pause.
        """
        ...

    async def reports(self) -> tuple[list[str], list[DayReport]]:
        """The days that have a saved report, and the newest reports."""
        ...

    async def report(self, date: str) -> DayReport | None: ...

    async def requests_after(self, fingerprint: int, seq: int, *, limit: int) -> list[tuple[int, int]]:
        """Saved requests in the order of (fingerprint, seq), to be read in pages."""
        ...

    async def fetch(self, state: State, shelf: str, keys: Sequence[str]) -> None:
        """Bring aggregates back to memory, those of them that are kept. No pause between that and the return."""
        ...

    async def read(self, shelf: str, key: str) -> Any:
        """One aggregate as it was saved, without bringing it to memory; None when it is not kept."""
        ...

    async def of_day(self, shelf: str, day: str, *, after: str, limit: int) -> list[Any]:
        """Aggregates of a business day in the order of their ids, those after the id `after`."""
        ...

    async def read_many(self, shelf: str, keys: Sequence[str]) -> list[Any]:
        """Those of the aggregates that are kept, in any order."""
        ...

    async def of_shelf(self, shelf: str, *, after: str, limit: int) -> list[Any]:
        """A shelf's aggregates in the order of their ids, those after the id `after`, as they were saved."""
        ...

    async def before(self, shelf: str, day: str, key: str, *, limit: int) -> list[Any]:
        """Aggregates listed before (day, id), newest first."""
        ...

    async def requests_of(self, fingerprint: int) -> Sequence[int]:
        """The seqs of saved entries that answered a request of this fingerprint."""
        ...


class CustomerKey(Protocol):
    """One customer's key: what it sealed only it opens."""

    def seal(self, clear: bytes) -> str: ...

    def open(self, sealed: str) -> bytes:
        """Raises ValueError for what this key did not seal."""
        ...

    def digest(self, content: bytes) -> str:
        """A keyed hash, 32 hex digits."""
        ...


class KeyKeeper(Protocol):
    """The keys of customers, outside the journal. All raise StoreError."""

    async def keys(self, ids: Sequence[str]) -> Mapping[str, CustomerKey]:
        """Of those who have one."""
        ...

    async def make(self, ids: Sequence[str]) -> Mapping[str, CustomerKey]:
        """New keys, on stable storage when this returns; one that has a key keeps it."""
        ...

    async def destroy(self, ids: Sequence[str]) -> None:
        """Nobody can open anything with these any more when this returns."""
        ...


class KeyTransfer(Protocol):
    """The customers' keys on their way to the cloud and back, wrapped with one that stays. All raise StoreError."""

    @property
    def news(self) -> asyncio.Event:
        """Set when there is something to send."""
        ...

    async def held(self) -> int: ...

    async def waiting(self) -> int:
        """Keys that the cloud is not known to have, and destroyed ones that it was not told of."""
        ...

    async def unsent(self) -> list[tuple[str, bytes]]:
        """The next keys by customer's id that the cloud is not known to have, as many as a message takes."""
        ...

    async def gone(self) -> list[tuple[str, int]]:
        """Keys that were destroyed here, and how often since the cloud was told of it."""
        ...

    async def sent(self, ids: Sequence[str]) -> None: ...

    async def told(self, gone: Sequence[tuple[str, int]]) -> None: ...

    async def destroyed_there(self, ids: Sequence[str]) -> None:
        """The cloud knows that these were destroyed: they are, here too, when this returns."""
        ...

    async def begin_comparing(self) -> None:
        """Nothing is known to be there any more: compare() is told all that is."""
        ...

    async def compare(self, page: Sequence[tuple[str, bytes]]) -> int:
        """Look at keys that the cloud has; how many were taken, because they were missing here."""
        ...


class Notes(Protocol):
    """A follower's small durable memory (its cursor, what it set aside)."""

    async def get(self, name: str) -> bytes | None: ...

    async def put(self, name: str, value: bytes) -> None:
        """Durable when it returns. Costs a sync: save after doing, at most about once a second."""
        ...


class Office(Protocol):
    """Commands of the box itself, through the same writer as everyone's."""

    async def order(self, command: Command, *, target: str = "") -> int:
        """The seq of the command's last entry, once it is on disk (0 when nothing had to be written).

        Raises HubError when it is refused, OutcomeUnknown when its commit failed (ask again: commands of the box are
        made so that doing them twice has one effect).
        """
        ...


class Announcer(Protocol):
    """Says something on the live feed that is no entry: `synced`, `resend`, `link`."""

    def announce(self, event: str, data: dict[str, Any]) -> None: ...


class Clock(Protocol):
    def stamp(self) -> Stamp: ...

    def business_date(self, time: str) -> str | None:
        """The business date of an RFC 3339 time; None for a text that is none."""
        ...

    def monotonic(self) -> float: ...

    def heard(self, unix_s: float, source: str) -> None:
        """The time according to an authenticated answer of the cloud."""
        ...

    def supposed(self, unix_s: float) -> None:
        """A time that is good enough to look at certificates by, and not to be trusted."""
        ...


class Estate(Protocol):
    """What belongs to the store and goes to another box of it."""

    def secrets(self) -> dict[str, Any]:
        """All that makes another box this store's. Raises OSError."""
        ...

    async def keys(self, ids: list[str]) -> dict[str, Any]:
        """`keys` of those customers who have one, wrapped (hex), and `customers_key`. Raises StoreError."""
        ...

    async def base(self) -> Path:
        """A copy of the journal's file as of now, for the caller to delete. Raises OSError."""
        ...

    def proof(self, challenge: str, role: str) -> str:
        """What only a box of this store can say of its own term and role."""
        ...

    def note_peer(self, url: str) -> None: ...


class Standby(Protocol):
    """A box that follows the primary, seen from its own doors.

    kept_from: the primary has removed what is before this entry, and the cloud has it; 1 until it was heard.
    """

    kept_from: int

    async def run(self) -> None:
        """Follow until cancelled."""
        ...

    def view(self) -> dict[str, Any]:
        """state, since, reason, primary (url and box), heard_at; seq, and lag_entries: how many it lacked then."""
        ...

    async def sign_in(self, code: str, name: str) -> str | None:
        """The token of a new manager's device that the primary pairs by its own code; None when it does not."""
        ...

    async def promote(self, *, unplugged: bool, force: bool) -> dict[str, Any]:
        """Take the store over.

        Raises InvalidRequest without the person's word, PrimaryAlive while the old box answers.
        """
        ...


LinkState = Literal["online", "degraded", "offline", "captive_portal", "refused", "paused"]


class LinkStatus(Struct, frozen=True):
    """since: RFC 3339. reason: a sentence's key and its words, e.g. 'dns: no address for cloud.example'."""

    state: LinkState
    since: str
    reason: str


class Upstream(Protocol):
    """The replay to the cloud, seen from the outside."""

    @property
    def online(self) -> bool: ...

    @property
    def acked_seq(self) -> int:
        """The last entry that the cloud is known to have."""
        ...

    async def status(self) -> dict[str, Any]:
        """link, acked_seq, acked_epoch, unsent {count, oldest_at, sales_total}, quarantined, last_ack_at,
        reconciliation.
        """
        ...

    async def pause(self) -> None: ...

    async def resume(self) -> None: ...

    async def hold(self, seconds: float) -> None:
        """Rehearse an outage: call nobody for so long, then go on by itself; a restart or a person ends it sooner.

        Raises NotReady when the cloud is not being called anyway.
        """
        ...

    async def entries(self, before: After, first: int, last: int) -> list[bytes]:
        """The cloud's bytes of our entries first to last, as far as it has them. before: an entry of ours before them.

        Nothing of it is checked. Raises NotReady when the cloud cannot be asked now.
        """
        ...

    async def retry(self, seq: int | None) -> None:
        """Try a quarantined entry (None: all) again, and the link at once. Raises NotFound."""
        ...


DrillKind = Literal["wan", "box"]


class Drills(Protocol):
    """Drills that a person begins on the console; each ends by itself."""

    def view(self) -> dict[str, Any]:
        """running; last, its `steps` by language; drills: which can begin now, and else why not."""
        ...

    def begin(self, kind: DrillKind, seconds: float) -> None:
        """seconds: how long the line to the cloud is held, of no use to `box`. Raises DrillRefused."""
        ...


class Refill(Protocol):
    """What is missing in the middle of the journal, and its way back."""

    def missing(self) -> list[tuple[int, int]]:
        """First and last of each hole."""
        ...

    async def take(self, source: str, given: list[bytes]) -> int:
        """Put those that are missing entries in their place; how many were. Raises StoreError."""
        ...

    def view(self) -> dict[str, Any]:
        """missing (spans), returned (entries), tried (source, at, said)."""
        ...


class BeaconStatus(Struct, frozen=True):
    state: Literal["off", "waiting", "announced", "failed"]
    addresses: tuple[str, ...] = ()
    reason: str = ""
