"""How long the journal keeps what the cloud has."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Final

from hub.app import Hub
from hub.domain import entries
from hub.domain.entries import Entry
from hub.ports import StoreError
from hub.service.copies import KINDS
from hub.store.journal import Journal

log = logging.getLogger(__name__)

EVERY_S: Final = 3600.0
PACE_DAYS: Final = 7
# Rows a transaction: short enough that no order waits for it.
STEP: Final = 500


async def keep_within(hub: Hub) -> None:
    """Now and then, see how fast the journal grows, and remove what is old, acknowledged by the cloud, and saved."""
    while True:
        try:
            await measure_pace(hub)
            # Nothing long is begun while the battery of a UPS lasts.
            if not hub.box.health.on_battery:
                await prune(hub)
        except StoreError as error:
            log.warning("old entries could not be removed: %s", error)
        await asyncio.sleep(EVERY_S)


async def measure_pace(hub: Hub) -> None:
    """Take the entries of the last week as the pace by which the disk's days are counted. Raises StoreError."""
    journal, now = hub.journal, hub.box.clock.unix_s()
    since = await first_since(journal, now - PACE_DAYS * 86400, journal.position.seq)
    entry = await journal.at(since)
    if entry is None:
        return
    days = (now - _unix(entry)) / 86400
    # A store's first hours say little about its days.
    if days >= 1:
        hub.box.core.entries_a_day = max(int((journal.position.seq - since) / days), 1)


async def first_since(journal: Journal, unix_s: float, below: int) -> int:
    """The first seq, at most `below`, whose entry was made at that time or later."""
    low, high = journal.first_seq, below
    while low < high:
        middle = (low + high) // 2
        entry = await journal.at(middle)
        if entry is not None and _unix(entry) < unix_s:
            low = middle + 1
        else:
            high = middle
    return low


async def old_until(journal: Journal, limit: float, below: int, *, now: float) -> int:
    """The first seq to keep, at most `below`: everything before it was made before `limit`.

    By seq, from the oldest on, up to the first entry that is sure to be newer: a clock that stepped, or a boot in 1970,
    must not make young entries old. One whose time nobody vouches for, or of a time to come, goes with the next one.
    """
    keep, seq = journal.first_seq, journal.first_seq - 1
    while seq + 1 < below:
        page = await journal.after(seq, count_max=STEP, bytes_max=4 << 20)
        if not page:
            break
        for entry in page:
            envelope = entries.read(entry.raw)
            made = _unix(entry)
            if entry.seq >= below or (envelope.timetrusted and limit <= made <= now + 86400):
                return keep
            if envelope.timetrusted and made < limit:
                keep = entry.seq + 1
        seq = page[-1].seq
    return min(keep, below)


def _unix(entry: Entry) -> float:
    return datetime.fromisoformat(entries.read(entry.raw).time).timestamp()


async def prune(hub: Hub) -> int:
    """The number of entries removed.

    An entry that the cloud has not acknowledged is never among them. Raises StoreError.
    """
    # A copy that is there gets everything; for one that is gone nothing is kept.
    copies = [copy for kind in KINDS if (copy := hub.box.copies.of(kind)).state in ("following", "late")]
    # The last entry stays, however old: it says where the journal stands.
    below = min(hub.box.core.saver.seq + 1, hub.journal.position.seq, *(copy.seq + 1 for copy in copies))
    # A standby knows neither the cloud nor, perhaps, the time: its primary does.
    standby = hub.box.standby
    low = min(standby.kept_from, below) if standby is not None else await _old_and_sent(hub, below)
    removed = 0
    while hub.journal.first_seq < low:
        before = hub.journal.first_seq
        await hub.journal.remove_before(min(low, before + STEP))
        removed += hub.journal.first_seq - before
        await asyncio.sleep(0.05)
    if removed:
        log.info("%d entries that the cloud has were removed, the oldest kept is %d", removed, low)
    return removed


async def _old_and_sent(hub: Hub, below: int) -> int:
    """The first seq to keep, at most `below`, of a box that speaks with the cloud itself."""
    box = hub.box
    status = await box.upstream.status()
    held = [int(item["seq"]) for item in status["quarantined"]]
    if not box.clock.trusted:
        return 0
    now = box.clock.unix_s()
    limit = now - hub.settings.retention_days * 86400
    return await old_until(hub.journal, limit, min(below, int(status["acked_seq"]) + 1, *held), now=now)
