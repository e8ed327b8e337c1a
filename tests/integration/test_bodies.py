"""Bodies and headers that are odd, one by one: what stands in the journal afterwards, and what the device hears."""

from __future__ import annotations

import gzip
import json

import httpx
import pytest

from hub.domain import entries
from tests.integration.conftest import Shop


async def raw(
    shop: Shop, token: str, path: str, body: bytes, *, key: str = "k", method: str = "POST", **more: str
) -> httpx.Response:
    headers = {"authorization": f"Bearer {token}", "idempotency-key": key}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    return await shop.http.request(method, path, content=body, headers=headers)


async def last_line(shop: Shop) -> bytes:
    journal = shop.box.core.journal
    entry = await journal.at(journal.position.seq)
    assert entry is not None
    return entry.raw


async def test_a_makers_fact_is_one_line_of_good_json(shop: Shop) -> None:
    register = await shop.device("register")
    body = (
        b'{\n  "type": "x.acme.note",\n  "data": {\n    "b": 1.50, "a": "\\u3042\xe3\x81\x84", "b": 2\n  }\n}'
    )
    assert (await raw(shop, register.token, "/v1/facts", body)).status_code == 201
    line = await last_line(shop)
    assert b"\n" not in line
    assert json.loads(bytes(entries.read(line).data)) == {"a": "あい", "b": 2}
    # Written otherwise, it is the same value: the first answer again.
    again = await raw(shop, register.token, "/v1/facts", body.replace(b"\n", b"").replace(b"1.50", b"1.5"))
    assert again.headers["idempotency-replayed"] == "true"


@pytest.mark.parametrize(
    "data",
    [
        b"1e400", b"9" * 5000, b'"\xed\xa0\x80"', b'"\\ud800"', b"NaN", b"[" * 5000 + b"]" * 5000,
        b"[" * 100_000, b'{"a":1', b"", b'"\x01"',
    ],
    ids=lambda data: repr(data[:12]),
)  # fmt: skip
async def test_what_is_no_json_value_is_refused(shop: Shop, data: bytes) -> None:
    register = await shop.device("register")
    before = shop.box.core.journal.position.seq
    answer = await raw(shop, register.token, "/v1/facts", b'{"type":"x.acme.note","data":' + data + b"}")
    assert (answer.status_code, answer.json()["slug"]) == (422, "invalid-request")
    assert shop.box.core.journal.position.seq == before


@pytest.mark.parametrize("path", ["/v1/orders", "/v1/pairings", "/v1/sync/retry", "/v1/facts"])
async def test_a_compressed_body_is_told_apart_from_a_broken_one(shop: Shop, path: str) -> None:
    manager = await shop.device("manager")
    bomb = gzip.compress(b'{"a":"' + b"0" * 5_000_000 + b'"}')
    answer = await raw(shop, manager.token, path, bomb, content_encoding="gzip")
    assert (answer.status_code, answer.json()["slug"]) == (415, "unsupported-encoding")
    assert answer.json()["encoding"] == "gzip"
    broken = await raw(shop, manager.token, path, b"{")
    assert broken.status_code == 422


async def test_an_id_ends_where_it_ends(shop: Shop) -> None:
    register = await shop.device("register")
    order = {"table_id": "t1", "lines": [{"product_id": "salad", "quantity": 1, "line_id": "a\n"}]}
    assert (await register.post("/v1/orders", order)).status_code == 422
    fact = {"type": "x.acme.note\n", "data": 1}
    assert (await register.post("/v1/facts", fact)).status_code == 422


@pytest.mark.parametrize(
    "seen", ["\xff:1:\xff", "a:b:c", ":::", "0" * 3000, "0123456789abcdef:999999999:\xe9"]
)
async def test_a_position_that_is_none_alarms_nobody(shop: Shop, seen: str) -> None:
    handheld = await shop.device()
    headers = {
        b"authorization": f"Bearer {handheld.token}".encode(),
        b"storehub-seen": seen.encode("latin-1"),
    }
    assert (await shop.http.get("/v1/menu", headers=headers)).status_code == 200
    assert shop.box.core.behind is None


async def test_whoever_needs_no_token_says_little(shop: Shop) -> None:
    body = b'{"code":"' + b"A" * 9000 + b'"}'
    answer = await shop.http.post("/v1/pairings", content=body)
    assert (answer.status_code, answer.json()["slug"]) == (413, "payload-too-large")
    assert answer.json()["limit_bytes"] == 8192


async def test_405_names_every_method_of_the_address(shop: Shop) -> None:
    manager = await shop.device("manager")
    for path, methods in {
        "/v1/checks": "GET, POST", "/v1/sales": "GET, POST", "/v1/orders": "POST", "/v1/devices/d": "DELETE",
        "/v1/menu": "GET", "/console": "GET, HEAD", "/v1/checks/c/void": "POST",
    }.items():  # fmt: skip
        answer = await shop.http.request("PUT", path, headers={"authorization": f"Bearer {manager.token}"})
        assert (answer.status_code, answer.headers["allow"]) == (405, methods)


async def test_a_bug_is_told_as_a_problem(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from hub.api import menu

    def fail(state: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(menu, "menu_view", fail)
    handheld = await shop.device()
    transport = httpx.ASGITransport(shop.http._transport.app, raise_app_exceptions=False)  # type: ignore[attr-defined]
    async with httpx.AsyncClient(transport=transport, base_url="http://hub") as http:
        answer = await http.get("/v1/menu", headers={"authorization": f"Bearer {handheld.token}"})
    assert (answer.status_code, answer.json()["slug"]) == (500, "internal")
    assert answer.headers["content-type"] == "application/problem+json"
