"""A refusal and the lines that the hub logs of it carry the same id, and nothing of what was sent."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from hub.api.request_id import current
from hub.logs import Line
from tests.integration.conftest import Shop

PERSON = {"name": "山田太郎", "phone": "090-1234-5678", "note": "alérgico", "code": "AAAAA-AAAA9"}


@pytest.fixture
def said() -> Iterator[io.StringIO]:
    """All that the hub logs, from the lowest level on."""
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(Line(current.get, levels=False))
    # The device's own words: it runs in this process too.
    handler.addFilter(lambda record: not record.name.startswith("httpx"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield out
    root.removeHandler(handler)
    root.setLevel(level)


async def test_a_refusal_names_its_request(shop: Shop) -> None:
    device = await shop.device()
    for answer in (
        await device.get("/v1/checks/none", x_request_id="till-3.42"),
        await device.post("/v1/orders", {"lines": []}, x_request_id="till-3.42"),
    ):
        assert answer.headers["x-request-id"] == "till-3.42"
        assert answer.json()["instance"] == "urn:storehub:request:till-3.42"
    made = {(await device.get("/v1/checks/none")).json()["instance"] for _ in range(3)}
    assert len(made) == 3
    for strange in ("a b", "x" * 65, "a\x1b[2J", ""):
        answer = await device.get("/v1/checks/none", x_request_id=strange)
        assert not strange or strange not in answer.text
        assert len(answer.headers["x-request-id"]) == 16


async def test_what_breaks_is_logged_with_its_request_and_without_its_words(
    shop: Shop, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    manager = await shop.device("manager")
    monkeypatch.setattr(shop.box.core.desk, "submit", _fails)
    monkeypatch.setattr(type(shop.box.positions), "seen", lambda self, value: None)
    order = {"table_id": "t1", "lines": [{"product_id": "salad", "quantity": 1, "note": PERSON["note"]}]}
    first = await manager.post("/v1/orders", order)
    second = await manager.post("/v1/customers", {"name": PERSON["name"], "phone": PERSON["phone"]})
    monkeypatch.setattr(shop.box, "storage", _breaks)
    third = await manager.get("/v1/sync", accept_language=PERSON["code"])
    assert [answer.status_code for answer in (first, second, third)] == [500, 500, 500]
    lines = said.getvalue()
    for answer in (first, second, third):
        assert f"[request {answer.headers['x-request-id']}]" in lines
    for word in (*PERSON.values(), manager.token):
        assert word not in lines, word


async def _fails(request: Any) -> None:
    raise ValueError(repr(request.command))


def _breaks() -> dict[str, Any]:
    raise ValueError(PERSON["code"])


async def test_a_days_work_leaves_no_one_in_the_log(shop: Shop, said: io.StringIO) -> None:
    manager = await shop.device("manager")
    made = await manager.post("/v1/customers", {"name": PERSON["name"], "phone": PERSON["phone"]})
    assert made.status_code == 201, made.text
    await manager.get(f"/v1/customers?phone={PERSON['phone']}")
    await manager.post("/v1/customers", {"name": PERSON["name"], "phone": 7})
    await manager.order(note=PERSON["note"])
    await manager.get(f"/v1/{PERSON['name']}")
    await shop.http.post("/v1/pairings", json={"code": PERSON["code"], "name": PERSON["name"]})
    lines = said.getvalue()
    for word in (*PERSON.values(), manager.token):
        assert word not in lines, word
