"""Customers over HTTP: registered, found, changed, merged and forgotten, and nothing of them in clear on the disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hub.domain import entries
from hub.domain.commands import ApplyMaster
from hub.domain.facts import MasterChange
from hub.store.vault import Vault
from tests.integration.conftest import Device, Shop, shop_in

SATO = {
    "name": "佐藤 花子", "kana": "サトウ ハナコ", "phone": "090-1234-5678", "email": "hanako@example.jp",
    "code": "M-0042", "card": "2800012345", "note": "窓側の席",
}  # fmt: skip


async def register(device: Device, **person: str) -> str:
    answer = await device.post("/v1/customers", person or SATO)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["customer_id"])


async def found(device: Device, query: str) -> list[str]:
    answer = await device.http.get(
        "/v1/customers", params={"q": query}, headers={"authorization": f"Bearer {device.token}"}
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    return [one["customer_id"] for one in answer.json()["customers"]]


async def cloud(shop: Shop, *values: dict[str, Any], full: bool = False) -> None:
    changes = tuple(MasterChange("customer", value["id"], value) for value in values)
    await shop.box.core.desk.order(ApplyMaster("cloud", changes, full=full))


async def test_registered_offline_and_found_at_once_by_whatever_is_known(shop: Shop) -> None:
    handheld = await shop.device("handheld")
    sato = await register(handheld)
    suzuki = await register(handheld, name="鈴木", kana="すずき", phone="+81 3 1111 2222")
    for query in (
        "佐藤",
        "花子 佐藤",
        "さとう",
        "ｻﾄｳ",
        "サトウハナ",
        "0901234",
        "5678",
        "m-0042",
        "2800012345",
    ):
        assert await found(handheld, query) == [sato], query
    assert await found(handheld, "03-1111") == [suzuki]
    assert await found(handheld, "田中") == []
    shown = (await handheld.get(f"/v1/customers/{sato}")).json()
    assert {name: shown[name] for name in SATO} == SATO
    assert (shown["points"], shown["origin"], shown["expires_on"]) == (0, "store", None)


async def test_a_retry_registers_nobody_twice_and_another_person_under_the_key_is_refused(shop: Shop) -> None:
    handheld = await shop.device("handheld")
    first = await handheld.post("/v1/customers", SATO, key="k")
    again = await handheld.post("/v1/customers", SATO, key="k")
    assert (again.json(), again.headers["idempotency-replayed"]) == (first.json(), "true")
    other = await handheld.post("/v1/customers", {**SATO, "phone": "090-0000-0000"}, key="k")
    assert other.json()["slug"] == "idempotency-key-reused"
    assert len(await found(handheld, "佐藤")) == 1
    taken = await handheld.post("/v1/customers", {"name": "誰か", "card": SATO["card"]})
    assert (taken.status_code, taken.json()["customer_id"]) == (409, first.json()["customer_id"])
    nobody = await handheld.post("/v1/customers", {"email": "x@example.jp"})
    assert nobody.status_code == 422
    card = await handheld.post("/v1/customers", {"name": "x", "card": "4111 1111 1111 1111"})
    assert card.json()["slug"] == "card-number-refused"


async def test_the_hash_of_a_request_tells_nothing_of_the_person(shop: Shop) -> None:
    handheld = await shop.device("handheld")
    start = shop.box.core.journal.position.seq
    for _ in range(2):
        await register(handheld, phone="090-1234-5678")
    made = await shop.box.core.journal.after(start, count_max=9, bytes_max=1 << 20)
    hashes = {entries.read(entry.raw).requesthash for entry in made}
    assert len(hashes) == 2, "the same request of two people: a hash that anyone can make would be the same"


async def test_a_change_replaces_what_it_names(shop: Shop) -> None:
    register_ = await shop.device("register")
    sato = await register(register_)
    path = f"/v1/customers/{sato}"
    assert (await register_.post(path, {"phone": "080-1", "note": ""}, method="PATCH")).status_code == 200
    shown = (await register_.get(path)).json()
    assert (shown["phone"], shown["note"], shown["name"], shown["version"]) == ("080-1", "", SATO["name"], 2)
    assert await found(register_, "09012345678") == []
    assert await found(register_, "0801") == [sato]
    assert (await register_.post(path, {}, method="PATCH")).status_code == 422
    assert (await register_.post("/v1/customers/no", {"name": "x"}, method="PATCH")).status_code == 404


async def test_who_may_read_and_who_may_not(shop: Shop) -> None:
    sato = await register(await shop.device("handheld"))
    for role, status in (("register", 200), ("manager", 200), ("technician", 403), ("kitchen", 403)):
        device = await shop.device(role)  # type: ignore[arg-type]
        for path in (f"/v1/customers/{sato}", f"/v1/customers/{sato}/points", "/v1/customers?q=sa"):
            assert (await device.get(path)).status_code == status, (role, path)
    handheld = await shop.device("handheld")
    assert (await handheld.post(f"/v1/customers/{sato}", method="DELETE")).status_code == 403
    adjusted = await handheld.post(f"/v1/customers/{sato}/points", {"points": 1, "reason": "x"})
    assert adjusted.status_code == 403


def clear_on_disk(folder: Path) -> list[str]:
    """Words of a person that stand anywhere in the files of the store, in clear."""
    words = [*SATO.values(), "佐藤", "さとう", "09012345678", "hanako", "m-0042"]
    held = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    return [word for word in words if any(word.encode() in raw for raw in held)]


async def test_nothing_of_a_person_is_readable_on_the_disk_or_in_the_feed(tmp_path: Path) -> None:
    async with shop_in(tmp_path / "data") as shop:
        handheld, manager = await shop.device("handheld"), await shop.device("manager")
        sato = await register(handheld)
        await handheld.post(f"/v1/customers/{sato}", {"note": "窓側の席"}, method="PATCH")
        await cloud(shop, {"id": "c-1", **SATO, "name": "佐藤 花子"})
        await found(manager, "佐藤")
        await shop.box.core.save()
        assert clear_on_disk(tmp_path) == []
        key = tmp_path / "data" / "customers.key"
        assert key.stat().st_mode & 0o777 == 0o600
        page = await shop.box.core.journal.after(0, count_max=1000, bytes_max=1 << 30)
        assert not any("佐藤".encode() in entry.raw for entry in page)


async def test_forgotten_means_that_nobody_can_read_it_again(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with shop_in(folder) as shop:
        manager = await shop.device("manager")
        sato = await register(manager)
        first = await manager.post(f"/v1/customers/{sato}", {"phone": "03-1"}, key="p", method="PATCH")
        await manager.post(f"/v1/customers/{sato}/points", {"points": 50, "reason": "welcome"})
        await shop.box.core.save()
        customers = shop.box.core.customers
        assert customers is not None
        raw = (await shop.hub.journal.rows("keys_of", (f'["{sato}"]',)))[0][1]
        assert bytes(raw) in (folder / "journal.db").read_bytes() + (folder / "journal.db-wal").read_bytes()
        gone = await manager.post(f"/v1/customers/{sato}", method="DELETE", key="d")
        assert (gone.status_code, gone.json()["points"]) == (200, 50)
        assert (await manager.post(f"/v1/customers/{sato}", method="DELETE", key="d")).json() == gone.json()
        assert await customers.keys.keys([sato]) == {}
        assert bytes(raw) not in (folder / "journal.db").read_bytes()
        assert bytes(raw) not in (folder / "journal.db-wal").read_bytes()
        assert await found(manager, "佐藤") == []
        assert (await manager.get(f"/v1/customers/{sato}")).status_code == 404
        assert (await manager.post(f"/v1/customers/{sato}", method="DELETE")).status_code == 404
        # A retry of what was answered before still gets its answer, which says nothing of the person.
        again = await manager.post(f"/v1/customers/{sato}", {"phone": "03-1"}, key="p", method="PATCH")
        assert again.json() == first.json()
        # What the cloud sends late brings nobody back.
        await cloud(shop, {"id": sato, **SATO})
        assert (await manager.get(f"/v1/customers/{sato}")).status_code == 404
        assert await customers.keys.keys([sato]) == {}
    async with shop_in(folder) as shop:
        manager = await shop.device("manager")
        assert await found(manager, "佐藤") == []


async def test_found_again_after_a_start(tmp_path: Path) -> None:
    async with shop_in(tmp_path) as shop:
        sato = await register(await shop.device("handheld"))
    async with shop_in(tmp_path) as shop:
        customers = shop.box.core.customers
        assert customers is not None
        await customers.built()
        assert await found(await shop.device("handheld"), "佐藤") == [sato]


async def test_one_whom_the_cloud_brings_is_merged_with_the_stores_own(shop: Shop) -> None:
    manager = await shop.device("manager")
    sato = await register(manager)
    other = await register(manager, name="佐藤 太郎", kana="さとうたろう", phone="090-1234-5678")
    await manager.post(f"/v1/customers/{sato}/points", {"points": 30, "reason": "welcome"})
    await cloud(
        shop,
        {"id": "c-1", "name": "佐藤花子", "kana": "さとうはなこ", "phone": "09012345678", "points": 100},
        {"id": "c-2", "name": "高橋", "phone": "0312345678"},
    )
    assert sorted(await found(manager, "佐藤")) == sorted(["c-1", other])
    shown = (await manager.get(f"/v1/customers/{sato}")).json()
    assert (shown["customer_id"], shown["points"], shown["card"]) == ("c-1", 130, SATO["card"])
    ledger = (await manager.get(f"/v1/customers/{sato}/points")).json()
    assert [(one["kind"], one["points"]) for one in ledger["movements"]] == [("merged", 30), ("opening", 100)]
    by_hand = await manager.post("/v1/customers/c-1/merge", {"customer_id": other})
    assert (by_hand.status_code, by_hand.json()["by_hand"]) == (200, True)
    assert await found(manager, "佐藤") == ["c-1"]
    again = await manager.post("/v1/customers/c-1/merge", {"customer_id": other})
    assert again.status_code == 409


async def test_a_full_list_of_the_clouds_ends_what_came_from_there_only(shop: Shop) -> None:
    manager = await shop.device("manager")
    sato = await register(manager)
    await cloud(shop, {"id": "c-1", "name": "高橋"}, {"id": "c-2", "name": "田中"})
    seq = shop.box.core.journal.position.seq
    await cloud(shop, {"id": "c-1", "name": "高橋"})
    assert shop.box.core.journal.position.seq == seq, "nothing had changed"
    await cloud(shop, {"id": "c-1", "name": "高橋"}, full=True)
    assert await found(manager, "田中") == []
    assert await found(manager, "佐藤") == [sato]
    await cloud(shop, {"id": "c-2", "name": "田中"})
    assert await found(manager, "田中") == ["c-2"]


async def test_points_of_a_sale_through_the_till(shop: Shop) -> None:
    await shop.box.core.desk.order(
        ApplyMaster(
            "cloud",
            (
                MasterChange("setting", "points_rate", "0.1"),
                MasterChange("tender_method", "points", {"id": "points", "name": "P", "kind": "points"}),
            ),
        )
    )
    manager = await shop.device("manager")
    sato = await register(manager)
    await shop.box.core.save()
    lines = [{"product_id": "beer", "quantity": 2}]
    cash = {"lines": lines, "tenders": [{"method": "cash", "amount": 1000}], "customer_id": sato}
    sale = (await manager.post("/v1/sales", cash)).json()
    assert sale["points_granted"] == 100
    tenders = [{"method": "points", "amount": 80}, {"method": "cash", "amount": 920}]
    paid = (await manager.post("/v1/sales", {"lines": lines, "tenders": tenders, "customer_id": sato})).json()
    assert (paid["points_used"], paid["points_granted"]) == (80, 92)
    short = await manager.post(
        "/v1/sales",
        {"lines": [{"product_id": "beer", "quantity": 1}], "customer_id": sato,
         "tenders": [{"method": "points", "amount": 500}]},
    )  # fmt: skip
    assert (short.status_code, short.json()["slug"], short.json()["available"]) == (409, "points-short", 112)
    await shop.box.core.save()
    await manager.post(f"/v1/sales/{paid['sale_id']}/void", {"reason": "wrong"})
    ledger = (await manager.get(f"/v1/customers/{sato}/points")).json()
    assert ledger["points"] == ledger["points_available"] == 100
    assert [(one["kind"], one["points"], one["balance"]) for one in ledger["movements"]] == [
        ("revoked", -92, 100), ("returned", 80, 192), ("granted", 92, 112), ("used", -80, 20),
        ("granted", 100, 100),
    ]  # fmt: skip


async def test_a_key_that_was_used_for_something_else_is_no_customers(shop: Shop) -> None:
    manager = await shop.device("manager")
    order = {"table_id": "t1", "lines": [{"product_id": "salad", "quantity": 1}]}
    assert (await manager.post("/v1/orders", order, key="one")).status_code == 201
    made = await manager.post("/v1/customers", {"name": "佐藤 花子"}, key="two")
    assert made.status_code == 201
    path = f"/v1/customers/{made.json()['customer_id']}"
    points = {"points": 5, "reason": "a gift"}
    assert (await manager.post(f"{path}/points", points, key="three")).status_code == 201
    again = await manager.post("/v1/customers", {"name": "佐藤 花子"}, key="two")
    assert (again.status_code, again.json()) == (201, made.json())
    for key in ("one", "two", "three"):
        for answer in (
            await manager.post("/v1/customers", {"name": "鈴木"}, key=key),
            await manager.post(path, {"name": "佐藤 花子"}, key=key, method="PATCH"),
            await manager.post(path, {}, key=key, method="PATCH"),
        ):
            assert (answer.status_code, answer.json()["slug"]) == (422, "idempotency-key-reused")


async def test_the_cloud_finds_the_stores_own_record_though_it_has_left_memory(shop: Shop) -> None:
    handheld = await shop.device("handheld")
    own = await register(handheld)
    await cloud(shop, {"id": "c-2", "name": "鈴木"}, {"id": "c-3", "name": "高橋"})
    await shop.box.core.save()
    assert not shop.box.core.state.customers.committed
    await cloud(shop, {"id": "c-1", "name": "佐藤", "card": SATO["card"]})
    assert (await handheld.get(f"/v1/customers/{own}")).json()["customer_id"] == "c-1"
    await shop.box.core.save()
    # A full list ends those that are not in it.
    await cloud(shop, {"id": "c-1", "name": "佐藤"}, {"id": "c-2", "name": "鈴木"}, full=True)
    assert (await handheld.get("/v1/customers/c-3")).status_code == 404
    assert await found(handheld, "高橋") == []
    assert await found(handheld, "佐藤") == ["c-1"]


async def test_a_record_that_leaves_memory_while_its_key_is_fetched_is_changed_all_the_same(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    handheld = await shop.device("handheld")
    sato = await register(handheld)
    await shop.box.core.save()
    state, keys = shop.box.core.state, Vault.keys

    async def slow(vault: Vault, ids: Any) -> Any:
        # As a save does that ends just now.
        state.customers.forget(sato)
        return await keys(vault, ids)

    monkeypatch.setattr(Vault, "keys", slow)
    changed = await handheld.post(f"/v1/customers/{sato}", {"note": "出口側"}, method="PATCH")
    assert changed.status_code == 200, changed.text
    assert (await handheld.get(f"/v1/customers/{sato}")).json()["note"] == "出口側"
