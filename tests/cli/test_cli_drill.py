"""The drills: an outage that the hub ends by itself, and a box that is made again from a copy and thrown away."""

from __future__ import annotations

import asyncio
import json
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cliworld import Hub, Storehub

from hub.control import ControlError, ask
from tests.support.core import MENU
from tests.support.handheld import Line as HttpLine
from tests.support.process import hub_process
from tests.support.rig import Rig

pytestmark = pytest.mark.slow

Sell = Callable[[Hub, int], None]


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A local socket's address has 107 bytes at most, and the hub's is in its data directory."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


def steps(said: str) -> dict[str, dict[str, Any]]:
    return {step["check"]: step for step in json.loads(said)["steps"]}


def test_a_box_made_again_sells_with_fresh_numbers_and_leaves_no_trace(
    hub: Hub, storehub: Storehub, sell: Sell, tmp_path: Path, short_folder: Path
) -> None:
    sell(hub, 3)
    room = short_folder
    backup = tmp_path / "b.tar"
    storehub.ok("backup", str(backup))
    before = storehub.ok("export")
    never = {"STOREHUB_HTTP": "1"}
    assert "drill_box.never" in storehub.run("doctor", "--json", "--wait", "0.5", **never).stdout
    # With the hub running, from a backup made now; the settings name a cloud that must not be called.
    with socket.create_server(("127.0.0.1", 0)) as cloud:
        url = f"http://127.0.0.1:{cloud.getsockname()[1]}"
        named = {"STOREHUB_CLOUD_URL": url, "STOREHUB_CLOUD_TOKEN": "t"}
        done = storehub.run("drill", "box", "--room", str(room), "--json", **named)
        cloud.settimeout(0)
        with pytest.raises(BlockingIOError):
            cloud.accept()
    assert done.exit_code == 0, (done.stdout, done.stderr, done.exception)
    found = steps(done.stdout)
    ids = [step["id"] for step in found.values()]
    assert ids == ["copy.made", "restored.whole", "serving.ready", "sale.taken", "whole.gone"]
    assert found["serving"]["words"]["devices"] == 1
    receipts = {json.loads(line)["data"].get("receipt_no") for line in before.splitlines()} - {None}
    assert len(receipts) == 3
    assert found["sale"]["words"]["receipt_no"] not in receipts
    assert not list(room.iterdir())
    assert storehub.ok("export") == before
    assert "drill_box.done" in storehub.run("doctor", "--json", "--wait", "0.5", **never).stdout

    # An older backup, in Japanese: what came after it is nowhere else.
    sell(hub, 4)
    done = storehub.run("drill", "box", "--from", str(backup), "--room", str(room), "--json", "--lang", "ja")
    assert done.exit_code == 3, (done.stdout, done.stderr, done.exception)
    old = steps(done.stdout)["copy"]
    assert old["id"] == "copy.old"
    assert old["words"]["lost"] == old["words"]["behind"] >= 2
    assert "他のどこにもありません" in old["detail"]


def test_a_damaged_backup_is_told_before_it_is_needed(
    hub: Hub, storehub: Storehub, sell: Sell, tmp_path: Path
) -> None:
    sell(hub, 1)
    backup = tmp_path / "b.tar"
    storehub.ok("backup", str(backup))
    whole = backup.read_bytes()
    place = whole.index(b"storehub.order.placed.v1")
    backup.write_bytes(whole[:place] + b"x" + whole[place + 1 :])
    done = storehub.run("drill", "box", "--from", str(backup), "--room", str(tmp_path), "--json")
    assert done.exit_code == 1
    assert [step["id"] for step in steps(done.stdout).values()] == ["copy.failed"]
    assert {path.name for path in tmp_path.iterdir()} == {"b.tar", "data", "menu.json"}
    remembered = json.loads((storehub.data / "drills.json").read_text())
    assert remembered["box"]["state"] == "fail"


async def test_a_box_made_again_from_the_mirror(tmp_path: Path, short_folder: Path) -> None:
    usb = short_folder / "usb"
    (tmp_path / "hub.toml").write_text(f'mirror_dir = "{usb}"\n')
    storehub = Storehub(tmp_path / "data")

    async def drilled(*more: str, lang: str = "en") -> tuple[int, dict[str, dict[str, Any]]]:
        words = ("drill", "box", "--mirror", "--room", str(short_folder), "--json", "--lang", lang, *more)
        done = await asyncio.to_thread(storehub.run, *words, STOREHUB_MIRROR_DIR=str(usb))
        return done.exit_code, steps(done.stdout)

    async with hub_process(tmp_path, "--config", str(tmp_path / "hub.toml"), menu=False) as hub:
        await hub.do("master.apply", changes=[msgspec.to_builtins(change) for change in MENU])
        storehub.ok("mirror", "prepare", str(usb))
        _, token = await hub.device("register")
        for number in range(4):
            assert await order(hub.port, token, number) == 201
        async with asyncio.timeout(20):
            # The secrets follow the entries.
            while (await hub.do("look"))["mirror"]["state"] != "following" or not (
                usb / "sealed.bin"
            ).exists():
                await asyncio.sleep(0.05)
        paper = (storehub.data / "recovery.key").read_text().strip()
        code, found = await drilled("--recovery-key", paper)
        assert (code, found["copy"]["id"], found["copy"]["words"]["behind"]) == (0, "copy.mirror", 0)
        assert [found[name]["id"] for name in ("key", "restored", "serving", "whole")] == [
            "key.paper",
            "restored.whole",
            "serving.ready",
            "whole.gone",
        ]
        assert found["serving"]["words"]["devices"] == 1
        await hub.stop()
    # The stick was out for the last two: they are on this box alone. Nothing but the copy is left for the new box.
    segment = next(usb.glob("entries-*.ndjson"))
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:-2]))
    code, found = await drilled(lang="ja")
    assert (code, found["copy"]["id"], found["copy"]["words"]["lost"]) == (3, "copy.mirror_old", 2)
    assert found["key"]["id"] == "key.own"
    assert "失われるところ" in found["copy"]["detail"]
    # The wrong paper is found out before it is needed, and what was begun is taken away.
    code, found = await drilled("--recovery-key", "-".join(["AAAA"] * 8))
    assert (code, [one["id"] for one in found.values()]) == (1, ["copy.failed"])
    assert {path.name for path in short_folder.iterdir()} == {"usb"}
    assert "mirror_dir" in storehub.no("drill", "box", "--mirror")


