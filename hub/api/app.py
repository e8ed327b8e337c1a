"""FastAPI's application: the ordinary routes, and what becomes of their errors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Route, compile_path

from hub.api import reference
from hub.api.asgi import header
from hub.api.menu import MenuAnswers
from hub.api.problems import document
from hub.api.request_id import request_id
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
from hub.api.writes import WriteEndpoint
from hub.domain.errors import (
    Forbidden,
    HubError,
    Internal,
    InvalidRequest,
    NotFound,
    NotReady,
    Superseded,
)
from hub.ports import StoreError
from hub.service.box import Box

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


class MethodNotAllowed(HubError):
    slug = "method-not-allowed"


def application(box: Box, turns: Turns, endpoints: Iterable[WriteEndpoint]) -> FastAPI:
    """The application of a box. endpoints: of the writes, to which it leads as well."""
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
    app.state.turns = turns
    for router in ROUTERS:
        app.include_router(router)
    app.include_router(reference.routes(reference.Reference(lambda: _document(app))))
    for endpoint in endpoints:
        write = endpoint.write
        app.router.routes.append(Route(write.path, endpoint, methods=[write.method]))
    app.add_exception_handler(HubError, _hub_error)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(StoreError, _disk_error)
    app.add_exception_handler(ClientDisconnect, _gone)
    # Starlette answers with this and raises the error again, for the edge to log.
    app.add_exception_handler(Exception, _bug)
    return app


def _document(app: FastAPI) -> dict[str, Any]:
    # Imported by whoever asks first, in a thread: no start waits for the shapes of all answers.
    from hub.api.openapi import document_of

    return document_of(app)


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
