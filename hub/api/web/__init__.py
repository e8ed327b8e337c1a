"""The pages: static files, read once, served from memory with the headers that keep other pages out."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse
from msgspec import Struct

PAGE: Final = "index.html"
# Where a page has what all pages have in theirs (head.html): what they are, their icon, colours, letters, controls.
_HEAD: Final = b"<!-- head -->\n"
_MEDIA: Final[Mapping[str, str]] = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
# Device names and cloud reasons come from outside, so nothing but our own files may run, and with Trusted Types
# no string can become markup. The QR code is shown as an image from a data: address, where SVG cannot run scripts.
_CONTENT_SECURITY: Final = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": _CONTENT_SECURITY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Asked for again each time and answered with 304: after an update of the box no browser mixes old and new files.
    "cache-control": "no-cache",
}


class Asset(Struct, frozen=True):
    """A file as it is sent; etag already holds its quotation marks."""

    body: bytes
    media_type: str
    etag: str


@cache
def assets(package: str = __name__) -> Mapping[str, Asset]:
    """All files of a page by name, read when it is first opened. An unknown kind of file raises KeyError.

    package: with the page's own files in its folder `assets`; what it shares with the console it names by its address.
    """
    head = files(__name__).joinpath("head.html").read_bytes()
    found: dict[str, Asset] = {}
    for item in files(package).joinpath("assets").iterdir():
        body = item.read_bytes().replace(_HEAD, head)
        digest = hashlib.sha256(body).hexdigest()[:32]
        found[item.name] = Asset(body, _MEDIA[item.name.rpartition(".")[2]], f'"{digest}"')
    return found


# Pages are for people; the OpenAPI document is for programs.
router: Final = APIRouter(include_in_schema=False)


@router.api_route("/", methods=["GET", "HEAD"])
async def home() -> Response:
    return RedirectResponse("/console", status_code=307, headers=SECURITY_HEADERS)


@router.api_route("/console", methods=["GET", "HEAD"])
async def page(request: Request) -> Response:
    return _answer(request, assets()[PAGE])


@router.api_route("/console/assets/{name}", methods=["GET", "HEAD"])
async def asset(request: Request, name: str) -> Response:
    found = assets().get(name)
    if found is None:
        return Response(status_code=404, headers=SECURITY_HEADERS)
    return _answer(request, found)


def _answer(request: Request, asset: Asset) -> Response:
    headers = {**SECURITY_HEADERS, "etag": asset.etag}
    known = request.headers.get("if-none-match", "")
    if asset.etag in (tag.strip().removeprefix("W/") for tag in known.split(",")):
        return Response(status_code=304, headers=headers)
    return Response(asset.body, media_type=asset.media_type, headers=headers)
