"""The kept filter of answered requests: a start needs no look-ups, and no retry passes as new."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.service import saving
from hub.store.journal import Journal
from tests.integration.conftest import Shop, shop_in

BODY = {"table_id": "t1", "lines": [{"product_id": "salad", "quantity": 1}]}


async def ordered(shop: Shop, keys: range) -> tuple[str, str]:
    handheld = await shop.device()
    for key in keys:
        assert (await handheld.post("/v1/orders", BODY, key=f"k{key}")).status_code == 201
    return handheld.device_id, handheld.token


async def replayed(shop: Shop, token: str, key: int) -> bool:
    headers = {"authorization": f"Bearer {token}", "idempotency-key": f"k{key}"}
    answer = await shop.http.post("/v1/orders", json=BODY, headers=headers)
    return answer.headers.get("idempotency-replayed") == "true"


@pytest.mark.parametrize("damage", [False, True])
async def test_a_start_takes_the_kept_filter_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bool
) -> None:
    monkeypatch.setattr(saving, "FILTER_AT_STOP", 1)
    async with shop_in(tmp_path) as shop:
        _, token = await ordered(shop, range(40))
    monkeypatch.setattr(saving, "FILTER_AT_STOP", 10**9)
    async with shop_in(tmp_path) as shop:
        headers = {"authorization": f"Bearer {token}", "idempotency-key": "k-later"}
        assert (await shop.http.post("/v1/orders", json=BODY, headers=headers)).status_code == 201
    if damage:
        async with Journal(tmp_path / "journal.db") as journal:
            kept = bytearray(await journal.get(saving.FILTER_NOTE) or b"")
            kept[1000] ^= 1
            await journal.put(saving.FILTER_NOTE, bytes(kept))
    async with shop_in(tmp_path) as shop:
        if damage:
            assert (
                not shop.box.core.requests.filter.may_hold(-1) or not shop.box.core.requests.filter.complete
            )
        else:
            assert shop.box.core.requests.filter.complete
        headers["idempotency-key"] = "k-later"
        again = await shop.http.post("/v1/orders", json=BODY, headers=headers)
        assert again.headers["idempotency-replayed"] == "true", "saved after the filter was kept"
        for key in range(40):
            assert await replayed(shop, token, key)
