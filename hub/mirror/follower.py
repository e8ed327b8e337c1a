"""The mirror: a follower of the journal that copies every entry to a second medium, and comes back by itself."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, ParamSpec, TypeVar

from hub.domain import entries
from hub.domain.facts import After
from hub.mirror import bases, medium, secrets
from hub.mirror.hand import Hand
from hub.mirror.medium import Medium, MediumError, write_synced
from hub.mirror.stock import Stock
from hub.ports import JournalReader
from hub.service.copies import Copies

log = logging.getLogger(__name__)
P = ParamSpec("P")
T = TypeVar("T")

COUNT_MAX: Final = 1000
BYTES_MAX: Final = 4 * 1024 * 1024
# Without a wait for it the stick is written about this often at most: each sync wears it.
GATHER_S: Final = 0.5
RETRY_S_MIN: Final = 0.5
RETRY_S_MAX: Final = 10.0
# A write that takes longer is shown; what it holds up is only the copy.
STALL_S: Final = 5.0


class Mirror:
    """sealed: the store's secrets as they stand on the medium beside the entries, made anew when they change.

    base: writes the store's tables to a file and says as of which entry; None when it cannot now.
    """

    def __init__(
        self,
        *,
        journal: JournalReader,
        copies: Copies,
        folder: Path,
        hub_id: str,
        sealed: Callable[[], Awaitable[bytes | None]],
        base: Callable[[], Awaitable[tuple[Path, int] | None]],
        secrets_ask_s: float,
    ) -> None:
        self._secrets_ask_s = secrets_ask_s
        self._asked_at = -secrets_ask_s
        self._journal = journal
        self._copies = copies
        self._folder = folder
        self._medium = Medium(folder, hub_id)
        self._sealed = sealed
        self._stock = Stock(self._medium, journal, base)
        # A wait for this copy must not wait for the gathering.
        self._gather_s = 0.0 if copies.wait_for == "mirror" else GATHER_S

    async def run(self) -> None:
        """Copy until cancelled, whatever becomes of the medium."""
        hand = Hand("mirror")
        pause_s = RETRY_S_MIN
        try:
            while True:
                began = asyncio.get_running_loop().time()
                try:
                    await self._copy(hand)
                except (OSError, MediumError) as error:
                    self._copies.gone("mirror", _words(error))
                    if asyncio.get_running_loop().time() - began > RETRY_S_MAX:
                        pause_s = RETRY_S_MIN
                    await asyncio.sleep(pause_s)
                    pause_s = min(pause_s * 2, RETRY_S_MAX)
                except Exception as error:
                    log.exception("the mirror broke off and is begun again")
                    self._copies.gone("mirror", f"bug: {error!r}")
                    await asyncio.sleep(RETRY_S_MAX)
        finally:
            self._stock.end()
            hand.end(self._close)

    def _close(self) -> None:
        self._stock.close()
        self._medium.close()

    async def _copy(self, hand: Hand) -> None:
        at = await self._do(hand, self._medium.open)
        at = await self._joined(hand, at)
        log.info("the mirror in %s stands at %d", self._folder, at.seq)
        await self._do(hand, self._stock.look)
        self._asked_at = -self._secrets_ask_s
        while True:
            found = await self._journal.after(at.seq, count_max=COUNT_MAX, bytes_max=BYTES_MAX)
            if found:
                at = await self._do(hand, self._medium.append, found)
            self._copies.reached("mirror", at.seq)
            # A piece at a time: what waits for an entry's copy waits for no more than that.
            busy = self._stock.due(at.seq) and await self._do(hand, self._stock.step)
            if found or busy:
                continue
            await self._seal(hand)
            with suppress(TimeoutError):
                async with asyncio.timeout(self._secrets_ask_s):
                    await self._journal.wait_beyond(at.seq)
            await asyncio.sleep(self._gather_s)

    async def _joined(self, hand: Hand, at: After) -> After:
        """Where the medium and the journal are the same; what the medium has beyond is kept aside there."""
        journal = self._journal
        first = journal.first_seq
        if 0 < at.seq < first - 1:
            log.warning("the mirror ends at %d, and entries from %d on are kept: begun anew", at.seq, first)
            # The bases first: one that its entries do not go on from is of no use.
            await self._do(hand, bases.drop_after, self._folder, 0)
            await self._do(hand, self._medium.start_over)
            at = medium.START
        if at.seq == 0 and first > 1:
            entry = await journal.at(first)
            if entry is None:
                return at
            start = After("", first - 1, entries.read(entry.raw).prevhash)
            await self._do(hand, self._medium.begin_after, start)
            return start
        if at.seq == 0 or await self._has(at):
            return at
        common = await self._common(hand, at)
        # Before the entries go: a base of entries that are not there would be taken for one of those that follow.
        await self._do(hand, bases.drop_after, self._folder, common.seq)
        lost = await self._do(hand, self._medium.leave, common)
        log.error("the mirror has %d entries after %d that the journal does not have", lost, common.seq)
        return common

    async def _has(self, at: After) -> bool:
        entry = await self._journal.at(at.seq)
        if entry is None:
            return at.seq == self._journal.first_seq - 1
        return entry.hash == at.hash

    async def _common(self, hand: Hand, at: After) -> After:
        """The last entry that both have: of two chains, all before an equal entry is equal."""

        def positions() -> list[After]:
            return [After(one.epoch, one.seq, one.hash) for one in medium.read_after(self._folder)]

        known = await self._do(hand, positions)
        low, high = 0, len(known)
        while low < high:
            middle = (low + high) // 2
            if await self._has(known[middle]):
                low = middle + 1
            else:
                high = middle
        return known[low - 1] if low else medium.START

    async def _seal(self, hand: Hand) -> None:
        """The secrets travel too, when there is time: a key that is destroyed here goes from there as well."""
        now = asyncio.get_running_loop().time()
        if now - self._asked_at < self._secrets_ask_s:
            return
        self._asked_at = now
        content = await self._sealed()
        if content is not None:
            await self._do(hand, write_synced, self._folder / secrets.NAME, content)

    async def _do(self, hand: Hand, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """In the thread; while it hangs, that is shown."""
        work = asyncio.ensure_future(hand.do(call, *args, **kwargs))
        done, _ = await asyncio.wait([work], timeout=STALL_S)
        if not done:
            self._copies.gone("mirror", f"stalled: the medium has not answered for {STALL_S:.0f} s")
        return await work


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        key = {errno.ENOSPC: "full", errno.EROFS: "read-only"}.get(error.errno or 0, "unwritable")
        return f"{key}: {error.strerror or error}"
    return f"absent: {error}"
