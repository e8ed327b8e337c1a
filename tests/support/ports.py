"""Ports for programs that come back on the port they had."""

from __future__ import annotations

import os
import socket
from itertools import count

# Below those that the kernel gives to whoever connects: a hub that is restarted finds its port free. Each worker of
# pytest-xdist has a stretch of its own, and each process of it begins somewhere else.
_FIRST, _STRETCH = 12_000, 5_000
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 4
_next = count(os.getpid() * 37 % _STRETCH)


def free_port() -> int:
    """A loopback port that is free, was not given out before, and is nobody's to take by chance."""
    for _ in range(_STRETCH):
        port = _FIRST + _WORKER * _STRETCH + next(_next) % _STRETCH
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no port is free")
