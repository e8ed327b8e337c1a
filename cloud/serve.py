"""Run the service: a bound socket, the desk, uvicorn; a clean stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import socket
import sys
from collections.abc import Callable, Iterator

import uvicorn

from cloud.api.app import build
from cloud.desk import Desk
from cloud.errors import SetupError
from cloud.store.ports import Database

# Held requests are answered at once on a stop; a batch on its way has this long to be committed and answered.
_STOP_S_MAX = 10
_CONNECTIONS_MAX = 1000


def serve(
    database: Database,
    *,
    host: str,
    port: int,
    refused_types: frozenset[str],
    operator_token: str | None,
    ready: Callable[[str], None],
) -> None:
    """Serve until SIGTERM or SIGINT. `ready` is told the base URL once requests are answered."""
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    listening = _bind(host, port)
    try:
        import uvloop

        run: Callable[..., None] = uvloop.run
    except ImportError:
        run = asyncio.run
    run(_serve(database, listening, host, refused_types, operator_token, ready))


async def _serve(
    database: Database,
    listening: socket.socket,
    host: str,
    refused_types: frozenset[str],
    operator_token: str | None,
    ready: Callable[[str], None],
) -> None:
    shown = f"[{host}]" if ":" in host else host
    base_url = f"http://{shown}:{listening.getsockname()[1]}"
    # What stands now stays, and a batch is thousands of tuples that are no garbage: the collector looks rarely.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    async with Desk(database, refused_types=refused_types) as desk:
        config = uvicorn.Config(
            build(desk, operator_token=operator_token),
            log_config=None,
            log_level="warning",
            access_log=False,
            lifespan="off",
            # Behind a TLS proxy: connections stay open between a hub's calls, at most 15 s apart.
            timeout_keep_alive=75,
            timeout_graceful_shutdown=_STOP_S_MAX,
            limit_concurrency=_CONNECTIONS_MAX,
            server_header=False,
        )
        await _Server(config, desk, lambda: ready(base_url)).serve([listening])


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, desk: Desk, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._desk = desk
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # Else a hub that waits for master data would hold the stop up for half a minute.
        await self._desk.stop_waiting()
        await super().shutdown(sockets)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # uvicorn's own raises the signal again after the stop: the exit status would tell of a crash.
        import signal

        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        yield
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def _bind(host: str, port: int) -> socket.socket:
    try:
        (family, _, _, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError as error:
        raise SetupError(f"cannot listen on {host}:{port}: {error}") from error
    return listening
