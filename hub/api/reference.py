"""What a maker of handhelds reads: the OpenAPI document for programs, and the same as a page for people.

Both are made when first asked for and kept as bytes: whoever asks for them a thousand times costs the floor nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from importlib.resources import files
from typing import Any, Final

import msgspec
from fastapi import APIRouter, Request, Response
from msgspec import Struct

from hub.api.reference_page import render
from hub.api.web import SECURITY_HEADERS


class Made(Struct, frozen=True):
    body: bytes
    media_type: str
    etag: str


def made(body: bytes, media_type: str) -> Made:
    return Made(body, media_type, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


class Reference:
    """The document in its forms."""

    def __init__(self, document: Callable[[], dict[str, Any]]) -> None:
        self._document = document
        self._forms: dict[str, Made] = {}
        self._lock = asyncio.Lock()

    async def form(self, name: str) -> Made:
        async with self._lock:
            if name not in self._forms:
                # Making it takes a tenth of a second of computing: not on the loop that serves the floor.
                self._forms = await asyncio.to_thread(self._make)
        return self._forms[name]

    def _make(self) -> dict[str, Made]:
        document = self._document()
        style = files(__package__ or "hub.api").joinpath("reference.css").read_bytes()
        return {
            "openapi.json": made(msgspec.json.encode(document), "application/json"),
            "docs": made(render(document).encode(), "text/html; charset=utf-8"),
            "docs/reference.css": made(style, "text/css; charset=utf-8"),
        }


def routes(reference: Reference) -> APIRouter:
    router: Final = APIRouter(include_in_schema=False)

    def serve(name: str) -> None:
        @router.api_route(f"/{name}", methods=["GET", "HEAD"])
        async def form(request: Request) -> Response:
            found = await reference.form(name)
            headers = {**SECURITY_HEADERS, "etag": found.etag}
            if found.etag in request.headers.get("if-none-match", ""):
                return Response(status_code=304, headers=headers)
            return Response(found.body, media_type=found.media_type, headers=headers)

    for name in ("openapi.json", "docs", "docs/reference.css"):
        serve(name)
    return router
