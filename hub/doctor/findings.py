"""What an examination comes to, and what it may look at."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from msgspec import Struct

from hub.datadir import DataDir
from hub.settings import Settings

State = Literal["ok", "skip", "warn", "fail"]


class Finding(Struct, frozen=True):
    """check: what was looked at. what: which of its texts. words: what the texts name.

    skip: it cannot be seen from here, which is neither good nor bad.
    """

    check: str
    state: State
    what: str
    words: dict[str, Any] = {}

    @property
    def id(self) -> str:
        """Stable over versions: monitoring may rely on it."""
        return f"{self.check}.{self.what}"


class Machine(Struct, frozen=True):
    """Where the kernel tells of itself. Tests hand in folders of their own."""

    sys: Path = Path("/sys")
    proc: Path = Path("/proc")

    def run(self, *command: str, timeout_s: float = 5.0) -> str | None:
        """A program's standard output; None where it is missing, fails or takes too long."""
        try:
            said = subprocess.run(  # noqa: S603 - Debian's own programs, with fixed arguments
                command,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout_s,
                check=False,
                env={**os.environ, "LC_ALL": "C"},
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return said.stdout if said.returncode == 0 else None


class Patient(Struct, frozen=True):
    """What is examined. running: GET /v1/sync and more of the hub that runs there, None while none does."""

    settings: Settings
    folder: DataDir
    running: dict[str, Any] | None
    wait_s: float
    machine: Machine = Machine()

    @property
    def on_lan(self) -> bool:
        """Whether the hub faces a LAN at all: a demo or a test listens on the loopback."""
        from hub.discovery.interfaces import is_loopback

        return not is_loopback(self.settings.listen_host)


def text_of(path: Path) -> str | None:
    """A small file of the kernel's, without its line break; None when it cannot be read."""
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return None


def worst(findings: Iterable[Finding]) -> State:
    """ok, warn or fail."""
    states = {finding.state for finding in findings}
    return "fail" if "fail" in states else "warn" if "warn" in states else "ok"
