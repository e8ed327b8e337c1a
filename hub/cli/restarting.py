"""Have the hub start again, where something starts what ends: systemd, not a person's terminal."""

from __future__ import annotations

import os
import signal
import socket
import struct
import time
from pathlib import Path
from typing import Final

import click

# The stop may take 30 s and a second passes between the two; then a start.
BACK_S_MAX: Final = 60.0
ASK_EVERY_S: Final = 0.1


def restart_service(control: Path) -> bool:
    """Stop the hub behind this socket cleanly and wait until it is back. False when none runs, or by hand.

    Raises click.ClickException when it does not come back.
    """
    pid = hub_behind(control)
    if pid is None or parent_of(pid) != 1:
        return False
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + BACK_S_MAX
    while time.monotonic() < end:
        time.sleep(ASK_EVERY_S)
        if hub_behind(control) not in (None, pid):
            return True
    raise click.ClickException("the hub did not come back; journalctl -u storehub says why")


def hub_behind(control: Path) -> int | None:
    """The process that listens there."""
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(control))
        except OSError:
            return None
        peer = line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid: int = struct.unpack("3i", peer)[0]
    return pid or None


def parent_of(pid: int) -> int:
    """0 when nobody can tell."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0
    return int(stat.rpartition(")")[2].split()[1])
