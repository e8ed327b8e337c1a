"""A standby: it takes in what the primary has, entry by entry, until a person makes it the primary."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Literal, Protocol

import msgspec
from msgspec import Struct

from hub.domain import entries
from hub.domain.entries import NO_HASH, Entry
from hub.domain.errors import InvalidRequest, PrimaryAlive
from hub.domain.facts import After
from hub.mirror.primary import PrimaryClient, PrimaryTrouble
from hub.mirror.rival import Rival
from hub.ports import EpochStart, StoreError

log = logging.getLogger(__name__)

PAUSE_S_MIN: Final = 0.2
PAUSE_S_MAX: Final = 3.0
# Calls that fail before the primary is looked for elsewhere, and between two such looks.
LOOK_AFTER: Final = 3
# The primary was heard from so lately that it must be running.
ALIVE_S: Final = 5.0
# A request's body may have 256 KiB.
GIVEN_BYTES_MAX: Final = 200 * 1024
CUSTOMERS: Final = "storehub.customer."

State = Literal["starting", "following", "gone", "parted", "disk"]


class Taker(Protocol):
    """The journal and state that entries are taken into (hub.service.hub.Core)."""

    @property
    def journal(self) -> Any: ...

    async def take_in(self, group: Sequence[Entry], opens: EpochStart | None) -> None: ...

    async def catch_up(self) -> None: ...


class Keys(Protocol):
    async def take_keys(self, wanted: list[str], found: dict[str, Any]) -> None:
        """Keep these wrapped keys. Raises StoreError."""
        ...


class Followed(Struct, frozen=True):
    """Who is followed."""

    url: str
    box: str


class Following:
    """Implements ports.Standby. connect(url) makes a client; look() finds the primary's addresses anew."""

    def __init__(
        self,
        *,
        taker: Taker,
        keys: Keys,
        primary: Followed,
        connect: Callable[[str], PrimaryClient],
        look: Callable[[], Awaitable[list[Rival]]],
        decide: Callable[[], None],
        on_moved: Callable[[str], None] = lambda url: None,
    ) -> None:
        self._taker = taker
        self._keys = keys
        self._primary = primary
        self._connect = connect
        self._look = look
        self._decide = decide
        self._on_moved = on_moved
        self._state: State = "starting"
        self._since = _now()
        self._reason = ""
        self._heard_at: float | None = None
        self._heard = ""
        self._promoted = False
        self.kept_from = 1
        self._primary_seq = 0
        # What the primary was offered last: if it cannot use that, it is not sent again and again.
        self._given: list[bytes] = []

    async def run(self) -> None:
        """Follow until cancelled."""
        pause_s, failures = PAUSE_S_MIN, 0
        while True:
            try:
                async with self._connect(self._primary.url) as client:
                    while True:
                        await self._step(client)
                        pause_s, failures = PAUSE_S_MIN, 0
            except PrimaryTrouble as trouble:
                self._enter("parted" if trouble.parted else "gone", str(trouble))
                failures += 1
            except StoreError as error:
                self._enter("disk", f"disk: {error}")
                await self._reopen()
            except Exception as error:
                log.exception("following broke off and is tried again")
                self._enter("gone", f"bug: {error!r}")
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_S_MAX)
            if failures >= LOOK_AFTER:
                await self._find()

    async def _step(self, client: PrimaryClient) -> None:
        journal = self._taker.journal
        lines = await client.after(journal.position)
        self._heard_at, self._heard = asyncio.get_running_loop().time(), _now()
        self._primary_seq = client.last_seq
        for group, opens in grouped(lines, journal.position):
            if ids := customers_in(group):
                # First the keys: what is acknowledged must be readable here.
                await self._keys.take_keys(ids, await client.keys(ids))
            await self._taker.take_in(group, opens)
        self.kept_from = client.kept_from
        self._enter("following", "")
        await self._give_back(client)

    async def _give_back(self, client: PrimaryClient) -> None:
        """What the primary has lost and this box has: the end of each hole, as much as a request may hold."""
        journal = self._taker.journal
        for first, last in client.missing:
            lines: list[bytes] = []
            size = 0
            for seq in range(last, first - 1, -1):
                entry = await journal.at(seq)
                size += 0 if entry is None else len(entry.raw) + 1
                if entry is None or size > GIVEN_BYTES_MAX:
                    break
                lines.append(entry.raw)
            if lines and lines != self._given:
                taken = await client.give(lines)
                self._given = lines
                log.warning("the primary has lost entries: %d sent back, %d taken", len(lines), taken)

    async def _reopen(self) -> None:
        try:
            await self._taker.journal.reopen()
            await self._taker.catch_up()
        except StoreError as error:
            log.warning("the journal cannot be written: %s", error)

    async def _find(self) -> None:
        """The primary may have another address now."""
        for rival in await self._look():
            if rival.url != self._primary.url:
                log.warning("the primary is at %s now", rival.url)
                self._primary = Followed(rival.url, rival.box)
                self._on_moved(rival.url)
                return

    def _enter(self, state: State, reason: str) -> None:
        if state != self._state:
            self._since = _now()
            log.log(
                logging.INFO if state == "following" else logging.WARNING,
                "standby: %s %s", state, reason,
            )  # fmt: skip
        self._state, self._reason = state, reason

    # -- seen from the doors ------------------------------------------------------------------------------------

    def view(self) -> dict[str, Any]:
        seq = self._taker.journal.position.seq
        return {
            "seq": seq,
            "lag_entries": max(0, self._primary_seq - seq),
            "state": self._state,
            "since": self._since,
            "reason": self._reason,
            "heard_at": self._heard or None,
            "primary": {"url": self._primary.url, "box": self._primary.box},
        }

    async def promote(self, *, unplugged: bool, force: bool) -> dict[str, Any]:
        if not unplugged:
            raise InvalidRequest.at("unplugged", "a person must say that the old box is unplugged")
        now = asyncio.get_running_loop().time()
        lately = self._state == "following" and self._heard_at is not None and now - self._heard_at <= ALIVE_S
        seen = await self._look()
        if not force:
            if seen:
                raise PrimaryAlive(url=seen[0].url, box=seen[0].box)
            if lately and await self._answers():
                raise PrimaryAlive(url=self._primary.url, box=self._primary.box)
        if not self._promoted:
            self._promoted = True
            self._decide()
        position = self._taker.journal.position
        return {"seq": position.seq, "epoch": position.epoch, "primary": self._primary.box}

    async def sign_in(self, code: str, name: str) -> str | None:
        try:
            async with self._connect(self._primary.url) as client:
                return await client.pair(code, name, "manager")
        except PrimaryTrouble as trouble:
            log.info("nobody is signed in by the primary: %s", trouble)
            return None

    async def _answers(self) -> bool:
        try:
            async with self._connect(self._primary.url) as client:
                await client.after(self._taker.journal.position, wait_s=0)
        except PrimaryTrouble:
            return False
        return True


