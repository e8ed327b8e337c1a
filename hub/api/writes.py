"""The write requests: one way in for every row of hub/api/tables.

They all go below FastAPI's machinery, which costs five times as much as the rest of an order; the OpenAPI document
is made from the same tables.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from hub.api.asgi import Gone, Receive, Scope, Send, header, invalid, read_body, send_answer, unreadable
from hub.api.caller import caller
from hub.api.problems import document
from hub.api.request_id import request_id
from hub.api.tables.write import Write
from hub.api.whole import apart, cycle_of, finish, write_whole
from hub.domain import commands
from hub.domain.commands import Command
from hub.domain.device import PERMISSIONS, Device, may
from hub.domain.errors import Forbidden, HubError, IdempotencyKeyRequired, Internal, InvalidRequest
from hub.service.box import Box
from hub.service.desk import Answer, Request

log = logging.getLogger(__name__)

_KEY: Final = re.compile(rb"[ -~]{1,255}")
_HEADERS: Final = b"content-type: application/json\r\nstorehub-seq: %d\r\nstorehub-position: %b\r\n"
_REPLAYED: Final = b"idempotency-replayed: true\r\n"
_VERSION: Final = re.compile(rb'(?:W/)?"([0-9]{1,9})"')


class WriteEndpoint:
    """The ASGI application of one write route."""

    def __init__(self, write: Write, box: Box) -> None:
        self.write = write
        self._box = box
        self._decode: Callable[[bytes], Any] = self._decode_first
        self._roles = {role for role in PERMISSIONS if any(may(role, name) for name in write.permissions)}
        self._bare = write.path.find("{id}") < 0

    def _decode_first(self, body: bytes) -> Any:
        """The decoder is made for the first request: a start need not wait for the seventy of all routes."""
        self._decode = _decoder(self.write.command)
        return self._decode(body)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        box = self._box
        try:
            request = await self._read(scope, receive)
            if self.write.secret:
                request = await box.pins.proven(request)
            answer = await box.core.desk.submit(request)
        except Gone:
            return
        except HubError as error:
            await send_problem(scope, send, box, error)
            return
        except Exception:
            about = {"request": request_id(scope)}
            log.exception("a %s %s failed", self.write.method, self.write.path, extra=about)
            await send_problem(scope, send, box, Internal())
            return
        headers = self._headers(answer)
        if not write_whole(cycle_of(send), self.write.status, headers, answer.body):
            await send_answer(send, self.write.status, apart(headers), answer.body)

    @property
    def rather_later(self) -> bool:
        return self._box.core.writer.sets_off

    def at_once(self, cycle: RequestResponseCycle) -> bool:
        """Take a request whose body is all there without a task of its own; False: call the application.

        What is refused here is left to the application as well, which finds the same and says so.
        """
        if self.write.secret:
            return False
        scope: Scope = cycle.scope  # type: ignore[assignment]
        try:
            device, key = self._asked_by(scope)
            request = self._request(scope, device, key, bytes(cycle.body))
            return self._box.core.desk.at_once(request, partial(self._answered, cycle))
        except HubError:
            return False
        except Exception:
            about = {"request": request_id(scope)}
            log.exception(
                "a %s %s could not be taken at once", self.write.method, self.write.path, extra=about
            )
            return False

    def _answered(self, cycle: RequestResponseCycle, outcome: Answer | HubError) -> None:
        if isinstance(outcome, HubError):
            finish(cycle, send_problem(cycle.scope, cycle.send, self._box, outcome))  # type: ignore[arg-type]
            return
        headers = self._headers(outcome)
        if not write_whole(cycle, self.write.status, headers, outcome.body):
            finish(cycle, send_answer(cycle.send, self.write.status, apart(headers), outcome.body))  # type: ignore[arg-type]

    def _headers(self, answer: Answer) -> bytes:
        """As they are sent: one piece, and not four that are put together for each answer."""
        headers = _HEADERS % (answer.seq, self._box.positions.current())
        return headers + _REPLAYED if answer.replayed else headers

    async def _read(self, scope: Scope, receive: Receive) -> Request:
        """The request, as far as it can be judged without the state. Raises HubError."""
        device, key = self._asked_by(scope)
        return self._request(scope, device, key, await read_body(receive))

    def _asked_by(self, scope: Scope) -> tuple[Device, str]:
        device = caller(scope, self._box)
        if device.role not in self._roles:
            raise Forbidden(role=device.role)
        return device, idempotency_key(scope)

    def _request(self, scope: Scope, device: Device, key: str, body: bytes) -> Request:
        write = self.write
        try:
            command = self._decode(body or b"{}")
        except msgspec.ValidationError as error:
            raise invalid(error) from error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise unreadable(scope, error) from error
        target = "" if self._bare else str(scope["path_params"]["id"])
        version = if_match(scope) if write.match else None
        return Request(device, key, write.method, str(scope["path"]), command, target, version)


def _decoder(kind: type[Command]) -> Callable[[bytes], Any]:
    if kind is not commands.RecordFact:
        return msgspec.json.Decoder(kind).decode
    decode = msgspec.json.Decoder(commands.RecordFact).decode

    def tidy(body: bytes) -> commands.RecordFact:
        """The value a maker sent, written our way: an entry holds no line break, no name twice and no broken UTF-8."""
        command = decode(body)
        data = msgspec.json.encode(msgspec.json.decode(command.data))
        return msgspec.structs.replace(command, data=msgspec.Raw(data))

    return tidy


def idempotency_key(scope: Scope) -> str:
    """Raises IdempotencyKeyRequired when there is none or it is no 1 to 255 printable ASCII characters."""
    value = header(scope, b"idempotency-key")
    if value is None or _KEY.fullmatch(value) is None:
        raise IdempotencyKeyRequired
    return value.decode("ascii")


def if_match(scope: Scope) -> int | None:
    """The version of `If-Match: "7"`. Raises InvalidRequest for anything else but `*`."""
    value = header(scope, b"if-match")
    if value is None or value.strip() == b"*":
        return None
    found = _VERSION.fullmatch(value.strip())
    if found is None:
        raise InvalidRequest.at("If-Match", 'must be the version of a check, e.g. "7"')
    return int(found[1])


async def send_problem(scope: Scope, send: Send, box: Box, error: HubError) -> None:
    language = (header(scope, b"accept-language") or b"").decode("latin-1")
    problem = document(error, language, request_id(scope))
    problem.headers.append((b"storehub-position", box.positions.current()))
    await send_answer(send, problem.status, problem.headers, problem.body)
