"""The local socket of a running hub: what the command line asks of it. Only the hub's own user may open it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Final

import msgspec

from hub.domain.errors import HubError
from hub.operations import OPERATIONS
from hub.service.box import Box

log = logging.getLogger(__name__)

LINE_BYTES_MAX: Final = 64 * 1024 * 1024
Operation = Callable[..., Awaitable[Any]]


class ControlDoor:
    def __init__(self, path: Path, box: Box) -> None:
        self._path = path
        self._box = box
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> ControlDoor:
        before = os.umask(0o177)
        try:
            self._path.unlink(missing_ok=True)
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=LINE_BYTES_MAX)
        except OSError as error:
            # On a disk that takes nothing the hub still serves the LAN.
            log.error("the command line cannot ask this hub: %s: %s", self._path, error)
        finally:
            os.umask(before)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(OSError):
                self._path.unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = await reader.readline()
            writer.write(await answer(self._box, line) + b"\n")
            await writer.drain()
        except (ConnectionError, ValueError):
            return
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


async def answer(box: Box, line: bytes) -> bytes:
    try:
        asked = msgspec.json.decode(line)
        result = await OPERATIONS[asked["do"]](box, **asked.get("with", {}))
        return msgspec.json.encode({"ok": result})
    except HubError as error:
        return msgspec.json.encode({"error": {"slug": error.slug, **error.fields}})
    except (KeyError, TypeError, msgspec.DecodeError) as error:
        return msgspec.json.encode({"error": {"slug": "invalid-request", "detail": repr(error)}})


async def ask(path: Path, do: str, **parameters: Any) -> Any:
    """Ask the hub behind the socket. Raises OSError when none listens, ControlError when it refuses."""
    reader, writer = await asyncio.open_unix_connection(path, limit=LINE_BYTES_MAX)
    try:
        writer.write(msgspec.json.encode({"do": do, "with": parameters}) + b"\n")
        await writer.drain()
        line = await reader.readline()
    finally:
        writer.close()
    if not line:
        raise ConnectionResetError("the hub closed the line")
    said = msgspec.json.decode(line)
    if "error" in said:
        raise ControlError(said["error"])
    return said["ok"]


class ControlError(Exception):
    """The hub refused; `problem` holds slug and fields."""

    def __init__(self, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail") or problem.get("slug", "refused"))
        self.problem = problem
