"""docs/security.md line by line: what a stranger, a guest, a tablet and a thief get."""

from __future__ import annotations

import asyncio
import gzip
import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.api.edge import STRANGERS
from hub.api.routes.devices import new_code
from hub.upstream.classify import Trouble
from hub.upstream.client import _bounded
from tests.integration.conftest import Shop
from tests.support.process import HubProcess, hub_process

ROOT = Path(__file__).parents[2]
MB = 2**20
# What anyone on the LAN may ask: to find the hub, to trust it, to pair, and the pages' own files.
FOR_STRANGERS = {
    "/healthz", "/readyz", "/.well-known/storehub", "/.well-known/storehub/ca.pem", "/v1/pairings", "/openapi.json",
    "/docs", "/", "/console", "/console/", "/console/session", "/metrics",
}  # fmt: skip


def test_every_line_of_the_page_names_tests_that_exist() -> None:
    page = (ROOT / "docs/security.md").read_text().split("## Line by line")[1].split("\n## ")[0]
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", page)
    assert len(named) > 25
    for file, name in named:
        text = (ROOT / file).read_text()
        assert not name or f"def {name}(" in text, f"{file}::{name}"
    lines = [
        line
        for line in page.splitlines()
        if line.startswith("| ") and not line.startswith(("| attack", "|--"))
    ]
    for line in lines:
        assert "`tests/" in line or "none:" in line, line


async def addresses(shop: Shop) -> list[tuple[str, str]]:
    document = (await shop.http.get("/openapi.json")).json()
    return [(method.upper(), path) for path, item in document["paths"].items() for method in item]


def filled(path: str) -> str:
    return re.sub(r"\{[^}]+\}", "x", path)


async def test_a_guest_on_the_wifi_gets_nothing(shop: Shop) -> None:
    asked = await addresses(shop)
    assert len(asked) > 60
    for method, path in asked:
        if path in FOR_STRANGERS:
            continue
        for headers in (
            {},
            {"authorization": "Bearer guess"},
            {"cookie": "storehub=guess", "sec-fetch-site": "none"},
        ):
            answer = await shop.http.request(
                method, filled(path), headers={"idempotency-key": "k", **headers}
            )
            assert answer.status_code in (401, 403), (method, path, answer.status_code)
    assert shop.box.core.journal.position.seq == shop.box.core.writer.settled.seq


TABLET_MAY = {
    ("GET", "/v1/menu"), ("GET", "/v1/checks"), ("GET", "/v1/checks/{id}"), ("GET", "/v1/events"),
    ("POST", "/v1/orders"),
    ("POST", "/v1/staff-calls"), ("POST", "/v1/devices/me/token"), ("POST", "/v1/pairings"), ("GET", "/v1/time-band"),
    ("GET", "/.well-known/storehub"), ("GET", "/healthz"), ("GET", "/readyz"),
}  # fmt: skip


async def test_a_malicious_tablet_may_order_and_call_and_nothing_else(shop: Shop) -> None:
    tablet = await shop.device("table", table_id="t1")
    for method, path in await addresses(shop):
        if (method, path) in TABLET_MAY or not path.startswith("/v1/"):
            continue
        answer = await (
            tablet.get(filled(path)) if method == "GET" else tablet.post(filled(path), {}, method=method)
        )
        assert answer.status_code in (403, 404, 422), (method, path, answer.status_code, answer.text)
        if answer.status_code != 403:
            assert answer.json()["slug"] in ("not-found", "invalid-request"), (method, path)
            assert method == "GET", (method, path, answer.text)


async def test_ten_thousand_guesses_are_far_too_few(shop: Shop) -> None:
    """Codes: 31^10, six tries and then ever longer waits. Tokens: 256 bits, and found by their hash alone."""
    made = await new_code(shop.box, "manager", 10)
    assert len(made["code"].replace("-", "")) == 10
    statuses = [
        (await shop.http.post("/v1/pairings", json={"code": f"23456-789A{sign}", "name": "x"})).status_code
        for sign in "BCDEFGHJKM"
    ]
    assert statuses.count(403) <= 6
    # The right one waits as well: there is no telling by trying.
    assert (await shop.http.post("/v1/pairings", json={"code": made["code"], "name": "x"})).status_code == 429
    device = await shop.device()
    assert len(device.token) >= 43


