"""Every command on the same directory: while the hub runs, and while it does not."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from cliworld import MENU, Hub, Storehub, hash_chain_holds

from hub.cli.run import take
from hub.datadir import DataDir

Sell = Callable[[Hub, int], None]
SYNC = {
    "running", "link", "epoch", "last_seq", "acked_seq", "unsent", "quarantined", "last_ack_at", "reconciliation",
    "storage", "clock", "hub", "journal", "beacon", "behind", "devices", "currency",
}  # fmt: skip


@pytest.fixture(params=["running", "stopped", "killed"])
def store(request: pytest.FixtureRequest, hub: Hub, storehub: Storehub, sell: Sell) -> Storehub:
    """A store with 5 sales: 2 entries for the hub and menu, 1 device, 3 for each sale."""
    sell(hub, 5)
    if request.param == "stopped":
        hub.stop()
    elif request.param == "killed":
        hub.kill()
    return storehub


def test_looking_and_proving(store: Storehub, hub: Hub) -> None:
    status = store.json("status")
    assert set(status) >= SYNC
    running = hub.process.poll() is None
    assert status["running"] is running
    assert (status["last_seq"], status["unsent"]["count"], status["unsent"]["sales_total"]) == (18, 18, 4500)
    assert status["hub"]["id"] == hub.hub_id
    assert [device["name"] for device in status["devices"]] == ["h"]
    shown = store.ok("status")
    assert "18 entries" in shown
    assert "\x1b[" not in shown

    (device,) = store.json("device", "list")["devices"]
    assert (device["role"], device["revoked_at"]) == ("handheld", None)
    assert device["device_id"] in store.ok("device", "list")

    lines = store.ok("export").splitlines()
    assert [json.loads(line)["seq"] for line in lines] == list(range(1, 19))
    assert hash_chain_holds(lines)
    assert store.ok("export", "--from", "3", "--to", "5").splitlines() == lines[2:5]
    assert store.ok("export", "--from", "19") == ""

    report = store.json("verify")
    assert (report["ok"], report["entries"], report["whole"]) == (True, 18, True)
    if not running and hub.process.returncode == 0:
        assert report["tables_compared"] > 10
    assert "18 entries, 1 to 18" in store.ok("verify")
    # Looking has changed nothing.
    assert store.ok("export").splitlines() == lines


def test_changing(store: Storehub, hub: Hub, tmp_path: Path) -> None:
    running = hub.process.poll() is None
    code = store.json("device", "code", "--role", "kitchen", "--minutes", "5")
    assert re.fullmatch(r"[0-9A-Z]{5}-[0-9A-Z]{5}", code["code"])
    assert bool(code["uri"]) is running
    assert f"code={code['code'][:0]}" in store.ok("device", "code")
    made = store.ok("device", "add", "--name", "office", "--role", "manager")
    device_id = re.fullmatch(r"device=(\S+) token=(\S+)\n", made)[1]  # type: ignore[index]
    assert store.ok("device", "revoke", device_id) == f"revoked {device_id}\n"
    states = {row["device_id"]: row["revoked_at"] for row in store.json("device", "list")["devices"]}
    assert states[device_id]
    assert "no-such" in store.no("device", "revoke", "no-such")
    assert "table" in store.no("device", "code", "--role", "table")

    menu = tmp_path / "again.json"
    menu.write_text(json.dumps({**MENU, "products": [{**MENU["products"][0], "price": 950}]}))  # type: ignore[dict-item]
    assert "imported 1 products" in store.ok("import", str(menu))
    assert "nothing to change" in store.ok("import", str(menu))
    menu.write_text(json.dumps({**MENU, "currency": "USD"}))
    assert "currency" in store.no("import", str(menu))

    if running:
        assert "paused" in store.ok("sync", "pause")
        assert "resumed" in store.ok("sync", "resume")
        assert "quarantined" in store.no("sync", "retry", "3")
        store.ok("sync", "retry")
    else:
        before = store.json("status")["last_seq"]
        store.ok("sync", "pause")
        assert store.json("status")["link"]["state"] == "paused"
        store.ok("sync", "resume")
        assert store.json("status")["link"]["state"] == "offline"
        assert "does not run" in store.no("sync", "retry")
        assert store.json("status")["last_seq"] == before
    assert store.json("verify")["ok"]


def test_customers_are_added_and_never_removed(store: Storehub, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text(
        "id,code,points\n" + "".join(f"c-{number},{number},{number * 10}\n" for number in range(2500))
    )
    assert store.json("import", str(file))["count"] == 2500
    file.write_text("id,points\nc-1,7\n")
    assert store.json("import", str(file)) == {
        "seq": store.json("status")["last_seq"], "changes": 1, "applied": True, "kind": "customers", "count": 1,
        "skipped": [],
    }  # fmt: skip
    file.write_text("id,age,points\nc-1,44,7\nc-1,,x\n")
    said = store.no("import", str(file))
    assert "age" in said
    assert "nothing was imported" in said
    file.write_text("id,points\nc-1,7\nc-1,8\nc-2,x\n")
    said = store.no("import", str(file))
    assert "row 3" in said
    assert "row 4" in said


def test_a_faulty_menu_names_its_lines(storehub: Storehub, tmp_path: Path) -> None:
    file = tmp_path / "menu.csv"
    file.write_text("id,name,price\np-1,Ramen,900\np-1,Gyoza,x\n")
    assert "row 3" in storehub.no("import", str(file))


def test_a_csv_menu_before_the_first_start(storehub: Storehub, tmp_path: Path) -> None:
    file = tmp_path / "menu.csv"
    file.write_text("id,name,price\np-1,ラーメン,900\n", encoding="cp932")
    assert "imported 1 products" in storehub.ok("import", str(file))
    assert "Shift" in storehub.ok("import", "--help") or storehub.json("verify")["ok"]


def test_a_code_made_while_stopped_holds_when_it_runs(
    storehub: Storehub, request: pytest.FixtureRequest
) -> None:
    code = storehub.json("device", "code")["code"]
    hub: Hub = request.getfixturevalue("hub")
    paired = httpx.post(f"{hub.url}/v1/pairings", json={"code": code, "name": "h"}, trust_env=False)
    assert paired.status_code == 201


def test_a_second_hub_is_refused_at_once(hub: Hub, storehub: Storehub) -> None:
    began = time.monotonic()
    assert "another hub runs" in storehub.no("run", "--http", "--port", "0", "--no-mdns")
    assert time.monotonic() - began < 3


def test_a_hub_waits_for_a_command_that_has_the_directory_for_a_moment(storehub: Storehub) -> None:
    folder, other = DataDir(storehub.data), DataDir(storehub.data)
    assert folder.lock()
    timer = threading.Timer(0.4, folder.unlock)
    timer.start()
    take(other)
    other.unlock()
    timer.join()


def test_nothing_there_is_said_plainly(storehub: Storehub) -> None:
    for command in ("status", "export", "verify"):
        assert str(storehub.data) in storehub.no(command)
    assert "not there" in storehub.no("doctor")
    assert not storehub.data.exists()


def test_export_to_a_reader_that_leaves(storehub: Storehub, tmp_path: Path) -> None:
    file = tmp_path / "customers.csv"
    file.write_text("id,points\n" + "".join(f"c-{number},1\n" for number in range(5000)))
    storehub.ok("import", str(file))
    shell = f"'{sys.executable}' -m hub export --data '{storehub.data}' | head -c 10"
    done = subprocess.run(["bash", "-c", shell], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == '{"specvers'
    assert done.stderr == ""


def test_every_command_helps(storehub: Storehub) -> None:
    shown = storehub.ok("--help")
    names = re.findall(r"(?m)^  ([a-z]+) ", shown.partition("Commands:")[2])
    assert len(names) >= 11
    for name in names:
        assert f"Usage: storehub {name}" in storehub.ok(name, "--help")


def test_the_installed_program_says_the_same(storehub: Storehub) -> None:
    done = storehub.process("--version")
    assert (done.returncode, done.stderr) == (0, "")
    done = storehub.process("verify")
    assert (done.returncode, done.stdout) == (1, "")
    assert "Traceback" not in done.stderr


def test_wrong_usage_is_2(storehub: Storehub) -> None:
    storehub.no("device", "add", "--name", "x", "--role", "king", code=2)
    storehub.no("export", "--from", "0", code=2)
    storehub.no("status", "--colour", code=2)
