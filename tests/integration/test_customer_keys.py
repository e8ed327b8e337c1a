"""The keys of customers: wrapped, restored with a backup, missed when they are gone, destroyed after a crash, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.cli.archive import restore_backup, write_backup
from hub.cli.journal_file import open_journal
from hub.cli.verifying import verify
from hub.datadir import DataDir
from hub.domain.commands import RecoverEntry
from hub.ports import StoreError
from hub.service.customers import Customers
from hub.store.vault import Vault
from tests.integration.conftest import Shop, shop_in

SATO = {"name": "佐藤 花子", "phone": "090-1234-5678"}


def of(shop: Shop) -> Customers:
    assert shop.box.core.customers is not None
    return shop.box.core.customers


async def registered(shop: Shop) -> str:
    answer = await (await shop.device("handheld")).post("/v1/customers", SATO)
    return str(answer.json()["customer_id"])


def faults(folder: Path) -> list[str]:
    secret = DataDir(folder).customers_secret(make=False)
    with open_journal(folder / "journal.db") as journal:
        return verify(journal, None, lambda *_: None, secret).faults


async def test_a_backup_holds_what_is_needed_to_read_customers(tmp_path: Path) -> None:
    async with shop_in(tmp_path / "old") as shop:
        sato = await registered(shop)
        await shop.box.core.save()
        with open_journal(tmp_path / "old" / "journal.db") as journal:
            write_backup(journal, DataDir(tmp_path / "old"), tmp_path / "backup.tar", lambda *_: None)
    restore_backup(tmp_path / "backup.tar", DataDir(tmp_path / "new"), lambda *_: None)
    assert (tmp_path / "new" / "customers.key").stat().st_mode & 0o777 == 0o600
    assert faults(tmp_path / "new") == []
    async with shop_in(tmp_path / "new") as shop:
        manager = await shop.device("manager")
        assert (await manager.get(f"/v1/customers/{sato}")).json()["name"] == SATO["name"]


async def test_without_the_stores_key_customers_are_unreadable_and_the_store_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    async with shop_in(folder) as shop:
        sato = await registered(shop)
    (folder / "customers.key").rename(tmp_path / "elsewhere")
    assert "customers.key is missing" in faults(folder)[0]
    async with shop_in(folder) as shop:
        manager = await shop.device("manager")
        for answer in (
            await manager.get(f"/v1/customers/{sato}"),
            await manager.post("/v1/customers", {"name": "x"}),
        ):
            assert (answer.status_code, answer.json()["slug"]) == (503, "not-ready")
            assert "customers.key" in answer.json()["reason"]
        assert (await manager.order("t1")).status_code == 201
        lines = [{"product_id": "beer", "quantity": 1}]
        sale = {"lines": lines, "customer_id": sato, "tenders": [{"method": "cash", "amount": 500}]}
        assert (await manager.post("/v1/sales", sale)).status_code == 201
        assert not (folder / "customers.key").exists(), "a new one would hide that the old one is lost"
    (folder / "customers.key").write_text("00" * 32)
    assert "not the one" in faults(folder)[0]
    (tmp_path / "elsewhere").rename(folder / "customers.key")
    async with shop_in(folder) as shop:
        assert (await (await shop.device("manager")).get(f"/v1/customers/{sato}")).status_code == 200


async def test_a_key_that_outlived_its_customer_in_a_crash_is_destroyed_at_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"

    async def pulled_plug(self: Vault, ids: object) -> None:
        raise StoreError("the plug was pulled")

    async with shop_in(folder) as shop:
        sato = await registered(shop)
        manager = await shop.device("manager")
        with monkeypatch.context() as patch:
            patch.setattr(Vault, "destroy", pulled_plug)
            answer = await manager.post(f"/v1/customers/{sato}", method="DELETE", key="d")
            assert answer.status_code == 503, "nobody is told that it is done before it is"
            again = await manager.post(f"/v1/customers/{sato}", method="DELETE", key="d")
            assert again.status_code == 503
            await shop.box.core.save()
        assert sato in await of(shop).keys.keys([sato])
    assert "its key is there" in faults(folder)[0]
    async with shop_in(folder) as shop:
        await of(shop).built()
        assert await of(shop).keys.keys([sato]) == {}
        manager = await shop.device("manager")
        assert (await manager.get(f"/v1/customers/{sato}")).status_code == 404
    assert faults(folder) == []


async def test_a_deletion_that_comes_back_after_a_restore_destroys_the_key_again(tmp_path: Path) -> None:
    async with shop_in(tmp_path / "old") as shop:
        sato = await registered(shop)
        await shop.box.core.save()
        with open_journal(tmp_path / "old" / "journal.db") as journal:
            write_backup(journal, DataDir(tmp_path / "old"), tmp_path / "backup.tar", lambda *_: None)
        manager = await shop.device("manager")
        assert (await manager.post(f"/v1/customers/{sato}", method="DELETE")).status_code == 200
        lost = await shop.hub.journal.at(shop.hub.journal.position.seq)
        assert lost is not None
    restore_backup(tmp_path / "backup.tar", DataDir(tmp_path / "new"), lambda *_: None)
    async with shop_in(tmp_path / "new") as shop:
        await of(shop).built()
        assert sato in await of(shop).keys.keys([sato])
        await shop.box.core.desk.order(
            RecoverEntry(epoch=lost.epoch, seq=lost.seq, hash=lost.hash, entry=lost.raw.decode())
        )
        await of(shop).follow()
        assert await of(shop).keys.keys([sato]) == {}
        manager = await shop.device("manager")
        assert (await manager.get(f"/v1/customers/{sato}")).status_code == 404


async def test_a_sealed_person_cannot_pass_for_another(shop: Shop) -> None:
    keys = await of(shop).keys.make(["a", "b"])
    sealed = keys["a"].seal(b"who")
    assert keys["a"].open(sealed) == b"who"
    assert keys["a"].seal(b"who") != sealed
    with pytest.raises(ValueError, match="not sealed"):
        keys["b"].open(sealed)
    row = (await shop.hub.journal.rows("keys_of", ('["a"]',)))[0][1]
    await shop.hub.journal.transact([("drop_key", [("b",)]), ("put_key", [("b", row)])])
    with pytest.raises(StoreError, match="not the one"):
        await of(shop).keys.keys(["b"])
