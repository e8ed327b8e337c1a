"""The HTTP application: FastAPI for the ordinary routes, and in front of it the edge that carries the hot ones."""

from __future__ import annotations

import logging
import re
from functools import cache
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route, compile_path

from hub.api import reference
from hub.api.asgi import BODY_BYTES_MAX, App, Message, Receive, Scope, Send, header
from hub.api.caller import address_of
from hub.api.events import Events
from hub.api.menu import MenuAnswers
from hub.api.problems import document
from hub.api.request_id import current, request_id
from hub.api.routes import (
    bands,
    console,
    copies,
    credit,
    customers,
    days,
    devices,
    doctor,
    drills,
    exports,
    floor,
    history,
    layaways,
    numbers,
    price,
    receipts,
    reports,
    staff,
    standby,
    stock,
    tables,
)
from hub.api.routes import box as box_routes
from hub.api.routes import clock as clock_routes
from hub.api.tables import WRITES
from hub.api.turns import Turns
from hub.api.web import router as web_router
from hub.api.writes import WriteEndpoint, send_problem
from hub.domain.errors import (
    Forbidden,
    HubError,
    Internal,
    InvalidRequest,
    NotFound,
    NotReady,
    PayloadTooLarge,
    Superseded,
)
from hub.ports import StoreError
from hub.service.box import Box

log = logging.getLogger(__name__)


# The ordinary routes, one a line.
ROUTERS: Final = (
    floor.router,
    tables.router,
    history.router,
    bands.router,
    receipts.router,
    days.router,
    reports.router,
    exports.router,
    numbers.router,
    credit.router,
    price.router,
    layaways.router,
    box_routes.router,
    doctor.router,
    drills.router,
    clock_routes.router,
    devices.router,
    console.router,
    staff.router,
    stock.router,
    customers.router,
    copies.router,
    standby.router,
    web_router,
)
# Where anyone may send something without a token, a code and a name are all there is to say.
STRANGERS: Final = ("/v1/pairings", "/console/")
STRANGERS_BYTES_MAX: Final = 8 * 1024
PIECE_BYTES: Final = 32 * 1024


class MethodNotAllowed(HubError):
    slug = "method-not-allowed"


def build(box: Box) -> Edge:
    """The ASGI application of a box."""
    app = FastAPI(
        title="storehub",
        version=box.identity.version,
        summary="The box in the store that keeps every order while the internet is down.",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
    )
    app.state.box = box
    app.state.menu = MenuAnswers(box.core.state)
    app.state.turns = turns = Turns()
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(reference.routes(reference.Reference(lambda: _document(app))))
    writes: dict[tuple[str, str], WriteEndpoint] = {}
    for write in WRITES:
        endpoint = WriteEndpoint(write, box)
        app.router.routes.append(Route(write.path, endpoint, methods=[write.method]))
        if "{id}" not in write.path:
            writes[write.method, write.path] = endpoint
    app.add_exception_handler(HubError, _hub_error)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(StoreError, _disk_error)
    app.add_exception_handler(ClientDisconnect, _gone)
    # Starlette answers with this and raises the error again, for the edge to log.
    app.add_exception_handler(Exception, _bug)
    return Edge(app, writes, {("GET", "/v1/events"): Events(box), **writes}, box, turns)


def _document(app: FastAPI) -> dict[str, Any]:
    # Imported by whoever asks first, in a thread: no start waits for the shapes of all answers.
    from hub.api.openapi import document_of

    return document_of(app)


class Edge:
    """Sends the hot requests straight to their endpoints, and gives the others their limits and the position header."""

    def __init__(
        self,
        app: App,
        writes: dict[tuple[str, str], WriteEndpoint],
        hot: dict[tuple[str, str], App],
        box: Box,
        turns: Turns,
    ) -> None:
        self.writes = writes
        self._app = app
        self._hot = hot
        self._box = box
        self._turns = turns

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
            await self._app(scope, limited, marked)
        except HubError as error:
            if not started:
                await send_problem(scope, send, box, error)
        except Exception:
            log.exception("a %s %s failed", scope["method"], scope["path"])
            if not started:
                await send_problem(scope, send, box, Internal())


def _problem(request: Request, error: HubError) -> Response:
    language = (header(request.scope, b"accept-language") or b"").decode("latin-1")
    made = document(error, language, request_id(request.scope))
    headers = {key.decode(): value.decode() for key, value in made.headers}
    return Response(made.body, made.status, headers)


async def _disk_error(request: Request, error: Any) -> Response:
    return _problem(request, NotReady(reason=str(error), retry_after_s=1))


async def _gone(request: Request, error: Any) -> Response:
    """Nobody hears it. As an error it would be thirty lines of log, at the will of any stranger."""
    return Response(status_code=400)


async def _hub_error(request: Request, error: Any) -> Response:
    return _problem(request, error)


async def _bug(request: Request, error: Any) -> Response:
    return _problem(request, Internal())


async def _validation(request: Request, error: Any) -> Response:
    errors = [
        {"path": ".".join(str(part) for part in item["loc"][1:]), "message": item["msg"]}
        for item in error.errors()
    ]
    return _problem(request, InvalidRequest(errors=errors))


async def _http_error(request: Request, error: Any) -> Response:
    kinds: dict[int, HubError] = {
        404: NotFound(kind="address", id=request.url.path),
        405: MethodNotAllowed(),
        403: Forbidden(role=""),
        503: Superseded(),
    }
    response = _problem(request, kinds.get(error.status_code) or InvalidRequest.at("", str(error.detail)))
    if error.status_code == 405:
        response.headers["allow"] = ", ".join(_methods_of(request.url.path))
    return response


@cache
def _addresses() -> tuple[tuple[re.Pattern[str], frozenset[str]], ...]:
    """Every address as a pattern, with methods it takes. One address may stand here more than once."""
    read = [route for router in ROUTERS for route in router.routes if isinstance(route, Route)]
    return (
        *((route.path_regex, frozenset(route.methods or ())) for route in read),
        *((compile_path(write.path)[0], frozenset({write.method})) for write in WRITES),
        (compile_path("/v1/events")[0], frozenset({"GET"})),
    )


def _methods_of(path: str) -> list[str]:
    found = [(pattern, methods) for pattern, methods in _addresses() if pattern.match(path)]
    # An address of its own goes before one with an id in it.
    own = [methods for pattern, methods in found if not pattern.groups]
    return sorted({one for methods in own or [methods for _, methods in found] for one in methods})