async def test_headers_that_speak_for_others_are_not_heard(shop: Shop) -> None:
    for sign in "BCDEFGH":
        headers = {
            "x-forwarded-for": f"10.0.0.{ord(sign)}",
            "forwarded": f"for=10.0.0.{ord(sign)}",
            "x-real-ip": "1.2.3.4",
        }
        answer = await shop.http.post(
            "/v1/pairings", json={"code": f"23456-789A{sign}", "name": "x"}, headers=headers
        )
    assert answer.status_code == 429, "the throttle goes by the connection's address"
    device = await shop.device("manager")
    victim = await shop.device()
    for name in ("x-http-method", "x-http-method-override", "x-method-override"):
        headers = {"authorization": f"Bearer {device.token}", "idempotency-key": name, name: "DELETE"}
        answer = await shop.http.post(f"/v1/devices/{victim.device_id}", headers=headers)
        assert answer.status_code == 405
    assert (await victim.get("/v1/menu")).status_code == 200
    for name in ("x-original-url", "x-rewrite-url"):
        assert (await shop.http.get("/healthz", headers={name: "/v1/devices"})).json().keys() != {"devices"}
    before = shop.box.facing.base_url
    await shop.http.get(
        "/v1/menu", headers={"host": "evil.example", "authorization": f"Bearer {device.token}"}
    )
    assert (await new_code(shop.box, "handheld", 1))["url"] == before


async def test_a_page_of_another_origin_gets_nothing(shop: Shop) -> None:
    code = (await new_code(shop.box, "manager", 10))["code"]
    own = {"origin": "http://hub", "sec-fetch-site": "same-origin"}
    signed = await shop.http.post("/console/session", json={"code": code}, headers=own)
    assert signed.status_code == 204
    cookie = signed.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    value = signed.headers["set-cookie"].split(";")[0]
    for foreign in (
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {},
    ):
        headers = {"cookie": value, "idempotency-key": "k", **foreign}
        answer = await shop.http.post("/v1/sync/pause", headers=headers)
        assert answer.status_code in (401, 403), foreign
    assert (await shop.http.get("/v1/devices", headers={"cookie": value, **own})).status_code == 200


async def test_no_page_can_be_framed(shop: Shop) -> None:
    pages = [path for path in ("/", "/console", "/console/", "/docs") if path]
    seen = 0
    for path in pages:
        answer = await shop.http.get(path, follow_redirects=True)
        if "text/html" in answer.headers.get("content-type", ""):
            seen += 1
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
            assert answer.headers["x-content-type-options"] == "nosniff", path
    assert seen >= 1


def test_strangers_can_send_little() -> None:
    assert STRANGERS == ("/v1/pairings", "/console/")


async def raw(hub: HubProcess, request: bytes) -> bytes:
    """All that comes back before the hub closes or rests for half a second."""
    reader, writer = await asyncio.open_connection("127.0.0.1", hub.port)
    writer.write(request)
    await writer.drain()
    found = b""
    try:
        while part := await asyncio.wait_for(reader.read(65536), 0.5):
            found += part
    except (TimeoutError, ConnectionError):
        pass
    writer.close()
    return found


PATHS = (
    "//v1/devices", "/v1//devices", "/v1/%64evices", "/v1/./devices", "/v1/x/../devices", "/v1/%2e%2e/v1/devices",
    "/healthz/../v1/devices", "/healthz%2f..%2fv1/devices", "/healthz;/v1/devices", "/v1/devices%00",
    "/v1/devices%0d%0aX: y",
    "\\v1\\devices", "http://127.0.0.1/v1/devices", "http://evil.example/v1/devices", "/v1/pairings/../devices",
)  # fmt: skip


