"""The batches that were sent and have no answer yet, in the order of their numbers."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Self

from msgspec import Struct

from hub.upstream.answers import Conflict, Position, Refusal, TooLarge
from hub.upstream.batches import Batch
from hub.upstream.client import Answer

Said = Position | Conflict | Refusal | TooLarge
Send = Callable[[str, int, bytes], Coroutine[None, None, tuple[Said, Answer]]]


class Answered(Struct, frozen=True):
    """ahead: it was sent before the answer to the batch in front of it was there."""

    batch: Batch
    ahead: bool
    said: Said
    facts: Answer

    @property
    def taken(self) -> bool:
        """The answer is the one of a cloud that had all of it, and nothing beyond."""
        return isinstance(self.said, Position) and self.said.as_after() == self.batch.last


class UnderWay:
    """Use as a context manager: whoever leaves is no longer waiting for anything."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._sent: deque[tuple[Batch, bool, asyncio.Task[tuple[Said, Answer]]]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_up()

    def __len__(self) -> int:
        return len(self._sent)

    @property
    def first(self) -> Batch:
        return self._sent[0][0]

    @property
    def last(self) -> Batch:
        return self._sent[-1][0]

    def send(self, batch: Batch) -> None:
        ahead = bool(self._sent)
        sending = asyncio.create_task(self._send(batch.epoch, batch.first_seq, batch.packed))
        self._sent.append((batch, ahead, sending))

    async def answer(self) -> Answered:
        """Wait for the answer to the first. Raises Trouble."""
        batch, ahead, sending = self._sent[0]
        said, facts = await sending
        self._sent.popleft()
        return Answered(batch, ahead, said, facts)

    def give_up(self) -> None:
        """Hang up on all: what comes of them the cursor will tell, or sending them again."""
        while self._sent:
            self._sent.pop()[2].cancel()
