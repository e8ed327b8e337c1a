from __future__ import annotations

import asyncio
import json
from time import monotonic, time
from typing import Any

import pytest
from cloudkit import Cloud, HubClient

from cloud import master
from cloud.errors import SetupError

MENU: dict[str, Any] = {
    "currency": "JPY",
    "categories": [{"id": "c1", "name": "飲み物"}],
    "products": [
        {"id": "p1", "name": "生ビール", "category_id": "c1", "price": 550},
        {"id": "p2", "name": "枝豆", "category_id": "c1", "price": 300},
    ],
    "option_groups": [{"id": "g1", "name": "サイズ", "min": 0, "max": 1, "options": []}],
    "tax_rates": [{"tax_class": "standard", "rate": "0.10", "from": "2019-10-01T00:00:00+09:00"}],
    "tables": [{"id": "t1", "name": "1", "area": "1F"}],
    "tender_methods": [{"id": "cash", "name": "現金", "kind": "cash", "needs_network": False}],
    "staff": [{"id": "st1", "code": "1", "name": "佐藤", "role": "staff"}],
}


def raw(**more: Any) -> bytes:
    return json.dumps({**MENU, **more}).encode()


async def changes(hub: HubClient, since: str = "", wait: float = 0) -> dict[str, Any]:
    answer = await hub.http.get("master", params={"since": since, "wait": wait})
    assert answer.status_code == 200, answer.text
    return answer.json()


def short(answer: dict[str, Any]) -> list[tuple[str, str, bool]]:
    return [(c["kind"], c["id"], c["value"] is None) for c in answer["changes"]]


async def test_everything_first_then_what_changed(cloud: Cloud, hub: HubClient) -> None:
    nothing = await changes(hub)
    assert nothing == {"cursor": "0", "full": True, "changes": []}
    assert cloud.import_menu(raw()) == 9
    full = await changes(hub)
    assert full["full"]
    assert short(full) == [
        ("setting", "currency", False), ("tax_rate", "standard@2019-10-01T00:00:00+09:00", False),
        ("category", "c1", False), ("option_group", "g1", False), ("product", "p1", False),
        ("product", "p2", False), ("table", "t1", False), ("tender_method", "cash", False),
        ("staff", "st1", False),
    ]  # fmt: skip
    assert {c["id"]: c["value"] for c in full["changes"]}["p1"] == MENU["products"][0]
    assert {c["id"]: c["value"] for c in full["changes"]}["currency"] == "JPY"
    # A store without master data stood at "0"; all of it is a change for whoever stands there.
    assert short(await changes(hub, "0")) == short(full)
    assert await changes(hub, full["cursor"]) == {"cursor": full["cursor"], "full": False, "changes": []}
    assert cloud.import_menu(raw()) == 0
    assert (await changes(hub, full["cursor"]))["cursor"] == full["cursor"]
    dearer = {**MENU["products"][0], "price": 600}
    assert cloud.import_menu(raw(products=[dearer])) == 2
    some = await changes(hub, full["cursor"])
    assert not some["full"]
    assert some["changes"] == [
        {"kind": "product", "id": "p1", "version": 2, "value": dearer},
        {"kind": "product", "id": "p2", "version": 2, "value": None},
    ]
    assert ("product", "p2", True) not in short(await changes(hub))
    assert len((await changes(hub))["changes"]) == 8


async def test_a_section_that_is_absent_is_left_alone(cloud: Cloud, hub: HubClient) -> None:
    cloud.import_menu(raw(customers=[{"id": "k1"}]))
    cloud.database.write(lambda session: master.revoke_device(session, "s1", "d7", time()))  # type: ignore[arg-type]
    before = short(await changes(hub))
    assert ("device_revoked", "d7", False) in before
    assert cloud.import_menu(b'{"tables": []}') == 1
    assert [c for c in before if c not in short(await changes(hub))] == [("table", "t1", False)]


async def test_a_cursor_that_is_not_ours_brings_everything(cloud: Cloud, hub: HubClient) -> None:
    cloud.import_menu(raw())
    for cursor in ("7.abcdef00", "1.00000000", "nonsense", "-1.x", "99999999999999999999.x", "\uff11.x"):
        answer = await changes(hub, cursor)
        assert answer["full"], cursor
        assert len(answer["changes"]) == 9


async def test_stores_have_their_own(cloud: Cloud, hub: HubClient) -> None:
    async with cloud.hub("s2") as other:
        cloud.import_menu(raw())
        assert (await changes(other))["changes"] == []


@pytest.mark.parametrize(
    "wrong",
    [b"[]", b"{", raw(products=[{"name": "no id"}]), raw(products=[{"id": "a b"}]), raw(produtcs=[]),
     raw(products=[{"id": "p"}, {"id": "p"}]), raw(products={}), raw(tax_rates=[{"id": "x"}]), raw(staff=["x"]),
     raw(products=[{"id": "p", "name": "\0"}])],
)  # fmt: skip
def test_a_mistake_in_a_file_is_told(wrong: bytes) -> None:
    with pytest.raises(SetupError):
        master.parse_menu(wrong)


async def test_a_file_with_a_mistake_changes_nothing(cloud: Cloud, hub: HubClient) -> None:
    with pytest.raises(SetupError):
        cloud.import_menu(raw(staff=["x"]))
    assert (await changes(hub))["changes"] == []


async def test_an_unknown_store_is_told(cloud: Cloud) -> None:
    with pytest.raises(SetupError, match="add its hub first"):
        cloud.import_menu(raw(), store="nowhere")


async def test_a_wait_ends_with_the_first_change(cloud: Cloud, hub: HubClient) -> None:
    cloud.import_menu(raw())
    cursor = (await changes(hub))["cursor"]
    waiting = [asyncio.create_task(changes(hub, cursor, wait=20)) for _ in range(3)]
    async with asyncio.timeout(10):
        while cloud.desk._waiting.get("s1") != 3:  # type: ignore[call-overload]
            await asyncio.sleep(0.01)
    begun = monotonic()
    await asyncio.to_thread(cloud.import_menu, raw(tables=[]))
    for answer in await asyncio.gather(*waiting):
        assert short(answer) == [("table", "t1", True)]
    assert monotonic() - begun < 5
    assert cloud.desk._waiting == {}


async def test_a_wait_without_a_change_ends_in_time(cloud: Cloud, hub: HubClient) -> None:
    cloud.import_menu(raw())
    cursor = (await changes(hub))["cursor"]
    begun = monotonic()
    assert await changes(hub, cursor, wait=0.3) == {"cursor": cursor, "full": False, "changes": []}
    assert monotonic() - begun >= 0.3
    assert (await hub.http.get("master?wait=nan")).status_code == 400
    assert (await hub.http.get("master?wait=-1")).status_code == 400
