"""A thread of its own for a medium that may hang: its calls never hold up anything else, not even the end."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Hand:
    """Does one thing after the other. A daemon: a write that a pulled stick never ends must not keep the hub alive."""

    def __init__(self, name: str) -> None:
        self._work: queue.SimpleQueue[tuple[Callable[[], Any], asyncio.Future[Any]] | None] = (
            queue.SimpleQueue()
        )
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name=name, daemon=True).start()

    async def do(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The call's result, from the thread."""
        done: asyncio.Future[T] = self._loop.create_future()
        self._work.put((lambda: call(*args, **kwargs), done))
        return await done

    def end(self, last: Callable[[], None]) -> None:
        """After what it does now, and this."""
        self._work.put((last, self._loop.create_future()))
        self._work.put(None)

    def _run(self) -> None:
        while (job := self._work.get()) is not None:
            call, done = job
            try:
                result, error = call(), None
            except Exception as raised:
                result, error = None, raised
            # A closed loop: nobody waits any more, but what was said to end() is still done.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(_settle, done, result, error)


def _settle(done: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if done.done():
        return
    if error is None:
        done.set_result(result)
    else:
        done.set_exception(error)
