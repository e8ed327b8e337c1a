"""Holes in acknowledged history: real hubs that lost entries get them back, byte for byte, while they serve."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hub.demo.wan import Line
from tests.failover.dinner import Box
from tests.support.core import MENU
from tests.support.handheld import Line as HttpLine
from tests.support.rig import Rig, RigError, run

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


async def order(port: int, token: str, key: str) -> tuple[int, dict[str, str], bytes]:
    line = HttpLine(port)
    body = json.dumps({"table_id": f"t{key}", "lines": [{"product_id": "p1", "quantity": 1}]}).encode()
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": key, "Content-Type": "application/json"}
    try:
        return await line.ask("POST", "/v1/orders", headers, body)
    finally:
        line.close()


def lose(data: Path, *seqs: int) -> None:
    """The entries' bytes are gone from a closed journal, on every page of it."""
    with closing(sqlite3.connect(data / "journal.db")) as db, db:
        for seq in seqs:
            db.execute("UPDATE entries SET raw = zeroblob(length(raw)) WHERE seq = ?", (seq,))
    with closing(sqlite3.connect(data / "journal.db")) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.execute("VACUUM")


async def repaired(data: Path) -> None:
    """`storehub repair` says that entries are missing: its exit status is 1 then."""
    with pytest.raises(RigError):
        await run("hub", "repair", "--data", str(data))


async def sync(port: int, token: str) -> dict[str, Any]:
    line = HttpLine(port)
    try:
        _, _, body = await line.ask("GET", "/v1/sync", {"Authorization": f"Bearer {token}"})
        said: dict[str, Any] = json.loads(body)
        return said
    finally:
        line.close()


async def until(port: int, token: str, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    async with asyncio.timeout(40):
        while not true(said := (await sync(port, token))["holes"]):
            await asyncio.sleep(0.05)
    return said


def filled(said: dict[str, Any]) -> bool:
    """Nothing is missing any more, and it is told who gave it: a moment lies between the two."""
    return said["missing"] == [] and any(one["said"] == "gave" for one in said["tried"])


def entries_of(data: Path) -> dict[int, bytes]:
    with closing(sqlite3.connect(f"file:{data / 'journal.db'}?mode=ro", uri=True)) as db:
        return {int(seq): bytes(raw) for seq, raw in db.execute("SELECT seq, raw FROM entries")}


async def test_the_cloud_gives_back_what_the_box_lost(tmp_path: Path) -> None:
    async with Rig(tmp_path) as rig:
        _, token = await rig.pair("r")
        _, manager = await rig.pair("m", "manager")
        first = {}
        for number in range(6):
            first[f"a{number}"] = await order(rig.port, token, f"a{number}")
        await rig.hub.stop()
        await rig.hub.start()
        for number in range(6):
            first[f"b{number}"] = await order(rig.port, token, f"b{number}")
        await rig.drained(manager)
        await rig.hub.stop()
        kept = entries_of(rig.data)
        started = [seq for seq, raw in sorted(kept.items()) if b"storehub.hub.started.v1" in raw]
        # Across the beginning of an epoch, and one in the middle of one.
        gone = [started[1] - 2, started[1] - 1, started[1], started[1] + 1, max(kept) - 3]
        lose(rig.data, *gone)
        await repaired(rig.data)
        assert set(kept) - set(entries_of(rig.data)) == set(gone)

        # Without the line: named exactly, selling goes on, and nothing has a second effect.
        await rig.wan.switch(Line.REFUSED)
        await rig.hub.start()
        seen = await sync(rig.port, manager)
        spans = [(one["first"], one["last"]) for one in seen["holes"]["missing"]]
        assert spans == [(gone[0], gone[3]), (gone[4], gone[4])]
        assert [(one["first"], one["last"]) for one in seen["lost"]] == spans
        assert seen["holes"]["missing"][0]["epoch"] == ""
        assert (await order(rig.port, token, "c0"))[0] == 201
        lost_key = next(key for key, (_, head, _) in first.items() if int(head["storehub-seq"]) in gone)
        status, _, body = await order(rig.port, token, lost_key)
        assert (status, json.loads(body)["slug"]) == (503, "outcome-unknown")
        said = await until(rig.port, manager, lambda said: said["tried"] != [])
        assert said["tried"][0]["source"] == "cloud"
        assert said["tried"][0]["said"] != "gave"

        await rig.wan.switch(Line.UP)
        said = await until(rig.port, manager, filled)
        assert said["returned"] == len(gone)
        for key, (_, _, body) in first.items():
            status, head, again = await order(rig.port, token, key)
            assert (status, again, head["idempotency-replayed"]) == (201, body, "true")
        await rig.drained(manager)
        now = entries_of(rig.data)
        assert {seq: now[seq] for seq in kept} == kept
        ours, theirs = await rig.exports()
        assert ours == theirs
        await rig.hub.stop()
        assert "the chain holds" in await run("hub", "verify", "--data", str(rig.data))
        await rig.hub.start()
        assert (await sync(rig.port, manager))["lost"] == []


async def test_the_mirror_and_the_standby_give_back_what_they_have(tmp_path: Path) -> None:
    usb = tmp_path / "usb"
    first = Box(tmp_path, "first", f'mirror_dir = "{usb}"\n')
    second = Box(tmp_path, "second", "")
    try:
        await first.program.start()
        await run("hub", "mirror", "prepare", "--data", str(first.data), str(usb))
        await first.do("master.apply", changes=[msgspec.to_builtins(change) for change in MENU])
        token = (await first.do("device.add", name="m", role="manager"))["token"]
        for number in range(8):
            assert (await order(first.port, token, f"k{number}"))[0] == 201
        code = await first.do("device.code", role="standby")
        await run("hub", "standby", "--data", str(second.data), code["uri"])
        await second.program.start()
        async with asyncio.timeout(20):
            while {one["state"] for one in (await first.do("look"))["mirror"]["copies"]} != {"following"}:
                await asyncio.sleep(0.05)
        kept = entries_of(first.data)
        await first.program.stop()
        await second.program.stop()
        last = max(kept)
        # The cloud is said to have them; there is none, so only the copies can give them back.
        with closing(sqlite3.connect(first.data / "journal.db")) as db, db:
            acked = {"acked": {"epoch": "", "seq": last, "hash": "0" * 64}}
            db.execute(
                "INSERT OR REPLACE INTO notes VALUES ('upstream.progress', ?)", (json.dumps(acked).encode(),)
            )
        lose(first.data, last - 6, last - 5, last - 4)
        usb.rename(tmp_path / "out")
        await repaired(first.data)
        await first.program.start()
        said = await until(first.port, token, lambda said: said["tried"] != [])
        assert [one["source"] for one in said["tried"]] == ["mirror"]
        assert [(one["first"], one["last"]) for one in said["missing"]] == [(last - 6, last - 4)]
        await second.program.start()
        said = await until(first.port, token, filled)
        assert {one["source"] for one in said["tried"] if one["said"] == "gave"} == {"standby"}
        assert entries_of(first.data).items() >= kept.items()

        # And from the mirror alone, once the stick is in again.
        await second.program.stop()
        await first.program.stop()
        lose(first.data, last - 6, last - 5, last - 4)
        await repaired(first.data)
        (tmp_path / "out").rename(usb)
        await first.program.start()
        said = await until(first.port, token, filled)
        assert [one["said"] for one in said["tried"] if one["source"] == "mirror"] == ["gave"]
        assert entries_of(first.data).items() >= kept.items()
        await first.program.stop()
        assert "the chain holds" in await run("hub", "verify", "--data", str(first.data))
    finally:
        await first.program.kill()
        await second.program.kill()
