"""The product as real processes: a hub that can be killed at any moment, its cloud, and the line between them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from hub.control import ask
from hub.demo.wan import Line, Wan
from tests.support.core import MENU
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
# Of a start: two seconds, but the machine may be busy with other tests.
READY_S_MAX = 60.0
STORE, HUB = "s1", "h1"
_SECTIONS = {
    "category": "categories",
    "product": "products",
    "tax_rate": "tax_rates",
    "tender_method": "tender_methods",
}


class RigError(Exception):
    """A program did not do what it must; the message holds the end of what it said."""


def menu_file() -> bytes:
    sections: dict[str, list[Any]] = {name: [] for name in _SECTIONS.values()}
    for change in MENU:
        sections[_SECTIONS[change.kind]].append(change.value)
    return json.dumps(sections).encode()


def _environment(more: Mapping[str, str] = MappingProxyType({})) -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("STOREHUB_")}
    return own | dict(more)


async def run(*command: str) -> str:
    """The output of one of our programs (`hub` or `cloud`, and its arguments)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *command,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=_environment(), cwd=ROOT,
    )  # fmt: skip
    out, err = await process.communicate()
    if process.returncode:
        raise RigError(f"{' '.join(command)}: {err.decode(errors='replace')[-2000:]}")
    return out.decode()


class Program:
    """A server that says `ready` on its first line."""

    def __init__(
        self, command: Sequence[str], log: Path, environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self._command = command
        self._environment = environment
        self._log = log
        self.process: asyncio.subprocess.Process | None = None
        # The last start: until the ready line, and the processor time in it, which neighbours hardly change.
        self.ready_s = self.ready_cpu_s = 0.0

    async def start(self) -> str:
        began = time.monotonic()
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", *self._command,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=log,
                env=_environment(self._environment), cwd=ROOT,
            )  # fmt: skip
        assert self.process.stdout is not None
        line = b""
        with suppress(TimeoutError):
            async with asyncio.timeout(READY_S_MAX):
                line = await self.process.stdout.readline()
        if b" ready " not in line:
            await self.kill()
            raise RigError(f"{' '.join(self._command)} did not start:\n{self.said()}")
        self.ready_s = time.monotonic() - began
        self.ready_cpu_s = self.cpu_s()
        return line.decode().strip()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def cpu_s(self) -> float:
        """The processor time that it has had."""
        fields = self._proc("stat").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_bytes(self, kind: str = "VmRSS") -> int:
        """Resident memory now, or with VmHWM the most there was."""
        return int(self._proc("status").partition(f"\n{kind}:")[2].split()[0]) * 1024

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def written_bytes(self) -> int:
        """What the kernel counts for it as sent to the device: whole pages."""
        return int(self._proc("io").partition("\nwrite_bytes: ")[2].split()[0])

    def _proc(self, name: str) -> str:
        return Path(f"/proc/{self.pid}/{name}").read_text()

    def said(self) -> str:
        return self._log.read_text(errors="replace")[-3000:]

    async def kill(self) -> None:
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(how)
        async with asyncio.timeout(READY_S_MAX):
            await process.wait()
        # Its pipe would be closed by the garbage collector, with a warning.
        process._transport.close()  # type: ignore[attr-defined]


class Rig:
    """A store, its cloud, and the line between them; `mistake` runs the hub with a defect (see support/mistaken.py).

    line: what stands for the line, made from the cloud's port; it has `url` and `switch()`.
    """

    def __init__(
        self,
        folder: Path,
        *,
        data: Path | None = None,
        mistake: str = "",
        line: Callable[[int], Any] | None = None,
        environment: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self.folder = folder
        self.data = data or folder / "data"
        self.port = free_port()
        self._mistake = mistake
        self._environment = environment
        self._database = f"sqlite:///{folder / 'cloud.db'}"
        cloud_port = free_port()
        self.cloud = Program(
            ("cloud", "run", "--db", self._database, "--port", str(cloud_port)), folder / "cloud.log"
        )
        self.wan = Wan(("127.0.0.1", cloud_port)) if line is None else line(cloud_port)
        self.hub = Program((), folder / "hub.log")
        self.tokens: dict[str, str] = {}

    async def __aenter__(self) -> Rig:
        try:
            await self._start()
        except BaseException as error:
            await self.__aexit__(type(error), error, None)
            raise
        return self

    async def _start(self) -> None:
        await self.wan.switch(Line.UP)
        said = await run("cloud", "hub", "add", "--db", self._database, "--store", STORE, "--hub", HUB)
        token = said.split("token=")[1].strip()
        menu = self.folder / "menu.json"
        menu.write_bytes(menu_file())
        await run("cloud", "import-master", "--db", self._database, "--store", STORE, str(menu))
        program = ("tests.support.mistaken", self._mistake) if self._mistake else ("hub",)
        self.hub = Program(
            (
                *program, "run", "--http", "--no-mdns", "--port", str(self.port), "--data", str(self.data),
                "--cloud", self.wan.url, "--cloud-token", token, "--hub-id", HUB, "--store-id", STORE,
            ),
            self.folder / "hub.log",
            self._environment,
        )  # fmt: skip
        await self.cloud.start()
        await self.hub.start()
        await run("hub", "import", "--data", str(self.data), str(menu))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.hub.kill()
        await self.cloud.kill()
        await self.wan.switch(Line.REFUSED)
        # Transports that were aborted close at the loop's next turns.
        await asyncio.sleep(0.01)

    async def pair(self, name: str, role: str = "register") -> tuple[str, str]:
        """A device's id and token."""
        made = await ask(self.data / "control.sock", "device.add", name=name, role=role)
        return made["device_id"], made["token"]

    async def drained(self, manager: str, *, within_s: float = 60.0) -> dict[str, Any]:
        """The state of the replay once the cloud has everything."""
        await self.wan.switch(Line.UP)
        async with asyncio.timeout(within_s):
            while True:
                sync = await self.sync(manager)
                if sync and not sync["unsent"]["count"]:
                    return sync
                await asyncio.sleep(0.05)

    async def sync(self, token: str) -> dict[str, Any] | None:
        """What the hub says of its replay; None when it does not answer."""
        from tests.support.handheld import Line as HttpLine

        line = HttpLine(self.port)
        try:
            status, _, body = await line.ask("GET", "/v1/sync", {"Authorization": f"Bearer {token}"})
            return json.loads(body) if status == 200 else None
        except OSError:
            return None
        finally:
            line.close()

    async def exports(self) -> tuple[list[bytes], list[bytes]]:
        """The entries as the hub's and the cloud's command lines write them."""
        ours = await run("hub", "export", "--data", str(self.data))
        theirs = await run("cloud", "export", "--db", self._database, "--hub", HUB)
        return ours.encode().splitlines(), theirs.encode().splitlines()
