"""A device changes its token: the old one is good until the new one is used, and a lost answer locks nobody out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.conftest import Device, Shop, shop_in


async def rotated(device: Device, key: str = "rotate-1") -> str:
    answer = await device.post("/v1/devices/me/token", key=key)
    assert answer.status_code == 201, answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json()["device_id"] == device.device_id
    return str(answer.json()["token"])


async def test_the_old_one_is_good_until_the_new_one_is_used(shop: Shop) -> None:
    old = await shop.device()
    token = await rotated(old)
    assert (await old.get("/v1/menu")).status_code == 200
    # The answer was lost: asked again, the same; and asked under another key, another, which takes its place.
    assert await rotated(old) == token
    other = await rotated(old, "rotate-2")
    assert other != token
    new = Device(shop.http, old.device_id, other)
    assert (await new.get("/v1/menu")).status_code == 200
    assert (await old.get("/v1/menu")).status_code == 401
    assert (await Device(shop.http, old.device_id, token).get("/v1/menu")).status_code == 401
    assert (await old.post("/v1/devices/me/token", key="rotate-1")).status_code == 401
    assert (await new.order()).status_code == 201
    again = await rotated(new)
    assert again not in (token, other)


async def test_only_one_fact_each_and_no_token_in_them(shop: Shop) -> None:
    old = await shop.device()
    token = await rotated(old)
    await rotated(old)
    new = Device(shop.http, old.device_id, token)
    for _ in range(3):
        assert (await new.get("/v1/menu")).status_code == 200
    await new.order()
    raws = [entry.raw async for entry in _entries(shop)]
    kinds = [raw.split(b'"type":"')[1].split(b'"')[0] for raw in raws]
    assert kinds.count(b"storehub.device.token_offered.v1") == 1
    assert kinds.count(b"storehub.device.token_taken.v1") == 1
    assert not any(token.encode() in raw for raw in raws)


async def _entries(shop: Shop):  # type: ignore[no-untyped-def]
    for entry in await shop.hub.journal.after(0, count_max=1000, bytes_max=1 << 24):
        yield entry


async def test_what_was_changed_is_so_after_a_restart(tmp_path: Path) -> None:
    async with shop_in(tmp_path / "data") as shop:
        first, second = await shop.device(), await shop.device()
        used, waiting = await rotated(first), await rotated(second)
        await Device(shop.http, first.device_id, used).order()
    async with shop_in(tmp_path / "data") as shop:
        for device in (first, second):
            device.http = shop.http
        assert (await first.get("/v1/menu")).status_code == 401
        assert (await Device(shop.http, first.device_id, used).get("/v1/menu")).status_code == 200
        assert (await second.get("/v1/menu")).status_code == 200
        assert (await Device(shop.http, second.device_id, waiting).get("/v1/menu")).status_code == 200
        assert (await second.get("/v1/menu")).status_code == 401


async def test_a_lost_device_is_out_with_either_token(shop: Shop) -> None:
    manager, lost = await shop.device("manager"), await shop.device()
    token = await rotated(lost)
    await manager.post(f"/v1/devices/{lost.device_id}", method="DELETE")
    for device in (lost, Device(shop.http, lost.device_id, token)):
        answer = await device.get("/v1/menu")
        assert (answer.status_code, answer.json()["slug"]) == (403, "device-revoked")
        assert (await device.post("/v1/devices/me/token")).status_code == 403


@pytest.mark.parametrize("key", [None, "", "é" * 3, "x" * 256])
async def test_a_key_is_needed(shop: Shop, key: str | None) -> None:
    device = await shop.device()
    headers = {"authorization": f"Bearer {device.token}"}
    if key is not None:
        headers["idempotency-key"] = key.encode("latin-1").decode("latin-1") if key.isascii() else "\x7f"
    answer = await shop.http.post("/v1/devices/me/token", headers=headers)
    assert (answer.status_code, answer.json()["slug"]) == (400, "idempotency-key-required")
