"""The real program: its ready line, its stop, its command line beside it, kill -9, several replicas."""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from cloudchains import Journal
from cloudkit import HubClient

_PROGRAM = [sys.executable, "-m", "cloud"]


def call(*arguments: str, ok: bool = True) -> str:
    done = subprocess.run([*_PROGRAM, *arguments], capture_output=True, text=True, timeout=60)
    assert (done.returncode == 0) == ok, done.stderr
    return done.stdout if ok else done.stderr


def add_hub(db: str, *more: str) -> tuple[str, str]:
    words = call("hub", "add", "--store", "s1", "--db", db, *more).split()
    hub, token = (word.partition("=")[2] for word in words)
    return hub, token


@contextlib.asynccontextmanager
async def serving(db: str, *more: str, stop: int = signal.SIGTERM) -> AsyncIterator[str]:
    """Yield the base URL."""
    service = await asyncio.create_subprocess_exec(
        *_PROGRAM, "run", "--db", db, "--port", "0", *more, stdout=subprocess.PIPE
    )
    try:
        assert service.stdout is not None
        line = (await asyncio.wait_for(service.stdout.readline(), 20)).decode()
        assert line.startswith("storehub-cloud ready http://127.0.0.1:"), line
        yield line.split()[-1]
    finally:
        service.send_signal(stop)
        status = await asyncio.wait_for(service.wait(), 20)
    assert status == (0 if stop == signal.SIGTERM else -stop)


async def test_run_and_everything_beside_it(db_url: str, tmp_path: Path) -> None:
    hub_id, token = add_hub(db_url)
    menu = tmp_path / "menu.json"
    async with (
        serving(db_url, "--operator-token", "op", "--refuse-type", "x.bad.v1") as base,
        HubClient(None, base, hub_id, token) as hub,
    ):
        journal = await hub.started(5)
        cursor = (await hub.http.get("master")).json()["cursor"]
        waiting = asyncio.create_task(hub.http.get("master", params={"since": cursor, "wait": 20}))
        menu.write_text(json.dumps({"tables": [{"id": "t1", "name": "1", "area": ""}]}))
        assert await asyncio.to_thread(call, "import-master", "--store", "s1", "--db", db_url, str(menu)) == (
            "1 change\n"
        )
        assert [c["id"] for c in (await waiting).json()["changes"]] == ["t1"]
        await asyncio.to_thread(call, "device", "revoke", "--store", "s1", "--db", db_url, "d1")
        kinds = [c["kind"] for c in (await hub.http.get("master")).json()["changes"]]
        assert kinds == ["table", "device_revoked"]
        exported = await asyncio.to_thread(call, "export", "--hub", hub_id, "--db", db_url)
        assert exported.encode().splitlines() == [entry.body for entry in journal.entries]
        journal.add("e1", type="x.bad.v1")
        assert (await hub.post(journal.entries)).status_code == 422
        async with httpx.AsyncClient() as operator:
            answer = await operator.get(f"{base}/v1/stores", headers={"Authorization": "Bearer op"})
            assert answer.json()["stores"][0]["hubs"][0]["state"] == "heard"
        shown = json.loads(await asyncio.to_thread(call, "stores", "--json", "--db", db_url))
        assert shown["stores"][0]["hubs"][0]["cursor"]["seq"] == 5
        _, second = await asyncio.to_thread(add_hub, db_url, "--hub", hub_id)
        assert (await hub.http.get("cursor")).status_code == 200
        async with HubClient(None, base, hub_id, second) as successor:
            assert (await successor.http.get("cursor")).status_code == 200
        assert (await hub.http.get("cursor")).status_code == 401
    exported = await asyncio.to_thread(call, "export", "--hub", hub_id, "--db", db_url)
    assert len(exported.splitlines()) == 5


async def test_a_stop_does_not_wait_for_who_waits(tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path}/cloud.db"
    hub_id, token = add_hub(db)
    async with asyncio.timeout(10), contextlib.AsyncExitStack() as later:
        async with serving(db) as base:
            hub = await later.enter_async_context(HubClient(None, base, hub_id, token))
            waiting = asyncio.create_task(hub.http.get("master", params={"since": "0", "wait": 30}))
            await hub.http.get("cursor")
        assert (await waiting).json() == {"cursor": "0", "full": False, "changes": []}


