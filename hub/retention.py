"""How long the journal keeps what the cloud has."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Final

from hub.app import Hub
from hub.domain import entries
from hub.ports import StoreError

log = logging.getLogger(__name__)

EVERY_S: Final = 3600.0
# Rows a transaction: short enough that no order waits for it.
STEP: Final = 500


async def keep_within(hub: Hub) -> None:
    """Now and then, remove what is older than the setting, acknowledged by the cloud, and saved in the
    state's tables.
    """
    while True:
        await asyncio.sleep(EVERY_S)
        try:
            await prune(hub)
        except StoreError as error:
            log.warning("old entries could not be removed: %s", error)


async def prune(hub: Hub) -> int:
    """The number of entries removed.

    An entry that the cloud has not acknowledged is never among them. Raises StoreError.
    """
    box = hub.box
    status = await box.upstream.status()
    held = [int(item["seq"]) for item in status["quarantined"]]
    # The last entry stays, however old: it says where the journal stands.
    kept_from = min(
        [int(status["acked_seq"]) + 1, box.core.saved_seq + 1, box.core.journal.position.seq, *held]
    )
    limit = box.clock.unix_s() - hub.settings.retention_days * 86400
    if not box.clock.trusted:
        return 0
    low, high = hub.journal.first_seq, kept_from
    while low < high:
        middle = (low + high) // 2
        entry = await hub.journal.at(middle)
        if entry is not None and datetime.fromisoformat(entries.read(entry.raw).time).timestamp() < limit:
            low = middle + 1
        else:
            high = middle
    removed = 0
    while hub.journal.first_seq < low:
        before = hub.journal.first_seq
        await hub.journal.remove_before(min(low, before + STEP))
        removed += hub.journal.first_seq - before
        await asyncio.sleep(0.05)
    if removed:
        log.info("%d entries that the cloud has were removed, the oldest kept is %d", removed, low)
    return removed
