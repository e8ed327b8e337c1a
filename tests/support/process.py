"""A real hub process for one test: on a free port of loopback, with a menu, devices at once, and ways to look at it.

`tests.support.rig` has the same programs with a cloud and a line between them.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from hub.control import ask
from tests.support.menu import changes
from tests.support.ports import free_port
from tests.support.rig import Program, RigError

__all__ = ["HubProcess", "RigError", "hub_process"]


class HubProcess:
    """`url` and `port` stay the same over restarts."""

    def __init__(self, folder: Path, *run: str, tls: bool = False, program: Sequence[str] = ("hub",)) -> None:
        self.data = folder / "data"
        self.log = folder / "hub.log"
        self.port = free_port()
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        command = [*program, "run", "--no-mdns", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--data", str(self.data), *([] if tls else ["--http"]), *run]
        self._program = Program(command, self.log)
        self.tls: ssl.SSLContext | None = None
        self._secure = tls

    async def start(self) -> None:
        await self._program.start()
        if self._secure:
            self.tls = ssl.create_default_context(cadata=(self.data / "tls" / "ca.pem").read_text())

    async def stop(self) -> None:
        await self._program.stop()

    async def kill(self) -> None:
        await self._program.kill()

    async def restart(self, *, kill: bool = False) -> None:
        await (self.kill() if kill else self.stop())
        await self.start()

    @property
    def pid(self) -> int:
        return self._program.pid

    async def do(self, what: str, **parameters: Any) -> Any:
        """What the command line asks through the local socket."""
        return await ask(self.data / "control.sock", what, **parameters)

    async def device(self, role: str = "handheld", *, table: str | None = None) -> tuple[str, str]:
        """A device's id and token."""
        made = await self.do("device.add", name=f"a {role}", role=role, table_id=table)
        return made["device_id"], made["token"]

    async def devices(self, count: int, role: str = "handheld") -> list[tuple[str, str]]:
        return list(await asyncio.gather(*(self.device(role) for _ in range(count))))

    async def import_menu(self, more: Sequence[dict[str, Any]] = ()) -> None:
        rows = [msgspec.to_builtins(change) for change in changes()]
        await self.do("master.apply", changes=[*rows, *more])

    def rss_bytes(self, kind: str = "VmRSS") -> int:
        """Resident memory now, or with VmHWM the most there was."""
        return self._program.rss_bytes(kind)

    def descriptors(self) -> int:
        return self._program.descriptors()

    def cpu_s(self) -> float:
        return self._program.cpu_s()

    def written_bytes(self) -> int:
        """What the kernel counts for it as sent to the device: whole pages."""
        return self._program.written_bytes()

    def said(self) -> list[str]:
        """The lines of its log."""
        return self.log.read_text(errors="replace").splitlines()


@asynccontextmanager
async def hub_process(
    folder: Path, *run: str, tls: bool = False, menu: bool = True, program: Sequence[str] = ("hub",)
) -> AsyncIterator[HubProcess]:
    """A hub that has started; it is gone at the end. `run` are further arguments of `storehub run`.

    program: the module that is run and its first arguments, when it is to be a hub with a defect.
    """
    hub = HubProcess(folder, *run, tls=tls, program=program)
    try:
        await hub.start()
        if menu:
            await hub.import_menu()
        yield hub
    finally:
        await hub.kill()
