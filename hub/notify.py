"""Tell systemd how the service is: READY, STATUS, WATCHDOG, STOPPING.

The protocol is one datagram of text to the socket named in NOTIFY_SOCKET. The libraries for it either link
libsystemd and have no wheel (systemd-python) or rest since 2017 (sdnotify): one more thing to keep on the
box, for forty lines.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping
from types import TracebackType
from typing import Final, Self

log = logging.getLogger(__name__)

# READY and STOPPING are sent once and may wait this long for a full socket. STATUS and WATCHDOG never wait:
# they come again, and the event loop that sends them is what the watchdog watches.
ONCE_TIMEOUT_S: Final = 1.0


class Notifier:
    """The line to the service manager; without one (no NOTIFY_SOCKET) every call does nothing."""

    def __init__(self, address: str | None) -> None:
        self._socket: socket.socket | None = None
        self._address = ""
        self._failed = False
        if not address:
            return
        if address[0] not in "/@":
            log.warning(
                "NOTIFY_SOCKET is neither a path nor an abstract socket: %s",
                address,
            )
            return
        # "@" stands for the zero byte of an abstract socket, which no environment variable can hold.
        self._address = "\0" + address[1:] if address[0] == "@" else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        return cls(environ.get("NOTIFY_SOCKET"))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def connected(self) -> bool:
        """Whether anybody listens, as far as the environment says."""
        return self._socket is not None

    def starting(self, status: str, *, within_s: float) -> bool:
        """Say that the start is still going on and will be ready, or heard of again, within this time."""
        return self._send(
            _with_status(f"EXTEND_TIMEOUT_USEC={int(within_s * 1_000_000)}", status), timeout_s=0
        )

    def ready(self, status: str = "") -> bool:
        """Say that the hub serves; `systemctl start` returns now."""
        return self._send(_with_status("READY=1", status), timeout_s=ONCE_TIMEOUT_S)

    def stopping(self, status: str = "") -> bool:
        """Say that the last batch is being finished; the watchdog no longer counts."""
        return self._send(_with_status("STOPPING=1", status), timeout_s=ONCE_TIMEOUT_S)

    def status(self, text: str) -> bool:
        """Set the sentence that `systemctl status` shows."""
        return self._send(_with_status("", text), timeout_s=0)

    def watchdog(self) -> bool:
        """Say that the hub is alive. To be called only after what must be alive has shown that it is."""
        return self._send("WATCHDOG=1", timeout_s=0)

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send(self, text: str, *, timeout_s: float) -> bool:
        if self._socket is None:
            return False
        self._socket.settimeout(timeout_s)
        try:
            self._socket.sendto(text.encode(), self._address)
        except OSError as error:
            # Serving orders matters more than telling about it. Said once: the watchdog would fill the log.
            if not self._failed:
                log.warning("systemd does not hear us on %r: %s", self._address, error)
            self._failed = True
            return False
        self._failed = False
        return True


def watchdog_interval_s(environ: Mapping[str, str] = os.environ, *, pid: int | None = None) -> float | None:
    """Return how often to feed the watchdog: half the time systemd allows. None: nobody waits for it."""
    try:
        allowed_us = int(environ.get("WATCHDOG_USEC", "0"))
        # Names the process that is watched: a child inherits the variables, not the duty.
        meant_for = int(environ.get("WATCHDOG_PID", "0"))
    except ValueError:
        log.warning("WATCHDOG_USEC or WATCHDOG_PID is not a number, no watchdog")
        return None
    if allowed_us <= 0 or meant_for not in (0, pid if pid is not None else os.getpid()):
        return None
    return allowed_us / 2_000_000


def _with_status(state: str, text: str) -> str:
    # A line break would begin another assignment.
    sentence = " ".join(text.split())
    return "\n".join(part for part in (state, f"STATUS={sentence}" if sentence else "") if part)
