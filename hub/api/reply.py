"""Answers of the ordinary routes: JSON by msgspec, and the dependency that names the caller."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from fastapi import Request, Response

from hub.api.asgi import invalid, unreadable
from hub.api.caller import allow, allow_staff, caller
from hub.domain.device import Device
from hub.domain.errors import NotFound
from hub.service.box import Box


def box_of(request: Request) -> Box:
    box: Box = request.app.state.box
    return box


def allowed(*permissions: str) -> Callable[[Request], Awaitable[Device]]:
    """A dependency: the calling device, which must have one of the permissions."""

    # A coroutine: FastAPI would run a plain function in a thread, beside the loop that owns what it reads.
    async def dependency(request: Request) -> Device:
        device = caller(request.scope, box_of(request))
        allow(device, *permissions)
        if "report" in permissions or "export" in permissions:
            allow_staff(device, box_of(request), "report")
        return device

    return dependency


async def find(box: Box, shelf: str, key: str, *, kind: str) -> Any:
    """What is committed under that id, also what has ended and left memory. Raises NotFound, which names the kind."""
    found = getattr(box.core.state, shelf).committed.get(key)
    if found is None:
        found = await box.keeper.read(shelf, key)
    if found is None:
        raise NotFound(kind=kind, id=key)
    return found


def reply(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(
        msgspec.json.encode(content), status_code=status, media_type="application/json", headers=headers
    )


def ref(name: str) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that answers with a schema of docs by that name."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{name}"}}}
    return {200: {"description": "OK", "content": content}}


async def body_as(request: Request, kind: type[Any]) -> Any:
    """Raises InvalidRequest."""
    try:
        return msgspec.json.decode(await request.body() or b"{}", type=kind)
    except msgspec.ValidationError as error:
        raise invalid(error) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise unreadable(request.scope, error) from error
