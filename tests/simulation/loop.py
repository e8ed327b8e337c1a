"""An asyncio event loop whose time jumps to the next thing to do: minutes pass in milliseconds."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

# What a turn of the loop takes: time never stands still, however little somebody wants to wait.
TURN_S = 1e-6


class NothingLeft(RuntimeError):
    """Everybody waits for somebody else."""


class _Jump:
    """In the place of the selector, which would sleep until the next thing is due."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[Any]:
        if timeout is None:
            raise NothingLeft("nothing is left to happen")
        self._loop.now += max(timeout, TURN_S)
        return []

    def close(self) -> None:
        """Nothing is open."""


class VirtualLoop(asyncio.BaseEventLoop):
    """No sockets, no threads, no signals: what would run in a thread runs at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._selector = _Jump(self)

    def time(self) -> float:
        return self.now

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _process_events(self, event_list: list[Any]) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps."""