async def test_mistakes_are_told_in_a_sentence(tmp_path: Path) -> None:
    db = f"sqlite:///{tmp_path}/cloud.db"
    for arguments, words in (
        (["run", "--db", "mysql://x"], "sqlite:///PATH"),
        (["run", "--db", f"sqlite:///{tmp_path}/no/such/folder/x.db"], "cannot open"),
        (["run", "--db", "postgresql://nobody@127.0.0.1:1/x?connect_timeout=1"], "cannot use the PostgreSQL"),
        (["run", "--db", db, "--host", "203.0.113.7", "--port", "0"], "cannot listen"),
        (["export", "--db", db, "--hub", "nope"], "no hub nope"),
        (["hub", "add", "--db", db, "--store", "a b"], "store id"),
        (["device", "revoke", "--db", db, "--store", "nowhere", "d"], "no store nowhere"),
    ):
        error = await asyncio.to_thread(call, *arguments, ok=False)
        assert words in error
        assert "Traceback" not in error


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_was_acknowledged_survives_kill_9(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    db = f"sqlite:///{tmp_path}/cloud.db"
    hubs = [add_hub(db) for _ in range(2)]
    journals = [Journal() for _ in hubs]
    for number, journal in enumerate(journals):
        journal.grow(f"e{number}", 3000, pad="x" * 900)
    acknowledged = [0 for _ in hubs]

    async def replay(base: str, number: int) -> None:
        journal = journals[number]
        async with HubClient(None, base, *hubs[number]) as hub:
            await hub.open(f"e{number}", Journal().end)
            at = (await hub.cursor())["seq"]
            assert at >= acknowledged[number]
            while at < len(journal.entries):
                answer = await hub.post(journal.entries[at : at + dice.randint(1, 120)])
                # Nobody else sends, so there is nothing to conflict with but a promise that was broken.
                assert answer.status_code == 200, answer.text
                at = acknowledged[number] = answer.json()["seq"]

    for _ in range(3):
        async with serving(db, stop=signal.SIGKILL) as base:
            tasks = [asyncio.create_task(replay(base, number)) for number in range(len(hubs))]
            await asyncio.sleep(dice.uniform(0.05, 0.4))
        for result in await asyncio.gather(*tasks, return_exceptions=True):
            assert result is None or isinstance(result, httpx.TransportError), result
    async with serving(db) as base:
        await asyncio.gather(*(replay(base, number) for number in range(len(hubs))))
    for (hub_id, _), journal in zip(hubs, journals, strict=True):
        exported = await asyncio.to_thread(call, "export", "--hub", hub_id, "--db", db)
        assert exported.encode().splitlines() == [entry.body for entry in journal.entries]


async def test_replicas_leave_no_double_and_no_gap(db_url: str) -> None:
    """Two services over one database, and senders that do not know of each other, all at once."""
    hub_ids = [add_hub(db_url) for _ in range(2)]
    journals = [Journal() for _ in hub_ids]
    async with serving(db_url) as one, serving(db_url) as two:

        async def replay(base: str, number: int, step: int) -> None:
            entries = journals[number].entries
            async with HubClient(None, base, *hub_ids[number]) as hub:
                while (at := (await hub.cursor())["seq"]) < len(entries):
                    # Some entries that the cloud has, and some that another sender is about to bring.
                    near = [e for e in entries[max(0, at - 5) : at + step] if e.epoch == entries[at].epoch]
                    answer = await hub.post(near)
                    assert answer.status_code in (200, 409), answer.text

        for journal, (hub_id, token) in zip(journals, hub_ids, strict=True):
            async with HubClient(None, one, hub_id, token) as hub:
                for epoch in ("e1", "e2", "e3"):
                    await hub.open(epoch, journal.end)
                    journal.grow(epoch, 150)
        await asyncio.gather(
            *(
                replay(base, number, step)
                for number in range(len(hub_ids))
                for base, step in ((one, 7), (two, 11), (one, 23), (two, 40))
            )
        )
    for (hub_id, _), journal in zip(hub_ids, journals, strict=True):
        exported = await asyncio.to_thread(call, "export", "--hub", hub_id, "--db", db_url)
        assert exported.encode().splitlines() == [entry.body for entry in journal.entries]
