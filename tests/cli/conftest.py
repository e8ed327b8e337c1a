from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from cliworld import Hub, Storehub, sold


@pytest.fixture
def storehub(tmp_path: Path) -> Storehub:
    return Storehub(tmp_path / "data")


@pytest.fixture
def hub(storehub: Storehub) -> Iterator[Hub]:
    """A hub that runs in the directory of `storehub`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STOREHUB_")}
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "hub",
            "run",
            "--http",
            "--port",
            "0",
            "--no-mdns",
            "--data",
            str(storehub.data),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    assert process.stdout is not None
    words = process.stdout.readline().split()
    assert words[:2] == ["storehub", "ready"], process.stderr.read() if process.stderr else ""
    running = Hub(words[2], words[3].partition("=")[2], process)
    yield running
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)


@pytest.fixture
def sell(storehub: Storehub) -> Callable[[Hub, int], None]:
    """Import a menu, pair a handheld and take so many orders, each paid."""

    def do(hub: Hub, count: int) -> None:
        with httpx.Client(base_url=hub.url, trust_env=False) as http:
            sold(storehub, http, count)

    return do
