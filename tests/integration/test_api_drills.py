"""/v1/drills: the console's drill of a dead box, for real, while orders go on. The line's is in tests/cli."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hub import drilling
from hub.control import ControlDoor
from hub.doctor.drills import DrillRefused, alone
from hub.drilling import Driller
from hub.settings import Settings
from tests.integration.conftest import Shop


async def until(true: Callable[[], Any], *, seconds: float = 90) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.02)


@pytest.fixture
def room(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where drills make their copies. Short, as a local socket's address has 107 bytes at most."""
    with tempfile.TemporaryDirectory() as folder:
        monkeypatch.setenv("TMPDIR", folder)
        yield Path(folder)


@pytest.fixture
def copied(shop: Shop) -> None:
    """A standby has asked; the rehearsal uses no port of the machine's own network."""
    shop.box.drills = Driller(Settings(http=True, port=0, mdns=False), shop.hub.data.path, shop.box)
    shop.box.copies.reached("standby", shop.hub.journal.position.seq)


async def test_who_may_and_why_not_now(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    manager, handheld = await shop.device("manager"), await shop.device()
    assert (await handheld.get("/v1/drills")).status_code == 403
    assert (await handheld.post("/v1/drills", {"kind": "box"})).status_code == 403
    told = (await manager.get("/v1/drills")).json()
    assert told["drills"] == [{"kind": "wan", "why": "line"}, {"kind": "box", "why": "copy"}]
    assert (told["running"], told["last"]) == (None, None)
    refused = await manager.post("/v1/drills", {"kind": "box"}, accept_language="ja")
    assert (refused.status_code, refused.json()["slug"], refused.json()["why"]) == (
        409,
        "drill-refused",
        "copy",
    )
    assert "訓練" in refused.json()["detail"]
    for body in ({"kind": "fire"}, {"kind": "wan", "seconds": 301}, {"kind": "wan", "long": True}, {}):
        assert (await manager.post("/v1/drills", body)).json()["slug"] == "invalid-request"
    shop.box.copies.reached("standby", 1)
    monkeypatch.setattr(drilling, "ROOM_BYTES", 1 << 60)
    assert (await manager.get("/v1/drills")).json()["drills"][1]["why"] == "space"
    shop.box.role = "superseded"
    assert [one["why"] for one in (await manager.get("/v1/drills")).json()["drills"]] == ["role", "role"]


@pytest.mark.usefixtures("copied")
async def test_a_dead_box_is_rehearsed_while_orders_go_on(shop: Shop, room: Path) -> None:
    technician, handheld = await shop.device("technician"), await shop.device()
    async with ControlDoor(shop.hub.data.control, shop.box):
        begun = await technician.post("/v1/drills", {"kind": "box"})
        assert (begun.status_code, begun.json()["running"]["kind"]) == (202, "box")
        again = await technician.post("/v1/drills", {"kind": "box"})
        assert (again.status_code, again.json()["why"]) == (409, "running")
        seq, taken = shop.hub.journal.position.seq, 0
        while (told := (await technician.get("/v1/drills", accept_language="ja")).json())["running"]:
            assert (await handheld.order()).status_code == 201
            taken += 1
            await asyncio.sleep(0.05)
    last = told["last"]
    assert (last["kind"], last["state"]) == ("box", "ok"), last
    steps = {step["id"]: step for step in last["steps"]}
    assert list(steps) == [
        "copy.made",
        "restored.whole",
        "serving.ready",
        "sale.taken",
        "whole.time",
        "whole.gone",
    ]
    assert steps["restored.whole"]["title"] == "復元"
    english = (await technician.get("/v1/drills")).json()["last"]["steps"]
    assert english[1]["title"] == "the restore"
    # What was sold there is not here: only what the handheld ordered meanwhile.
    ours = [await shop.hub.journal.at(one) for one in range(seq + 1, shop.hub.journal.position.seq + 1)]
    assert not any(b"sale.completed" in one.raw for one in ours if one is not None)
    assert taken
    assert not list(room.iterdir())
    assert json.loads((shop.hub.data.path / "drills.json").read_text())["box"]["state"] == "ok"


def hubs_in(room: Path) -> list[bytes]:
    """The environments of the hubs that are rehearsed there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if f"--data\0{room}".encode() in (process / "cmdline").read_bytes():
                found.append((process / "environ").read_bytes())
    return found


@pytest.mark.usefixtures("copied")
async def test_a_hub_that_stops_takes_its_drill_along(
    shop: Shop, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CREDENTIALS_DIRECTORY", "RUNTIME_DIRECTORY"):
        monkeypatch.setenv(name, str(shop.hub.data.path / "of-the-service"))
    async with ControlDoor(shop.hub.data.control, shop.box):
        shop.box.drills.begin("box", 60)
        # Until its hub has begun: that has to go too.
        await until(lambda: hubs_in(room))
        assert b"of-the-service" not in b"".join(hubs_in(room))
        driller: Any = shop.box.drills
        await driller.stop()
    assert not list(room.iterdir())
    assert not hubs_in(room)
    told = shop.box.drills.view()
    assert (told["running"], told["last"]["state"]) == (None, "unfinished")


@pytest.mark.usefixtures("copied")
async def test_one_that_hangs_is_ended_and_one_of_the_command_line_s_is_waited_for(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drilling, "BOX_S_MAX", 0.05)
    shop.box.drills.begin("box", 60)
    await until(lambda: shop.box.drills.view()["running"] is None)
    assert shop.box.drills.view()["last"]["state"] == "unfinished"
    monkeypatch.setattr(drilling, "BOX_S_MAX", 60.0)
    with alone(shop.hub.data):
        with pytest.raises(DrillRefused), alone(shop.hub.data):
            pass
        shop.box.drills.begin("box", 60)
        await until(lambda: shop.box.drills.view()["running"] is None)
    assert shop.box.drills.view()["last"]["state"] == "refused"