async def asked(port: int, token: str, method: str, path: str, body: Any = None, key: str = "") -> Any:
    """The status and the JSON of a request."""
    line = HttpLine(port)
    try:
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        if key:
            headers["Idempotency-Key"] = key
        sent = b"" if body is None else json.dumps(body).encode()
        status, _, answer = await line.ask(method, path, headers, sent)
        return status, json.loads(answer)
    finally:
        line.close()


async def order(port: int, token: str, number: int) -> int:
    body = {"table_id": "t-9", "lines": [{"product_id": "p1", "quantity": 1}]}
    status, _ = await asked(port, token, "POST", "/v1/orders", body, key=f"o-{number}")
    return int(status)


async def test_an_outage_is_rehearsed_and_ends_by_itself(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        _, manager = await rig.pair("m", "manager")
        _, register = await rig.pair("r")
        await rig.drained(manager)
        storehub = Storehub(rig.data)
        drilled = asyncio.create_task(
            asyncio.to_thread(storehub.run, "drill", "wan", "--seconds", "4", "--drain", "30", "--json")
        )
        taken = 0
        seen: set[str] = set()
        while not drilled.done():
            assert await order(rig.port, register, taken) == 201
            taken += 1
            look = await ask(rig.data / "control.sock", "look")
            seen.add(look["link"]["reason"].partition(":")[0])
            await asyncio.sleep(0.1)
        done = await drilled
        assert done.exit_code == 0, (done.stdout, done.stderr, done.exception)
        found = steps(done.stdout)
        assert [found[name]["id"] for name in ("outage", "lan", "orders", "backlog")] == [
            "outage.held",
            "lan.steady",
            "orders.taken",
            "backlog.drained",
        ]
        assert "drill" in seen
        assert 5 <= found["orders"]["words"]["orders"] <= taken
        assert found["backlog"]["words"]["most"] >= 5
        assert found["days"]["id"] in ("days.agree", "days.later")
        await rig.drained(manager)
        ours, theirs = await rig.exports()
        assert ours == theirs

        # The same from the console, one at a time; a person ends it sooner.
        async def drills(method: str = "GET", body: Any = None) -> Any:
            return (await asked(rig.port, manager, method, "/v1/drills", body))[1]

        assert (await drills())["drills"][0] == {"kind": "wan", "why": None}
        begun = await drills("POST", {"kind": "wan", "seconds": 200})
        assert begun["running"]["kind"] == "wan"
        async with asyncio.timeout(30):
            while (await ask(rig.data / "control.sock", "look"))["link"]["state"] != "offline":
                await asyncio.sleep(0.1)
        refused = await asyncio.to_thread(storehub.run, "drill", "wan", "--seconds", "1")
        assert "another drill is running" in refused.stderr
        assert await order(rig.port, register, taken) == 201
        await asked(rig.port, manager, "POST", "/v1/sync/resume")
        await rig.drained(manager, within_s=20)
        async with asyncio.timeout(60):
            while (told := await drills())["running"]:
                await asyncio.sleep(0.1)
        assert told["last"]["state"] == "warn"
        ids = [step["id"] for step in told["last"]["steps"]]
        assert ids[0] == "outage.early"
        assert {"orders.taken", "backlog.drained"} <= set(ids)

        # A hub that is killed in the middle knows nothing of the drill when it is back.
        await ask(rig.data / "control.sock", "drill.wan", seconds=600)
        with pytest.raises(ControlError):
            await ask(rig.data / "control.sock", "drill.wan", seconds=600)
        again = await asyncio.to_thread(storehub.run, "drill", "wan", "--seconds", "1")
        assert "rehearsal" in again.stderr
        await rig.hub.kill()
        await rig.hub.start()
        began = time.monotonic()
        await order(rig.port, register, taken + 1)
        await rig.drained(manager, within_s=20)
        assert time.monotonic() - began < 20

        # A person who presses resume ends it.
        await ask(rig.data / "control.sock", "drill.wan", seconds=600)
        await ask(rig.data / "control.sock", "sync.resume")
        await order(rig.port, register, taken + 2)
        await rig.drained(manager, within_s=20)


def test_without_a_hub_or_a_cloud_there_is_no_line_to_cut(hub: Hub, storehub: Storehub) -> None:
    assert "offline already" in storehub.no("drill", "wan", "--seconds", "1")
    hub.stop()
    assert "no hub runs" in storehub.no("drill", "wan", "--seconds", "1")
