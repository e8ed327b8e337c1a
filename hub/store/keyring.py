"""The customers' keys on their way to the cloud and back (ports.KeyTransfer): wrapped, as the table holds them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Final

import msgspec

from hub.ports import StoreError
from hub.store.journal import Journal
from hub.store.vault import Vault

# Keys in one message: some 150 bytes each.
MESSAGE_KEYS: Final = 500


class KeyRing:
    """ended: of these customers, those whose keys must not be any more. came: their persons can be read now."""

    def __init__(
        self,
        journal: Journal,
        vault: Vault,
        *,
        ended: Callable[[Sequence[str]], Awaitable[Collection[str]]],
        came: Callable[[Sequence[str]], None],
    ) -> None:
        self._journal = journal
        self._vault = vault
        self._ended = ended
        self._came = came
        # What was counted last, and after how many changes of the keys and of what is known of them.
        self._counted: tuple[tuple[int, int], int] | None = None
        self._writes = 0

    @property
    def news(self) -> asyncio.Event:
        return self._vault.changed

    async def held(self) -> int:
        return int((await self._journal.rows("keys_held"))[0][0])

    async def waiting(self) -> int:
        # Thousands of keys take milliseconds to look through: only after something has changed.
        at = (self._vault.changes, self._writes)
        if self._counted is None or self._counted[0] != at:
            self._counted = (at, int((await self._journal.rows("keys_waiting"))[0][0]))
        return self._counted[1]

    async def unsent(self) -> list[tuple[str, bytes]]:
        rows = await self._journal.rows("keys_unsent", (MESSAGE_KEYS,))
        if rows:
            # Before they leave: one that is destroyed while it is on its way leaves word of it.
            await self._write([("key_leaves", [(row[0],) for row in rows])])
        return [(str(row[0]), bytes(row[1])) for row in rows]

    async def gone(self) -> list[tuple[str, int]]:
        return [(str(row[0]), int(row[1])) for row in await self._journal.rows("keys_gone", (MESSAGE_KEYS,))]

    async def sent(self, ids: Sequence[str]) -> None:
        await self._write([("key_sure", [(one,) for one in ids])])

    async def told(self, gone: Sequence[tuple[str, int]]) -> None:
        await self._write([("key_gone_told", gone), ("keys_forgotten", [()])])

    async def destroyed_there(self, ids: Sequence[str]) -> None:
        """This box is of an older backup: somebody asked to be forgotten after it was made."""
        await self._vault.destroy(ids)

    async def begin_comparing(self) -> None:
        await self._write([("keys_unsure", [()])])

    async def compare(self, page: Sequence[tuple[str, bytes]]) -> int:
        """Look at keys that the cloud has; how many of them were taken.

        Those that the store has are known to be there. Those that it has not are taken when its own key opens them, or
        left to be destroyed there when their customer has ended.
        """
        ids = [one for one, _ in page]
        rows = await self._journal.rows("keys_of", (msgspec.json.encode(ids).decode(),))
        mine = {str(row[0]): bytes(row[1]) for row in rows}
        ended = await self._ended(ids)
        same = [one for one, wrapped in page if mine.get(one) == wrapped]
        lost = [(one, wrapped) for one, wrapped in page if one not in mine and one not in ended]
        back = [(one, wrapped) for one, wrapped in lost if self._opens(one, wrapped)]
        taken = [one for one, _ in back]
        await self._write(
            [
                ("put_key", back),
                ("key_leaves", [(one,) for one in (*same, *taken)]),
                ("key_sure", [(one,) for one in (*same, *taken)]),
                ("key_gone_there", [(one,) for one in ids if one in ended]),
            ]
        )
        if taken:
            self._came(taken)
        return len(taken)

    async def _write(self, work: list[tuple[str, Sequence[tuple[object, ...]]]]) -> None:
        await self._journal.transact(work)
        self._writes += 1

    def _opens(self, customer_id: str, wrapped: bytes) -> bool:
        try:
            return self._vault.opens(customer_id, wrapped)
        except StoreError:
            return False  # customers.key is not here (yet): the cloud goes on keeping them.
