"""Defects of the replay, put in from outside; `tests.support.mistaken` names them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import msgspec
import zstandard

# How much faster the line's seconds pass with quick-line.
QUICKER = 10


def _timing(**more: float) -> None:
    from hub.upstream import service
    from hub.upstream.timing import Timing

    usual = {field.name: field.default / QUICKER for field in msgspec.structs.fields(Timing)}
    made = Timing(**{**usual, **more})
    service.Timing = lambda: made  # type: ignore[assignment,misc]


def quick_line() -> None:
    """No defect: a second of the line to the cloud passes in a tenth of one, so that schedules of minutes fit."""
    from hub.upstream import address

    _timing()
    address.LOOKUP_S_MAX /= QUICKER  # type: ignore[misc]
    address.REMEMBER_S /= QUICKER  # type: ignore[misc]


def waits_for_the_cloud() -> None:
    """A device is answered only once the cloud is within reach."""
    from hub.store.journal import Journal
    from hub.upstream.link import LinkMonitor

    monitors: list[LinkMonitor] = []
    made, real = LinkMonitor.__init__, Journal.append

    def init(self: LinkMonitor, **more: Any) -> None:
        made(self, **more)
        monitors.append(self)

    async def append(self: Journal, group: Any, **more: Any) -> None:
        await real(self, group, **more)
        if more.get("opens") is None:
            await monitors[0].wait_open()

    LinkMonitor.__init__ = init  # type: ignore[method-assign,assignment]
    Journal.append = append  # type: ignore[method-assign]


def trusts_any_200() -> None:
    """Whoever answers, the batch counts as sent."""
    from hub.upstream.answers import Position
    from hub.upstream.client import Answer, CloudClient
    from hub.upstream.outcomes import Signal, Trouble

    send, cursor = CloudClient.send, CloudClient.cursor
    well = Answer(200, b"{}", 0.01, 0, None)
    last: list[Position] = []

    async def believing(call: Any, otherwise: Callable[[], Position]) -> Any:
        try:
            answer = await call
        except Trouble as trouble:
            if trouble.signal is not Signal.INTERCEPTED:
                raise
            answer = otherwise(), well
        if isinstance(answer[0], Position):
            last[:] = [answer[0]]
        return answer

    async def send_(self: CloudClient, epoch: str, first_seq: int, packed: bytes) -> Any:
        lines = zstandard.ZstdDecompressor().decompressobj().decompress(packed).splitlines()
        sent = Position(epoch, first_seq + len(lines) - 1, sha256(lines[-1]).hexdigest())
        return await believing(send(self, epoch, first_seq, packed), lambda: sent)

    async def cursor_(self: CloudClient) -> Any:
        return await believing(cursor(self), lambda: last[-1])

    CloudClient.send, CloudClient.cursor = send_, cursor_  # type: ignore[method-assign]


def never_gives_up() -> None:
    """A call without an answer is waited for, for ever. Includes quick-line."""
    _timing(silence_s_max=3600, attempt_s_max=3600, upload_s_max=3600, waiting_s=3600, poll_s=2)


def unordered_replay() -> None:
    """Batches leave with their entries in the wrong order."""
    from tests.simulation.mistakes import MISTAKES

    MISTAKES["unordered-replay"]().__enter__()


def retry_storm() -> None:
    """What failed is tried again at once."""
    from hub.upstream.retry import Patience

    Patience.__call__ = lambda self, retry_state: 0.0  # type: ignore[method-assign]


def deaf_to_retry_after() -> None:
    """The cloud's wish for peace is not heard."""
    from hub.upstream import classify

    classify._retry_after = lambda value, now: None  # type: ignore[assignment]


def two_at_once() -> None:
    """A batch leaves twice at the same time."""
    from hub.upstream.client import CloudClient

    send = CloudClient.send

    async def twice(self: CloudClient, epoch: str, first_seq: int, packed: bytes) -> Any:
        calls = [send(self, epoch, first_seq, packed) for _ in range(2)]
        answers = await asyncio.gather(*calls, return_exceptions=True)
        if isinstance(answers[0], BaseException):
            raise answers[0]
        return answers[0]

    CloudClient.send = twice  # type: ignore[method-assign]


MISTAKES: dict[str, Callable[[], None]] = {
    "quick-line": quick_line,
    "waits-for-the-cloud": waits_for_the_cloud,
    "trusts-any-200": trusts_any_200,
    "never-gives-up": never_gives_up,
    "unordered-replay": unordered_replay,
    "retry-storm": retry_storm,
    "deaf-to-retry-after": deaf_to_retry_after,
    "two-at-once": two_at_once,
}
