"""The outermost layer: bodies read within bounds, the hot POST of entries below FastAPI's machinery."""

from __future__ import annotations

import asyncio
import re
from time import time
from typing import Final

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from cloud import entries
from cloud.api.problems import Headers, answer
from cloud.codec import ENCODED_BYTES_MAX
from cloud.desk import Desk
from cloud.errors import CloudError, Forbidden, InvalidRequest, TooLarge
from cloud.hubs import ID
from cloud.model import Cursor, Epoch, HubId
from cloud.turns import Turns

_ENTRIES: Final = re.compile(r"/v1/hubs/([A-Za-z0-9._-]{1,64})/entries\Z")
# A hub gives up an attempt after 15 s of silence; a body that takes longer than this in all is a dribble.
_BODY_S_MAX: Final = 60.0
_SEQ: Final = re.compile(r"[1-9][0-9]{0,11}\Z", re.ASCII)


class CloudApp:
    """FastAPI for the ordinary routes, and one route by hand: POST entries carries nearly all of the work."""

    def __init__(self, desk: Desk, ordinary: ASGIApp) -> None:
        self._desk = desk
        self._ordinary = ordinary
        self._turns = Turns()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST" and (found := _ENTRIES.match(scope["path"])):
            await self._take_entries(HubId(found[1]), scope, receive, send)
        else:
            await self._ordinary(scope, receive, send)

    async def _take_entries(self, hub_id: HubId, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            result = await self._append(hub_id, scope, receive)
        except CloudError as error:
            await respond(send, *answer(error))
        except ClientGone:
            return
        else:
            await respond(send, 200, JSON, msgspec.json.encode(result.as_dict()))

    async def _append(self, hub_id: HubId, scope: Scope, receive: Receive) -> Cursor:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        # Before the body: a stranger's megabytes are not read.
        caller = await self._desk.caller(headers.get(b"authorization", ""), headers.get(b"storehub-status"))
        if caller.hub_id != hub_id:
            raise Forbidden(f"this token is for hub {caller.hub_id}")
        epoch, first_seq = headers.get(b"storehub-epoch", ""), headers.get(b"storehub-first-seq", "")
        if not ID.match(epoch) or not _SEQ.match(first_seq):
            raise InvalidRequest("Storehub-Epoch and Storehub-First-Seq are needed")
        async with self._turns.take(hub_id, int(first_seq)) as turn:
            raw = await read_body(scope, receive)
            batch = await self._desk.unpack(
                raw, headers.get(b"content-encoding", ""), Epoch(epoch), int(first_seq)
            )
            await turn()
            result = await self._desk.write(lambda session: entries.append(session, hub_id, batch, time()))
        if isinstance(result, CloudError):
            raise result
        return result


class ClientGone(Exception):
    """The connection went away in the middle of the body."""


async def read_body(scope: Scope, receive: Receive) -> bytes:
    """Return the body as it came, or raise as soon as it is too large or too slow."""
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    if not announced.isdigit() or int(announced) > ENCODED_BYTES_MAX:
        raise TooLarge(f"more than {ENCODED_BYTES_MAX} bytes at once: send less")
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(_BODY_S_MAX):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGone
                part = message.get("body", b"")
                parts.append(part)
                size += len(part)
                if size > ENCODED_BYTES_MAX:
                    raise TooLarge(f"more than {ENCODED_BYTES_MAX} bytes at once: send less")
                if not message.get("more_body"):
                    return b"".join(parts)
    except TimeoutError as error:
        raise InvalidRequest(f"the body did not come within {_BODY_S_MAX:.0f} s") from error


JSON: Final[Headers] = [(b"content-type", b"application/json")]


async def respond(send: Send, status: int, headers: Headers, body: bytes) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": body})
