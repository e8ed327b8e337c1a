"""Defects put in from outside, to see that the simulation finds them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest import mock

import zstandard


def _early_answer() -> AbstractContextManager[Any]:
    """Answered before the commit."""

    async def kept(group: Any) -> None:
        await asyncio.sleep(0)

    def then(group: Any, call: Callable[[Any], None]) -> None:
        asyncio.get_running_loop().call_soon(call, None)

    return mock.patch.multiple("hub.service.writer.Group", kept=kept, then=then)


def _no_idempotency() -> AbstractContextManager[Any]:
    """Every request is decided, whether it was answered before or not."""

    async def nothing(desk: Any, *_: Any) -> None:
        return None

    return mock.patch("hub.service.desk.Desk._first_answer", nothing)


def _forgetful_restart() -> AbstractContextManager[Any]:
    """Keys are remembered in memory and in the table, but not read back from the journal's tail."""
    return mock.patch("hub.service.requests.Requests.note_entry", return_value=None)


def _unordered_replay() -> AbstractContextManager[Any]:
    """Batches leave with their entries in the wrong order."""
    from hub.upstream.batches import Packer

    real = Packer.after

    async def after(self: Packer, *place: Any, **limits: Any) -> Any:
        batch = await real(self, *place, **limits)
        if batch is None or len(batch.tallies) < 2:
            return batch
        lines = zstandard.ZstdDecompressor().decompressobj().decompress(batch.packed).splitlines()
        swapped = b"".join(line + b"\n" for line in reversed(lines))
        return type(batch)(batch.tallies, zstandard.compress(swapped), batch.raw_bytes)

    return mock.patch.object(Packer, "after", after)


def _stale_draft() -> AbstractContextManager[Any]:
    """A failed commit's decisions stay in the draft."""
    return mock.patch("hub.domain.state.State.discard", return_value=None)


# The last two are made by others: a handheld that takes a new key for the next try, a cloud that checks nothing.
MISTAKES: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "early-answer": _early_answer,
    "no-idempotency": _no_idempotency,
    "forgetful-restart": _forgetful_restart,
    "unordered-replay": _unordered_replay,
    "stale-draft": _stale_draft,
    "new-key": nullcontext,
    "gullible-cloud": nullcontext,
}