def grouped(lines: Sequence[bytes], after: After) -> list[tuple[list[Entry], EpochStart | None]]:
    """The entries in groups of one epoch, each with the start of the epoch that it opens, the chain checked.

    Raises PrimaryTrouble for bytes that do not follow.
    """
    groups: list[tuple[list[Entry], EpochStart | None]] = []
    previous = after
    for raw in lines:
        try:
            envelope = entries.read(raw)
        except msgspec.MsgspecError as error:
            raise PrimaryTrouble(f"wrong-answer: no entry ({error})") from error
        if envelope.seq != previous.seq + 1 or envelope.prevhash != (previous.hash or NO_HASH):
            raise PrimaryTrouble(f"wrong-answer: entry {envelope.seq} does not follow {previous.seq}")
        entry = Entry(envelope.seq, envelope.epoch, raw, entries.hash_of(raw))
        if envelope.epoch != previous.epoch:
            groups.append(([], EpochStart(envelope.epoch, envelope.seq, previous)))
        elif not groups:
            groups.append(([], None))
        groups[-1][0].append(entry)
        previous = After(entry.epoch, entry.seq, entry.hash)
    return groups


class _Merged(Struct):
    merged_id: str = ""


def customers_in(group: Sequence[Entry]) -> list[str]:
    """Whose keys may have been made or destroyed with these entries."""
    found: dict[str, None] = {}
    for entry in group:
        if CUSTOMERS.encode() not in entry.raw:
            continue
        envelope = entries.read(entry.raw)
        if envelope.type.startswith(CUSTOMERS):
            found[envelope.subject.removeprefix("customers/")] = None
            if merged := msgspec.json.decode(bytes(envelope.data), type=_Merged).merged_id:
                found[merged] = None
    return list(found)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
