"""Turns of the event loop in which it has nothing to do: only then does a box with one core run its other threads."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Turns:
    idle: int = 0


@contextmanager
def watched_loop() -> Iterator[Turns]:
    """Count them, on asyncio's own loop."""
    turns = Turns()
    selector = asyncio.get_running_loop()._selector  # type: ignore[attr-defined]
    select = selector.select

    def watched(timeout: float | None = None) -> object:
        turns.idle += timeout is None or timeout > 0
        return select(timeout)

    selector.select = watched
    try:
        yield turns
    finally:
        selector.select = select
