"""A backup is of one moment, replaces nothing, and makes a hub again; a damaged one makes nothing."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cliworld import Hub, Storehub

from hub.cli.archive import CONTENTS
from hub.datadir import DataDir, Primary

Sell = Callable[[Hub, int], None]


@pytest.mark.parametrize("stop", [False, True])
def test_there_and_back(hub: Hub, storehub: Storehub, sell: Sell, tmp_path: Path, stop: bool) -> None:
    sell(hub, 4)
    if stop:
        hub.stop()
    lines = storehub.ok("export").splitlines()
    target = tmp_path / "there.tar"
    made = storehub.json("backup", str(target))
    assert (made["last_seq"], made["hub_id"]) == (len(lines), hub.hub_id)
    assert target.stat().st_mode & 0o777 == 0o600
    assert "replaces nothing" in storehub.no("backup", str(target))

    new = tmp_path / "new"
    storehub.ok("restore", str(target), "--data", str(new))
    assert "not empty" in storehub.no("restore", str(target), "--data", str(new))
    assert storehub.ok("export", data=new).splitlines() == lines
    assert storehub.json("verify", data=new)["ok"]
    assert {path.name: path.stat().st_mode & 0o077 for path in new.iterdir()} == {
        "identity.json": 0, "identity.copy.json": 0, "journal.db": 0, "lock": 0, "restored.json": 0,
    }  # fmt: skip
    before, after = (json.loads((folder / "identity.json").read_text()) for folder in (storehub.data, new))
    assert before["hub_id"] == after["hub_id"]
    assert before["store_key"] == after["store_key"]
    assert before["box"] != after["box"]

    # The next start, whoever makes it, opens a new series of receipt numbers; the one after it does not.
    for _ in range(2):
        storehub.ok("device", "add", "--name", "x", "--role", "kitchen", data=new)
    entries = [json.loads(line) for line in storehub.ok("export", data=new).splitlines()]
    started = [entry["data"] for entry in entries[len(lines) :] if entry["type"] == "storehub.hub.started.v1"]
    assert [start.get("reason", "start") for start in started] == ["restore", "start"]
    series = started[0]["receipt_series"]
    assert re.fullmatch(r"B\d{4}", series)
    assert started[1]["receipt_series"] == series
    assert storehub.json("verify", data=new)["ok"]


def test_a_directory_gets_a_name_and_keeps_no_scraps(
    hub: Hub, storehub: Storehub, sell: Sell, tmp_path: Path
) -> None:
    sell(hub, 1)
    medium = tmp_path / "usb"
    medium.mkdir()
    name = Path(storehub.json("backup", str(medium))["file"]).name
    assert name.startswith(f"storehub-{hub.hub_id}-")
    assert [path.name for path in medium.iterdir()] == [name]


def test_a_standbys_backup_has_the_settings_of_the_store(
    hub: Hub, storehub: Storehub, sell: Sell, tmp_path: Path
) -> None:
    sell(hub, 1)
    hub.stop()
    data = DataDir(storehub.data)
    data.follow(Primary("http://10.0.0.1:8443", "", "secret", "d1", "0000cccc", {"store_id": "s9"}))
    # One of the two files that say who the hub is may be damaged.
    (data.path / "identity.json").write_bytes(b"{")
    storehub.ok("backup", str(tmp_path / "b.tar"))
    assert b"secret" not in (tmp_path / "b.tar").read_bytes()
    storehub.ok("restore", str(tmp_path / "b.tar"), "--data", str(tmp_path / "new"))
    new = DataDir(tmp_path / "new")
    assert (new.role, new.store_settings()) == ("primary", {"store_id": "s9"})


@pytest.mark.parametrize("damage", ["flip", "cut", "foreign file", "no backup"])
def test_a_damaged_backup_leaves_the_directory_empty(
    hub: Hub, storehub: Storehub, sell: Sell, tmp_path: Path, damage: str
) -> None:
    sell(hub, 1)
    target = tmp_path / "there.tar"
    storehub.ok("backup", str(target))
    content = bytearray(target.read_bytes())
    if damage == "flip":
        content[content.index(b"Ramen")] ^= 1
    elif damage == "cut":
        del content[len(content) // 2 :]
    elif damage == "no backup":
        content = bytearray(b"hello" * 1000)
    target.write_bytes(content)
    if damage == "foreign file":
        with tarfile.open(target, "w") as tar:
            listed = {
                "format": 1,
                "hub_id": "h",
                "made_at": "",
                "last_seq": 0,
                "head": "",
                "files": {"../evil": ""},
            }
            for name, body in ((CONTENTS, json.dumps(listed).encode()), ("../evil", b"x")):
                member = tarfile.TarInfo(name)
                member.size = len(body)
                tar.addfile(member, io.BytesIO(body))
    new = tmp_path / "new"
    storehub.no("restore", str(target), "--data", str(new))
    assert {path.name for path in new.rglob("*") if path.is_file()} <= {"lock"}
    assert not (tmp_path / "evil").exists()
