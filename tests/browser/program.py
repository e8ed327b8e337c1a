"""The real programs that a test of the console runs, and signing in to one of them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

STORE = "炭火やきとり 渋谷店"


class Program:
    """A service of this test alone; `run` are its arguments, `always` go with each of its commands."""

    def __init__(self, module: str, log: Path, *, run: list[str], always: list[str]) -> None:
        self.run = run
        self.url = ""
        self._module = module
        self._log = log
        self._always = always
        self._process: asyncio.subprocess.Process | None = None

    async def command(self, *words: str) -> str:
        """What a command prints. Fails the test when the command fails."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self._module, *words, *self._always,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return out.decode()

    async def start(self, port: int = 0) -> None:
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", self._module, "run", *self.run, "--port", str(port), *self._always,
                stdout=asyncio.subprocess.PIPE, stderr=log, env={**os.environ, "STOREHUB_STORE_NAME": STORE},
            )  # fmt: skip
        assert self._process.stdout is not None
        line = (await asyncio.wait_for(self._process.stdout.readline(), 60)).decode()
        found = re.search(r" ready (\S+)", line)
        assert found, (line, self._log.read_text()[-2000:])
        self.url = found[1]

    @property
    def port(self) -> int:
        return int(self.url.rsplit(":", 1)[1])

    async def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(how)
            await asyncio.wait_for(self._process.wait(), 60)


async def sign_in(hub: Program, page: Any, role: str) -> None:
    made = re.search(r"code=(\S+)", await hub.command("device", "code", "--role", role))
    assert made is not None
    await page.locator("#code:focus").wait_for()
    await page.fill("#code", made[1].lower())
    await page.press("#code", "Enter")
