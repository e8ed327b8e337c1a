"""A new box from the mirror or the cloud: the same bytes, the same devices and answers, new numbers."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest

from hub.datadir import DataDir, Primary
from hub.mirror import medium
from tests.support.handheld import Line
from tests.support.process import HubProcess, RigError
from tests.support.rig import HUB, Rig, run


async def order(port: int, token: str, key: str) -> tuple[int, dict[str, str], Any]:
    line = Line(port)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key}
    body = {"type": "x.acme.seen", "data": {"mark": key}}
    try:
        status, said, answer = await line.ask("POST", "/v1/facts", headers, json.dumps(body).encode())
        return status, said, json.loads(answer)
    finally:
        line.close()


@pytest.mark.slow
async def test_a_new_box_from_the_mirror(tmp_path: Path) -> None:
    usb, config, new = tmp_path / "usb", tmp_path / "storehub.toml", tmp_path / "new"
    config.write_text(f'mirror_dir = "{usb}"\nmirror_wait = "mirror"\n')
    old = HubProcess(tmp_path, "--config", str(config), "--store-name", "Shibuya")
    fresh = HubProcess(tmp_path, "--data", str(new))
    try:
        await old.start()
        prepared = await run("hub", "mirror", "prepare", "--data", str(old.data), str(usb))
        key = prepared.split("recovery key: ")[1].split()[0]
        _, token = await old.device()
        for number in range(5):
            first = await order(old.port, token, f"k{number}")
            assert first[0] == 201
        sealed = usb / "sealed.bin"
        async with asyncio.timeout(30):
            while not sealed.exists():
                await asyncio.sleep(0.05)
        await old.kill()
        lines = (await run("hub", "export", "--data", str(old.data))).splitlines()
        with pytest.raises(RigError, match="not the recovery key"):
            await run("hub", "replace", "--mirror", str(usb), "--recovery-key", "A" * 32, "--data", str(new))
        assert not new.exists()
        said = await run(
            "hub", "replace", "--json", "--mirror", str(usb), "--recovery-key", key, "--data", str(new)
        )
        made = json.loads(said)
        assert (made["entries"], made["head"]) == (len(lines), medium.position_of(usb).hash)
        assert made["missing"] == []
        assert (await run("hub", "export", "--data", str(new))).splitlines() == lines
        fresh.data = new
        await fresh.start()
        replayed = await order(fresh.port, token, "k4")
        assert (replayed[0], replayed[1].get("idempotency-replayed"), replayed[2]) == (201, "true", first[2])
        started = json.loads((await run("hub", "export", "--data", str(new))).splitlines()[len(lines)])[
            "data"
        ]
        assert started["reason"] == "replace"
        assert re.fullmatch(r"B\d{4}", started["receipt_series"])
        before, after = DataDir(old.data).known_identity(), DataDir(new).known_identity()
        assert before is not None
        assert after is not None
        assert (after.hub_id, after.store_key) == (before.hub_id, before.store_key)
        assert after.term > before.term
        assert json.loads(await run("hub", "verify", "--json", "--data", str(new)))["ok"]
    finally:
        await old.kill()
        await fresh.kill()


@pytest.mark.slow
async def test_the_backup_of_a_promoted_box_makes_the_store_that_it_took_over(tmp_path: Path) -> None:
    """On a third machine: the store's id, keys and settings, a higher term, and both boxes before it stay out."""
    store = {"store_id": "s9", "store_name": "Shibuya"}
    promoted, third = HubProcess(tmp_path), HubProcess(tmp_path, "--data", str(tmp_path / "third"))
    third.data = tmp_path / "third"
    data, target = DataDir(promoted.data), tmp_path / "b.tar"
    try:
        await promoted.start()
        _, token = await promoted.device()
        await promoted.stop()
        data.follow(Primary("http://10.0.0.1:8443", "", "t", "d1", "0000cccc", store))
        data.promote()
        data.note_peer("http://10.0.0.7:8443")
        key = data.recovery_key(make=True)
        await promoted.start()
        first = await order(promoted.port, token, "k1")
        await run("hub", "backup", "--data", str(data.path), str(target))
        await promoted.kill()
        await run("hub", "restore", "--data", str(third.data), str(target))
        restored = DataDir(third.data)
        assert (restored.role, restored.store_settings(), restored.known_peers()) == (
            "primary", store, ["http://10.0.0.7:8443"],
        )  # fmt: skip
        assert restored.recovery_key(make=False) == key
        before, after = data.known_identity(), restored.known_identity()
        assert before is not None
        assert after is not None
        assert (after.hub_id, after.store_key) == (before.hub_id, before.store_key)
        assert after.term > before.term
        await third.start()
        replayed = await order(third.port, token, "k1")
        assert (replayed[0], replayed[1].get("idempotency-replayed"), replayed[2]) == (201, "true", first[2])
        assert (await order(third.port, token, "k2"))[0] == 201
        sources = {
            json.loads(line)["source"]
            for line in (await run("hub", "export", "--data", str(third.data))).splitlines()[-2:]
        }
        assert sources == {f"/stores/s9/hubs/{after.hub_id}"}
        assert json.loads(await run("hub", "verify", "--json", "--data", str(third.data)))["ok"]
        data.note_peer(third.url)
        await promoted.start()
        assert (await order(promoted.port, token, "k3"))[2]["slug"] == "superseded"
        with pytest.raises(RigError, match=f"box {after.box} has taken over this store"):
            await run("hub", "backup", "--data", str(data.path), str(tmp_path / "late.tar"))
    finally:
        await promoted.kill()
        await third.kill()


@pytest.mark.slow
async def test_a_new_box_from_the_cloud_alone(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        _, token = await rig.pair("Register")
        _, manager = await rig.pair("Manager", "manager")
        for number in range(5):
            assert (await order(rig.port, token, f"k{number}"))[0] == 201
        await rig.drained(manager)
        await rig.hub.kill()
        lines, _ = await rig.exports()
        said = await run("cloud", "hub", "add", "--db", rig._database, "--store", "s1", "--hub", HUB)
        new = tmp_path / "new"
        made = json.loads(
            await run(
                *("hub", "replace", "--json", "--cloud", rig.wan.url, "--hub-id", HUB, "--data", str(new)),
                *("--cloud-token", said.split("token=")[1].strip()),
            )
        )
        assert (made["hub_id"], made["entries"]) == (HUB, len(lines))
        assert "secrets" in made["missing"][0]
        assert (await run("hub", "export", "--data", str(new))).encode().splitlines() == lines
