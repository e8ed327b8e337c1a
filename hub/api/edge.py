"""The door of the HTTP application: writes and the feed go straight to their endpoints, everything else to FastAPI.

FastAPI and the ordinary routes are half of a start. They are brought in while the first orders are taken, and whoever
asks for something else meanwhile waits for them.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from hub.api.asgi import BODY_BYTES_MAX, App, Message, Receive, Scope, Send
from hub.api.caller import address_of
from hub.api.events import Events
from hub.api.request_id import current, request_id
from hub.api.tables import WRITES
from hub.api.turns import Turns
from hub.api.writes import WriteEndpoint, send_problem
from hub.domain.errors import HubError, Internal, PayloadTooLarge
from hub.service.box import Box

log = logging.getLogger(__name__)

# Where anyone may send something without a token, a code and a name are all there is to say.
STRANGERS: Final = ("/v1/pairings", "/console/")
STRANGERS_BYTES_MAX: Final = 8 * 1024
PIECE_BYTES: Final = 32 * 1024


class Edge:
    """Sends the hot requests straight to their endpoints, and gives the others their limits and the position header."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self._turns = Turns()
        self._endpoints = [WriteEndpoint(write, box) for write in WRITES]
        # By method and path, where that says all.
        self.writes = {
            (one.write.method, one.write.path): one for one in self._endpoints if "{id}" not in one.write.path
        }
        self._hot: dict[tuple[str, str], App] = {("GET", "/v1/events"): Events(box), **self.writes}
        self._app: App | None = None
        self._making: asyncio.Task[App] | None = None

    async def prepare(self) -> App:
        """The application of the ordinary routes, brought in by whoever comes first. Raises what stands in the way."""
        if self._app is None:
            if self._making is None:
                self._making = asyncio.create_task(asyncio.to_thread(self._make))
            # Shielded: one that hangs up must not end it for the others.
            self._app = await asyncio.shield(self._making)
        return self._app

    def _make(self) -> App:
        from hub.api.app import application

        return application(self._box, self._turns, self._endpoints)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = self._hot.get((scope["method"], scope["path"]))
        if endpoint is not None:
            await endpoint(scope, receive, send)
            return
        # However many ask at once: an order that comes meanwhile waits for one of them.
        await self._turns.turn(address_of(scope))
        box = self._box
        started = False
        size, most = 0, BODY_BYTES_MAX
        if scope["path"].startswith(STRANGERS):
            most = STRANGERS_BYTES_MAX

        async def limited() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > most:
                raise PayloadTooLarge(limit_bytes=most)
            return message

        async def marked(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [
                    *message.get("headers", ()),
                    (b"storehub-position", box.positions.current()),
                ]
            # In pieces, each sent when the last is nearly gone: a client that does not read holds 64 KiB and no more.
            body = message.get("body", b"")
            if len(body) > PIECE_BYTES:
                rest = memoryview(body)
                while len(rest) > PIECE_BYTES:
                    await send({"type": message["type"], "body": rest[:PIECE_BYTES], "more_body": True})
                    rest = rest[PIECE_BYTES:]
                message["body"] = rest
            await send(message)

        # For every line that is logged while it is at work.
        current.set(request_id(scope))
        try:
            app = await self.prepare()
            await app(scope, limited, marked)
        except HubError as error:
            if not started:
                await send_problem(scope, send, box, error)
        except Exception:
            log.exception("a %s %s failed", scope["method"], scope["path"])
            if not started:
                await send_problem(scope, send, box, Internal())
