"""Customers' keys at the cloud: kept as they were wrapped, given back, destroyed for good; on both databases."""

from __future__ import annotations

import base64
import os
import sqlite3
from pathlib import Path

import pytest
from cloudkit import Cloud, HubClient

from cloud.store import queries
from cloud.store.urls import open_database


def key(seed: int = 0) -> str:
    return base64.b64encode(seed.to_bytes(4, "big") + os.urandom(56)).decode()


async def put(hub: HubClient, keys: dict[str, str], *destroyed: str) -> dict[str, object]:
    body = {"keys": [{"id": one, "wrapped": key} for one, key in keys.items()], "destroyed": destroyed}
    answer = await hub.http.put("keys", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def held(hub: HubClient, limit: int = 1000) -> dict[str, str]:
    found: dict[str, str] = {}
    after: str | None = ""
    while after is not None:
        answer = await hub.http.get("keys", params={"after": after, "limit": limit})
        assert answer.headers["cache-control"] == "no-store"
        page = answer.json()
        found |= {one["id"]: one["wrapped"] for one in page["keys"]}
        after = page["next"]
    return found


async def test_keys_are_kept_and_given_back_in_pages(hub: HubClient) -> None:
    keys = {f"c{number:03d}": key(number) for number in range(25)}
    assert await put(hub, keys) == {"held": 25, "destroyed": []}
    assert await put(hub, dict(list(keys.items())[:5])) == {"held": 25, "destroyed": []}
    assert await held(hub, 7) == await held(hub) == keys


async def test_what_was_destroyed_does_not_come_back_out_of_an_old_backup(hub: HubClient) -> None:
    old = key()
    await put(hub, {"c1": old, "c2": key()})
    assert await put(hub, {}, "c1", "nobody") == {"held": 1, "destroyed": []}
    assert await put(hub, {"c1": old}) == {"held": 1, "destroyed": ["c1"]}
    assert set(await held(hub)) == {"c2"}
    # The same customer, sent anew by the master data, has a new key.
    new = key()
    assert await put(hub, {"c1": new}) == {"held": 2, "destroyed": []}
    assert (await held(hub))["c1"] == new


async def test_a_hub_sees_its_own_keys_only(cloud: Cloud, hub: HubClient) -> None:
    await put(hub, {"c1": key()})
    async with cloud.hub("s2") as other:
        assert await held(other) == {}
        assert await put(other, {}, "c1") == {"held": 0, "destroyed": []}
        other.http.base_url = hub.http.base_url
        for method in ("GET", "PUT"):
            assert (await other.http.request(method, "keys", json={})).status_code == 403
    assert set(await held(hub)) == {"c1"}


@pytest.mark.parametrize(
    "body",
    [
        {"keys": [{"id": "c1", "wrapped": "short"}]},
        {"keys": [{"id": "no spaces", "wrapped": key()}]},
        {"keys": [{"id": "c1", "wrapped": key(), "clear": "佐藤"}]},
        {"destroyed": ["佐藤"]},
        {"keys": [{"id": "c1", "wrapped": key()}] * 1001},
    ],
)
async def test_what_is_no_wrapped_key_is_refused(hub: HubClient, body: object) -> None:
    answer = await hub.http.put("keys", json=body)
    assert (answer.status_code, answer.json()["slug"]) == (400, "invalid-request")
    assert await held(hub) == {}


async def test_a_database_of_before_gets_the_table(tmp_path: Path) -> None:
    for version, files in ((1, ["schema.sqlite.sql"]), (2, ["schema.sqlite.sql", "schema.2.sql"])):
        path = tmp_path / f"{version}.db"
        with sqlite3.connect(path) as old:
            old.executescript("".join(map(queries.read, files)) + f"PRAGMA user_version = {version};")
        opened = open_database(f"sqlite:///{path}", service=True)
        assert opened.read(lambda session: session.one("keys_held", hub=1)) == (0,)
        opened.close()