@pytest.mark.slow
async def test_no_path_and_no_second_request_slips_past_the_token(tmp_path: Path) -> None:
    async with hub_process(tmp_path) as hub:
        device_id, token = await hub.device("handheld")
        for path in PATHS:
            said = await raw(hub, f"GET {path} HTTP/1.1\r\nHost: hub\r\n\r\n".encode())
            assert b'"devices"' not in said, path
            assert b"\r\nX: y" not in said, path
            assert said[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 401", b"HTTP/1.1 404", b"HTTP/1.1 307", b""), (
                path,
                said,
            )
        # Two lengths, or a length and chunks: nobody must see another request in it than the hub does.
        inner = b"DELETE /v1/devices/%b HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer %b\r\n\r\n" % (
            device_id.encode(),
            token.encode(),
        )
        for lengths in (
            b"Content-Length: 4\r\nContent-Length: 100\r\n",
            b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
            b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
            b"Transfer-Encoding: chunked, identity\r\n",
            b"Transfer-Encoding : chunked\r\n",
            b"Transfer-Encoding: xchunked\r\n",
        ):
            request = b"POST /v1/pairings HTTP/1.1\r\nHost: hub\r\n%b\r\n0\r\n\r\n%b" % (lengths, inner)
            said = await raw(hub, request)
            assert said.count(b"HTTP/1.1 ") <= 2, lengths
            assert b"HTTP/1.1 20" not in said, (lengths, said)
        listed = await hub.do("device.list")
        assert [one["revoked_at"] for one in listed] == [None]
        # A bomb in a body is refused as what it is, and costs nothing.
        bomb = gzip.compress(b"0" * (200 * MB))
        before = hub.rss_bytes("VmHWM")
        head = f"POST /v1/orders HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {token}\r\nIdempotency-Key: k\r\n"
        head += f"Content-Encoding: gzip\r\nContent-Length: {len(bomb)}\r\n\r\n"
        said = await raw(hub, head.encode() + bomb)
        assert said[:12] in (b"HTTP/1.1 413", b"HTTP/1.1 415"), said[:200]
        assert hub.rss_bytes("VmHWM") - before < 8 * MB
        assert token not in "\n".join(hub.said())
        # Strangers who hang up in the middle of a body write nothing into the log.
        for _ in range(20):
            _, writer = await asyncio.open_connection("127.0.0.1", hub.port)
            writer.write(b"POST /v1/pairings HTTP/1.1\r\nHost: hub\r\nContent-Length: 5000\r\n\r\n{")
            await raw(hub, b"GET /healthz HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
            writer.transport.abort()
        await raw(hub, b"GET /healthz HTTP/1.1\r\nHost: hub\r\nConnection: close\r\n\r\n")
        assert not [line for line in hub.said() if "ClientDisconnect" in line]


class Pieces(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> Any:
        for start in range(0, len(self._content), 65536):
            yield self._content[start : start + 65536]


@pytest.mark.parametrize("encoding", ["gzip", "identity", ""])
async def test_a_cloud_that_sends_a_bomb_is_cut_off(encoding: str) -> None:
    headers = {"content-encoding": encoding} if encoding else {}
    bomb = gzip.compress(b"0" * (64 * MB)) if encoding == "gzip" else b"0" * MB
    with pytest.raises(Trouble, match="more than"):
        await _bounded(httpx.Response(200, headers=headers, stream=Pieces(bomb)), 64 * 1024)
    small = gzip.compress(b"{}") if encoding == "gzip" else b"{}"
    assert await _bounded(httpx.Response(200, headers=headers, stream=Pieces(small)), 64 * 1024) == b"{}"


async def test_a_broken_or_strange_packing_is_no_answer() -> None:
    for headers, content in (
        ({"content-encoding": "gzip"}, b"no gzip"),
        ({"content-encoding": "br"}, b"{}"),
    ):
        with pytest.raises(Trouble):
            await _bounded(httpx.Response(200, headers=headers, stream=Pieces(content)), 64 * 1024)
