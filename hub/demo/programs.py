"""The product's own programs, as real processes: the cloud, and the hub that will be killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, Final

START_S_MAX: Final = 30.0
STOP_S_MAX: Final = 20.0


class ProgramError(Exception):
    """A program did not start, or failed; the message holds the end of what it said."""


def command(name: str) -> list[str]:
    """How to start one of our programs: the script beside this Python, or the package itself."""
    script = Path(sys.executable).with_name(name)
    if script.is_file():
        return [str(script)]
    found = shutil.which(name)
    package = {"storehub": "hub", "storehub-cloud": "cloud"}[name]
    return [found] if found else [sys.executable, "-m", package]


def clean_environment() -> dict[str, str]:
    """Settings of a store that happens to live on this machine are not the demo's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("STOREHUB_")}


async def run(name: str, *arguments: str, to: IO[bytes] | None = None) -> str:
    """Run a program to its end and return what it printed (or let it print to a file). Raises ProgramError."""
    process = await asyncio.create_subprocess_exec(
        *command(name),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=to or asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment(),
    )
    out, err = await process.communicate()
    if process.returncode:
        raise ProgramError(f"{name} {arguments[0]}: {err.decode(errors='replace').strip()[-500:]}")
    return (out or b"").decode()


class Program:
    """A server: started when it has printed its `ready` line, which start() returns."""

    def __init__(self, name: str, *arguments: str, log: Path) -> None:
        self._name = name
        self._arguments = arguments
        self._log = log
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, *more: str) -> list[str]:
        """The words of the ready line after `<name> ready`. Raises ProgramError."""
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *command(self._name),
                *self._arguments,
                *more,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=clean_environment(),
                # Ctrl-C is ours to pass on: they stop in order.
                start_new_session=True,
            )
        words = (await self._first_line(self._process.stdout)).split()
        if words[:2] != [self._name, "ready"]:
            await self.kill()
            said = self._log.read_text(errors="replace").strip()[-800:]
            raise ProgramError(f"{self._name} did not start:\n{said or '(it said nothing)'}")
        return words[2:]

    async def _first_line(self, out: asyncio.StreamReader | None) -> str:
        with suppress(TimeoutError):
            async with asyncio.timeout(START_S_MAX):
                return (await out.readline()).decode() if out is not None else ""
        return ""

    async def kill(self) -> None:
        """kill -9: no goodbye, no last commit."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        await self._end(signal.SIGTERM)

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(how)
        try:
            async with asyncio.timeout(STOP_S_MAX):
                await process.wait()
        except TimeoutError:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
