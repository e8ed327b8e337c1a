"""`python -m tests.support.mistaken MISTAKE[,…] run …`: the hub with a defect, to prove that a test can see it.

Never a setting of the product: the defects are put in from outside.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from typing import Any


def synchronous_off() -> None:
    """Commits are not synced: a crash of the process loses nothing, a power cut does."""
    from hub.store import connection

    real = connection._pragma

    async def pragma(db: Any, name: str, value: str, expected: object) -> None:
        if name == "synchronous":
            value, expected = "OFF", 0
        await real(db, name, value, expected)

    connection._pragma = pragma


def early_answer() -> None:
    """Everyone is answered before the commit, which comes a little later."""
    from hub.service.writer import Group
    from hub.store.journal import Journal

    async def kept(self: Group) -> None:
        return

    def then(self: Group, call: Callable[[Any], None]) -> None:
        asyncio.get_running_loop().call_soon(call, None)

    real = Journal.append

    async def append(self: Journal, group: Any, **more: Any) -> None:
        await asyncio.sleep(0.02)
        await real(self, group, **more)

    Group.kept = kept  # type: ignore[method-assign]
    Group.then = then  # type: ignore[method-assign]
    Journal.append = append  # type: ignore[method-assign]


def no_idempotency() -> None:
    """Every request is decided, whether it was answered before or not."""
    from hub.service.desk import Desk

    async def nothing(self: Desk, *_: Any) -> None:
        return None

    Desk._first_answer = nothing  # type: ignore[method-assign]


def blind_to_bodies() -> None:
    """A key stands for whatever was asked with it first."""
    from hub.service import desk

    desk._digest = lambda request: "0" * 64


def forgetful_restart() -> None:
    """Keys are remembered in memory only."""
    from hub.service.requests import Requests

    def nothing(self: Requests, envelope: Any, *, seq: int) -> None:
        return None

    Requests.note_entry = nothing  # type: ignore[method-assign]


def off_the_file_system() -> None:
    """No defect: the control socket lies beside the mount, as a file system that a test makes may have no sockets."""
    from pathlib import Path

    from hub.datadir import DataDir

    real = DataDir.__init__

    def init(self: DataDir, path: Path) -> None:
        real(self, path)
        self.control = path.parent / "control.sock"

    DataDir.__init__ = init  # type: ignore[method-assign]


def unreadable_at_first() -> None:
    """No defect: the disk gives input/output errors at the first opening."""
    import hub.serve
    from hub.ports import StoreError

    real = hub.serve.open_hub
    tries = []

    def open_hub(*args: Any, **more: Any) -> Any:
        tries.append(1)
        if len(tries) == 1:
            raise StoreError("SQLITE_IOERR_READ: disk I/O error", disk=True)
        return real(*args, **more)

    hub.serve.open_hub = open_hub  # type: ignore[assignment]


def busy_saver() -> None:
    """No defect: the state is saved, and the WAL moved, every half second, so that trouble meets those too."""
    from hub.service import saving
    from hub.store import journal

    saving.SAVE_QUIET_S = 0.5  # type: ignore[misc]
    journal.WAL_BYTES_IDLE = journal.WAL_BYTES_MAX = 64 * 1024  # type: ignore[misc]


def hang_when_told() -> None:
    """No defect of its own: SIGUSR1 stops the event loop for good, as an endless loop in a rule would."""
    import signal
    import time

    signal.signal(signal.SIGUSR1, lambda *_: time.sleep(3600))


def watchdog_thread() -> None:
    """The watchdog is fed by a thread, whatever the event loop does."""
    import threading
    import time

    from hub.notify import Notifier

    def ping() -> None:
        with Notifier.from_environment() as notifier:
            while True:
                notifier.watchdog()
                time.sleep(0.2)

    threading.Thread(target=ping, daemon=True).start()


def leak() -> None:
    """Something is kept of every entry, for ever."""
    from hub.store.journal import Journal

    real, kept = Journal.append, []

    async def append(self: Journal, group: Any, **more: Any) -> None:
        kept.extend(bytearray(20_000) for _ in group)
        await real(self, group, **more)

    Journal.append = append  # type: ignore[method-assign]


MISTAKES: dict[str, Callable[[], None]] = {
    "off-the-file-system": off_the_file_system,
    "unreadable-at-first": unreadable_at_first,
    "busy-saver": busy_saver,
    "hang-when-told": hang_when_told,
    "watchdog-thread": watchdog_thread,
    "leak": leak,
    "synchronous-off": synchronous_off,
    "early-answer": early_answer,
    "no-idempotency": no_idempotency,
    "blind-to-bodies": blind_to_bodies,
    "forgetful-restart": forgetful_restart,
}


def main() -> None:
    from tests.support import mistaken_upstream

    known = {**MISTAKES, **mistaken_upstream.MISTAKES}
    for name in sys.argv.pop(1).split(","):
        known[name]()
    from hub.__main__ import main as hub_main

    hub_main()


if __name__ == "__main__":
    main()
