"""Long lists: the same JSON as ever, made a slice at each turn of the loop, for every device in turn."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from hub.api import slices
from hub.api.edge import Edge
from hub.api.paging import with_saved
from hub.api.slices import SLICE_BYTES, LongAnswer
from hub.api.turns import Turns
from hub.domain.sale import Sale
from hub.domain.views import check_view, line_view, sale_view
from tests.integration.conftest import Device, Shop

# 900 lines of a check, some 200 KB.
ORDERS, LINES = 9, 100


async def crowded(handheld: Device) -> str:
    """A check with so many lines; its id."""
    lines = [{"product_id": "salad", "quantity": 1, "note": '"lines":[]'}] * LINES
    for _ in range(ORDERS):
        said = await handheld.post("/v1/orders", {"table_id": "t1", "lines": lines})
        assert said.status_code == 201, said.text
    checks = (await handheld.get("/v1/tables")).json()["tables"][0]["checks"]
    return str(checks[0]["check_id"])


async def test_a_long_answer_is_the_same_as_a_short_one(shop: Shop) -> None:
    handheld, register = await shop.device(), await shop.device("register")
    check_id = await crowded(handheld)
    small = (await handheld.order("t2")).json()
    line_id = small["lines"][0]["line_id"]
    less = {"line_id": line_id, "kind": "amount", "value": 10, "name": "cold"}
    version = f'"{small["check_version"]}"'
    path = f"/v1/checks/{small['check_id']}"
    said = await register.post(f"{path}/discounts", less, if_match=version)
    assert said.status_code in (200, 201), said.text
    known = shop.box.core.state.checks.committed

    def as_sent(value: Any) -> Any:
        return json.loads(msgspec.json.encode(value))

    short, long = await handheld.get(path), await handheld.get(f"/v1/checks/{check_id}")
    assert short.json() == as_sent(check_view(known[small["check_id"]]))
    assert short.json()["discounts"][0]["line_id"] == line_id
    assert int(short.headers["content-length"]) == len(short.content) < SLICE_BYTES
    assert long.json() == as_sent(check_view(known[check_id]))
    assert len(long.content) > 4 * SLICE_BYTES
    assert long.headers["etag"] == f'"{ORDERS + 1}"'
    assert long.headers["content-type"] == "application/json"
    assert long.headers["storehub-position"].split(":")[1] == str(shop.box.core.journal.position.seq)
    listed = (await handheld.get("/v1/checks")).json()
    assert listed == {"checks": [as_sent(check_view(one)) for one in known.values()], "next_cursor": None}
    tenders = [{"method": "cash", "amount": long.json()["total"]}]
    paid = await register.post("/v1/sales", {"check_id": check_id, "tenders": tenders})
    assert paid.status_code == 201, paid.text
    sale = shop.box.core.state.sales.committed[paid.json()["sale_id"]]
    await register.post(f"/v1/sales/{sale.sale_id}/formal-receipts", {"addressee": "上様", "amount": 100})
    sales = (await register.get("/v1/sales")).json()
    now = shop.box.core.state.sales.committed[sale.sale_id]
    assert sales == {"sales": [as_sent(sale_view(now))], "next_cursor": None}
    assert (await register.get(f"/v1/sales/{sale.sale_id}")).json() == sales["sales"][0]


async def test_twenty_readers_have_one_slice_at_a_turn_of_the_loop(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    handheld, manager = await shop.device(), await shop.device("manager")
    await crowded(handheld)
    made = 0
    real = slices.slice_of

    def counted(pieces: Iterator[bytes]) -> bytes:
        nonlocal made
        made += 1
        return real(pieces)

    monkeypatch.setattr(slices, "slice_of", counted)
    readers = [asyncio.create_task(manager.get("/v1/checks")) for _ in range(20)]
    at_a_turn, seen = [0], 0
    order = asyncio.create_task(handheld.order("t2"))
    while not all(reader.done() for reader in readers):
        await asyncio.sleep(0)
        at_a_turn.append(made - seen)
        seen = made
    assert (await order).status_code == 201
    answers = await asyncio.gather(*readers)
    assert all(len(answer.json()["checks"][0]["lines"]) == ORDERS * LINES for answer in answers)
    assert sum(at_a_turn) >= 20 * 4
    # The first slice of one comes with its question, perhaps a turn or two after that was let in.
    assert max(at_a_turn) <= 2, "more than one slice at one turn of the loop"


async def test_one_question_is_looked_at_at_a_turn_of_the_loop(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    handheld, edge = await shop.device(), Edge(shop.box)
    begun, inner = 0, await edge.prepare()

    async def counted(*asgi: Any) -> None:
        nonlocal begun
        begun += 1
        await inner(*asgi)

    monkeypatch.setattr(edge, "_app", counted)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=edge), base_url="http://hub") as http:
        asked = Device(http, handheld.device_id, handheld.token)
        questions = [asyncio.create_task(asked.get("/v1/tables")) for _ in range(20)]
        at_a_turn, seen = [], 0
        while not all(question.done() for question in questions):
            await asyncio.sleep(0)
            at_a_turn.append(begun - seen)
            seen = begun
    assert {question.result().status_code for question in questions} == {200}
    assert sum(at_a_turn) == 20
    assert max(at_a_turn) == 1


async def test_a_slice_is_not_much_more_than_it_may_be(shop: Shop) -> None:
    check_id = await crowded(await shop.device())
    check = shop.box.core.state.checks.committed[check_id]
    pieces = slices.with_lines(check_view(check, lines=()), check.lines, line_view)
    sizes = [len(piece) for piece in iter(lambda: slices.slice_of(pieces), b"")]
    assert len(sizes) > 4
    assert max(sizes) < 2 * SLICE_BYTES


async def test_turns_go_round_the_devices() -> None:
    order: list[str] = []
    kept = Turns()

    async def work(whose: str, times: int) -> None:
        for _ in range(times):
            await kept.turn(whose)
            order.append(whose)

    greedy = [asyncio.create_task(work("greedy", 10)) for _ in range(20)]
    await asyncio.sleep(0)
    gone = asyncio.create_task(work("gone", 1))
    await asyncio.sleep(0)
    gone.cancel()
    modest = asyncio.create_task(work("modest", 3))
    await asyncio.gather(*greedy, modest)
    assert len(order) == 203
    places = [place for place, whose in enumerate(order) if whose == "modest"]
    assert places[-1] < 12, "it waited for those who ask for more"
    await work("later", 1)


async def test_nothing_is_made_for_a_client_that_hung_up() -> None:
    made = []

    def pieces() -> Iterator[bytes]:
        for _ in range(50):
            made.append(1)
            yield b"x" * SLICE_BYTES

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        await asyncio.sleep(0)

    kept = Turns()
    long = LongAnswer(b"first", pieces(), lambda: kept.turn("d"), {})
    await long({"type": "http"}, receive, send)
    assert len(made) <= 2


async def test_what_is_saved_while_a_page_is_read_is_not_missing(shop: Shop) -> None:
    handheld, register = await shop.device(), await shop.device("register")
    order = (await handheld.order("t1")).json()
    body = {"check_id": order["check_id"], "tenders": [{"method": "cash", "amount": order["check_total"]}]}
    paid = (await register.post("/v1/sales", body)).json()
    shelf = shop.box.core.state.sales

    async def saved() -> list[Sale]:
        """The tables as they were before a save that ends while they are read."""
        await shop.box.core.save()
        assert not shelf.committed
        return []

    assert set(await with_saved(shelf.committed.values, saved(), "sale_id")) == {paid["sale_id"]}
