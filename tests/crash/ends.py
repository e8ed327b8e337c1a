"""How a hub ends, or must be ended: killed, out of memory, stopped, or with a loop that hangs (F4)."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType

from tests.support.rig import Program

# The matrix has a watchdog of 3 s; the unit's is longer, for cards that stall.
WATCHDOG_S = 3.0
PATIENCE_S = 30.0
CGROUPS = Path("/sys/fs/cgroup")
# What it may still take when it comes into its cgroup; the kernel ends it when it takes more.
MEMORY_BYTES = 256 * 1024

KINDS = ("killed", "out of memory", "stopped", "hung")


def why_not(kind: str) -> str:
    """Why a process cannot be ended like this here; '' when it can."""
    if kind == "out of memory" and not (os.geteuid() == 0 and _memory_root() is not None):
        return "making memory cgroups needs root, and a kernel that has them"
    return ""


class Watch:
    """Stands in for the service manager: hears the watchdog's pings, and knows when they have stopped."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._last_s = 0.0

    async def __aenter__(self) -> Watch:
        self._socket.bind(str(self._path))
        asyncio.get_running_loop().add_reader(self._socket, self._hear)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()

    @property
    def environment(self) -> dict[str, str]:
        return {"NOTIFY_SOCKET": str(self._path), "WATCHDOG_USEC": str(int(WATCHDOG_S * 1_000_000))}

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            while said := self._socket.recv(4096):
                if b"WATCHDOG=1" in said:
                    self._last_s = time.monotonic()

    async def starved(self, patience_s: float) -> bool:
        """Return when there was no ping for the watchdog's time; False when they go on and on."""
        began = self._last_s = time.monotonic()
        while time.monotonic() - self._last_s < WATCHDOG_S:
            if time.monotonic() - began > patience_s:
                return False
            await asyncio.sleep(0.05)
        return True


async def end(kind: str, hub: Program, watch: Watch, patience_s: float) -> list[str]:
    """End the hub in this way, under the load that there is; what went wrong with that."""
    assert hub.process is not None
    problems = []
    if kind == "out of memory":
        with memory_limit(hub.process.pid):
            try:
                async with asyncio.timeout(patience_s):
                    await hub.process.wait()
            except TimeoutError:
                problems.append("the kernel did not end it for its memory")
            # It may have been only just begun to end: nothing of it is left in the cgroup then.
            await hub.kill()
    elif kind != "killed":
        hub.process.send_signal(signal.SIGSTOP if kind == "stopped" else signal.SIGUSR1)
        if not await watch.starved(patience_s):
            problems.append(f"it is {kind}, and the watchdog hears that it is well")
    await hub.kill()
    return problems


def _memory_root() -> Path | None:
    if (CGROUPS / "memory" / "memory.limit_in_bytes").exists():
        return CGROUPS / "memory"
    enabled = CGROUPS / "cgroup.subtree_control"
    return CGROUPS if enabled.exists() and "memory" in enabled.read_text().split() else None


@contextmanager
def memory_limit(pid: int) -> Iterator[None]:
    """What the process takes from now on is limited; there is no swap for it. Needs that why_not() is ''."""
    root = _memory_root()
    assert root is not None
    group = root / f"storehub-crash-{pid}"
    group.mkdir()
    try:
        if root == CGROUPS:
            (group / "memory.swap.max").write_text("0")
            (group / "memory.max").write_text(str(MEMORY_BYTES))
        else:
            (group / "memory.limit_in_bytes").write_text(str(MEMORY_BYTES))
        (group / "cgroup.procs").write_text(str(pid))
        yield
    finally:
        for left in (group / "cgroup.procs").read_text().split():
            (root / "cgroup.procs").write_text(left)
        group.rmdir()
