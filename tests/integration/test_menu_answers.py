"""GET /v1/menu: the same in every form, made once for all that ask, and never of two versions."""

from __future__ import annotations

import asyncio
import gzip
import json

import msgspec
import pytest

from hub.api import menu as menu_module
from hub.domain.commands import ApplyMaster
from hub.domain.facts import MasterChange
from hub.domain.views import menu_view
from tests.integration.conftest import Shop


async def many(shop: Shop, count: int) -> None:
    changes = [
        MasterChange(
            "product", f"m-{n:05d}", {"id": f"m-{n:05d}", "name": f"商品 {n}", "category_id": "c", "price": n}
        )
        for n in range(count)
    ]
    changes.insert(0, MasterChange("category", "c", {"id": "c", "name": "Many"}))
    await shop.box.core.desk.order(ApplyMaster("import", tuple(changes)))


@pytest.mark.parametrize("count", [0, 1, 1500])
async def test_every_form_is_the_menu(shop: Shop, count: int) -> None:
    if count:
        await many(shop, count)
    handheld = await shop.device()
    plain = await handheld.get("/v1/menu", accept_encoding="identity")
    packed = await handheld.get("/v1/menu", accept_encoding="br, gzip")
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.content == packed.content
    assert plain.json() == json.loads(msgspec.json.encode(menu_view(shop.box.core.state)))
    assert plain.headers["etag"] == packed.headers["etag"]
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
    same = await handheld.get("/v1/menu", if_none_match=plain.headers["etag"])
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", plain.headers["etag"])


async def test_thirty_devices_ask_and_it_is_made_once(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    monkeypatch.setattr(menu_module, "_gzip", lambda head, *_: made.append(head) or gzip.compress(head))
    handheld = await shop.device()
    asked = [asyncio.create_task(handheld.get("/v1/menu", accept_encoding="gzip")) for _ in range(30)]
    await asyncio.sleep(0)
    asked[0].cancel()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) >= 29
    assert len(made) == 1
    register = await shop.device("register")
    await register.post("/v1/products/salad", {"availability": "sold_out"}, method="PATCH")
    await handheld.get("/v1/menu", accept_encoding="gzip")
    assert len(made) == 2


async def test_a_failure_is_not_remembered(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = menu_module.MenuAnswers(shop.box.core.state)
    with monkeypatch.context() as broken:
        broken.setattr(menu_module, "product_view", lambda product, gone: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            await answers.compressed()
    etag, body = await answers.compressed()
    assert json.loads(gzip.decompress(body))["version"] in etag
