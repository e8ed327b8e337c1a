"""Our journal and what the cloud claims of it: what is believed, where the two part, and what comes back."""

from __future__ import annotations

import logging
from typing import Final

from hub.domain import entries
from hub.domain.commands import RecoverEntry
from hub.domain.entries import NO_HASH, hash_of
from hub.domain.errors import HubError, OutcomeUnknown
from hub.domain.facts import After
from hub.ports import EpochStart, JournalReader, Office, StoreError
from hub.upstream.answers import Conflict
from hub.upstream.client import CloudClient
from hub.upstream.outcomes import Signal, Trouble
from hub.upstream.records import LOST, Lost, Records

log = logging.getLogger(__name__)

START: Final = After("", 0, NO_HASH)
# Pages of orphans fetched in one go; what is left comes in the next round.
PAGES_MAX: Final = 1000


def liar(words: str) -> Trouble:
    return Trouble(Signal.INTERCEPTED, f"wrong-answer: {words}; nothing was marked as sent")


class History:
    def __init__(
        self, *, journal: JournalReader, client: CloudClient, office: Office, records: Records
    ) -> None:
        self._journal = journal
        self._client = client
        self._office = office
        self._records = records
        self._lost: Lost | None = None
        self.recovered = 0
        self.unrecovered: list[str] = []

    async def load(self) -> None:
        self._lost = await self._records.load(LOST, Lost)

    async def believes(self, claim: After) -> bool:
        """Whether the claimed position is one of ours. Raises Trouble when it is older than all we keep."""
        first = self._journal.first_seq
        if claim.seq == 0:
            if first > 1:
                raise _pruned(0, first)
            return True
        if claim == self._journal.position:
            return True
        if claim.seq < first:
            if claim.seq == first - 1 and await self._prevhash_of(first) == claim.hash:
                return True
            raise _pruned(claim.seq, first)
        entry = await self._journal.at(claim.seq)
        return entry is not None and (entry.epoch, entry.hash) == (claim.epoch, claim.hash)

    async def _prevhash_of(self, seq: int) -> str | None:
        entry = await self._journal.at(seq)
        return None if entry is None else entries.read(entry.raw).prevhash

    async def announce(self, epoch: str, after: After) -> After:
        """Open the epoch at the cloud. Returns where the cloud then stands. Raises Trouble."""
        start = next((one for one in self._journal.epochs() if one.epoch == epoch), None)
        answer, _ = await self._client.open_epoch(epoch, after if start is None else start.after)
        at = answer.at if isinstance(answer, Conflict) else answer.as_after()
        if not await self.believes(at):
            raise liar("the cloud's cursor after a new epoch is not in this journal")
        if isinstance(answer, Conflict):
            log.warning("the cloud does not open epoch %s: %s", epoch, answer.words)
        return at

    async def part_ways(self, claim: After) -> After:
        """The cloud has entries that we do not: open the epoch that leaves them behind, and note to fetch them.

        Returns where the cloud then stands. Raises Trouble when the claim cannot be true.
        """
        for start in self._candidates(claim):
            # Noted before the cloud is told: after a crash in between they would stay orphans unseen.
            await self._note_lost(Lost(start.after))
            log.warning(
                "the cloud stands at %s:%d, which is not in this journal: telling it that epoch %s begins after %s:%d",
                claim.epoch, claim.seq, start.epoch, start.after.epoch, start.after.seq,
            )  # fmt: skip
            answer, _ = await self._client.open_epoch(start.epoch, start.after)
            at = answer.at if isinstance(answer, Conflict) else answer.as_after()
            if await self.believes(at):
                if at.seq < start.after.seq:
                    # The ways parted earlier than this epoch: what came in between is orphaned too.
                    await self._note_lost(Lost(at))
                return at
        await self._note_lost(None)
        raise liar(f"the cloud claims to stand at {claim.epoch}:{claim.seq}, which is not in this journal")

    def _candidates(self, claim: After) -> list[EpochStart]:
        """The epochs that may leave the claim behind, likeliest first."""
        starts = list(self._journal.epochs())
        names = [start.epoch for start in starts]
        if claim.epoch not in names:
            # A history we know nothing of: the newest epoch that the cloud knows how to place is the right one.
            return starts[::-1]
        index = names.index(claim.epoch)
        # An epoch of ours has an end, or is being written now: the cloud cannot have more of the latter than we.
        return [start for start in starts[index + 1 : index + 2] if start.after.seq < claim.seq]

    async def _note_lost(self, lost: Lost | None) -> None:
        self._lost = lost
        await self._records.save(LOST, lost)

    async def fetch_lost(self) -> None:
        """Order every orphan to be appended again. Goes on where it was interrupted. Raises Trouble."""
        if self._lost is None:
            return
        at = self._lost.after
        for _ in range(PAGES_MAX):
            lines, answer = await self._client.orphans(at)
            self._client.trust(answer)
            if not lines:
                break
            before = at
            for raw in lines:
                at = await self._recover(raw)
            if at == before:
                break
        if self.recovered:
            log.warning("%d entries that this box had lost came back from the cloud", self.recovered)
        await self._note_lost(None)

    async def _recover(self, raw: bytes) -> After:
        try:
            seen = entries.read(raw)
            text = raw.decode()
        except ValueError as error:
            raise liar("an orphan is no entry") from error
        at = After(seen.epoch, seen.seq, hash_of(raw))
        mine = await self._journal.at(at.seq)
        if mine is not None and (mine.epoch, mine.hash) == (at.epoch, at.hash):
            return at
        try:
            seq = await self._office.order(
                RecoverEntry(epoch=at.epoch, seq=at.seq, hash=at.hash, entry=text, source="cloud")
            )
        except (OutcomeUnknown, StoreError) as error:
            # The box's own trouble, not the line's: everything waits and is asked again.
            raise Trouble(Signal.BUSY, f"disk: a recovered entry could not be kept ({error})") from error
        except HubError as error:
            log.error("the orphan %s:%d could not be taken back: %s", at.epoch, at.seq, error)
            self.unrecovered.append(f"{at.epoch}:{at.seq} {error.slug}")
            return at
        self.recovered += 1 if seq else 0
        return at


def _pruned(seq: int, first: int) -> Trouble:
    return Trouble(
        Signal.DENIED,
        f"pruned: the cloud asks for what follows {seq}, and this box keeps entries from {first} on; "
        "the cloud needs a newer backup, or the mirror's entries",
    )
