"""Entries of ours that the cloud holds and this box no longer has."""

from __future__ import annotations

from hub.domain import entries
from hub.domain.facts import After
from hub.ports import JournalReader
from hub.upstream.client import CloudClient
from hub.upstream.history import liar


async def held(
    client: CloudClient, journal: JournalReader, before: After, first: int, last: int
) -> list[bytes]:
    """The bytes of first to last, as far as the cloud has them; whether they are ours, the chain tells the caller.

    before: an entry of ours before `first`. Raises Trouble.
    """
    starts = [before]
    if before.seq < first - 1:
        # Of an entry that is missing itself only the epoch is known, as a rule: that saves what lies in between.
        epoch = next((one.epoch for one in reversed(journal.epochs()) if one.first_seq < first), "")
        starts.insert(0, After(epoch, first - 1, ""))
    for at in starts:
        found: list[bytes] = []
        while at.seq < last:
            lines = await client.entries_after(at, limit=last - at.seq)
            if not lines:
                break
            for raw in lines:
                try:
                    seen = entries.read(raw)
                except ValueError as error:
                    raise liar("what should be an entry is none") from error
                if seen.seq <= at.seq:
                    raise liar("entries that were not asked for")
                at = After(seen.epoch, seen.seq, "")
                if first <= at.seq <= last:
                    found.append(raw)
        if found:
            return found
    return []
