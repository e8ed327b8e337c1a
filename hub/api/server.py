"""uvicorn, as the hub uses it: behind porches, with guarded connections, and a quiet log."""

from __future__ import annotations

import asyncio
import logging
import math
import socket
import time
from contextlib import nullcontext
from typing import Any

import uvicorn

from hub.api.doors import Doors
from hub.api.guard import GuardedProtocol
from hub.api.porch import BACKLOG, Porch


class RareWarnings(logging.Filter):
    """Lets a message through once a minute and counts the rest: one bad client must not wear out the SD card."""

    def __init__(self, every_s: float = 60.0) -> None:
        super().__init__()
        self._every_s = every_s
        self._said: dict[str, tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        said = str(record.msg)
        at, unsaid = self._said.get(said, (-math.inf, 0))
        now = time.monotonic()
        if now - at < self._every_s:
            self._said[said] = (at, unsaid + 1)
            return False
        if unsaid:
            record.msg = f"{said} (and {unsaid} more like it)"
        if len(self._said) > 256:
            self._said.clear()
        self._said[said] = (now, 0)
        return True


class Server(uvicorn.Server):
    """uvicorn's server behind porches, which leaves signals to the hub."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._listening = asyncio.Event()

    async def listening(self) -> None:
        """Return once connections are accepted."""
        await self._listening.wait()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await self.lifespan.startup()
        config = self.config
        loop = asyncio.get_running_loop()

        def make() -> Any:
            return config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=self.server_state, app_state=self.lifespan.state, _loop=loop
            )

        doors: Doors = config.http_protocol_class.doors  # type: ignore[attr-defined]
        porches = [Porch(sock, doors, make, config.ssl) for sock in sockets or ()]
        for porch in porches:
            porch.open()
        self.servers = porches  # type: ignore[assignment]
        self.started = True
        self._listening.set()

    def install_signal_handlers(self) -> None:
        return

    def capture_signals(self) -> Any:
        return nullcontext()


def config_for(app: Any, doors: Doors, ssl_context: Any = None) -> uvicorn.Config:
    writes = {(method.encode(), path.encode()): write for (method, path), write in app.writes.items()}
    protocol = type("HubProtocol", (GuardedProtocol,), {"doors": doors, "writes": writes})
    config = uvicorn.Config(
        app,
        http=protocol,
        loop="uvloop",
        lifespan="off",
        ws="none",
        log_config=None,
        access_log=False,
        # The box stands on the LAN itself: an address told by the client is not believed.
        proxy_headers=False,
        server_header=False,
        date_header=True,
        timeout_graceful_shutdown=5,
        backlog=BACKLOG,
    )
    config.load()
    config.ssl = ssl_context
    return config
